"""When something that grows will be full: a straight line through what was seen so far."""

from collections.abc import Sequence
from typing import Final

from voip_sms.core.clock import DAY, HOUR

SPAN_LEAST: Final = 6 * HOUR
"""Seen for less, a busy morning would look like a year."""
HORIZON: Final = 365 * DAY
"""Later than this nobody can say from what was seen in a month."""
SAMPLES_LEAST: Final = 3


def full_at(samples: Sequence[tuple[int, int]], capacity: int, now: int) -> int | None:
    """The moment (epoch microseconds) at which the trend of `samples` (moment, amount) reaches `capacity`.

    `now` where it has; None: it is not growing, too little was seen, or it is more than a year away. Least
    squares, so that one odd hour counts little.
    """
    if samples and samples[-1][1] >= capacity:
        return now
    if len(samples) < SAMPLES_LEAST or samples[-1][0] - samples[0][0] < SPAN_LEAST:
        return None
    slope = _slope(samples)
    if slope <= 0:
        return None
    wait = (capacity - samples[-1][1]) / slope
    return now + round(wait) if wait <= HORIZON else None


def _slope(samples: Sequence[tuple[int, int]]) -> float:
    """Amount per microsecond."""
    middle_at = sum(at for at, _ in samples) / len(samples)
    middle = sum(amount for _, amount in samples) / len(samples)
    above = sum((at - middle_at) * (amount - middle) for at, amount in samples)
    below = sum((at - middle_at) ** 2 for at, _ in samples)
    return above / below if below else 0.0
