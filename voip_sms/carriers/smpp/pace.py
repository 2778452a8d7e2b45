"""How fast a link may submit: parts a second, and slower for a while after a carrier said it is too much."""

from typing import Final

from voip_sms.net.reconnect import BackOff

BURST_SECONDS: Final = 0.1
"""A tenth of a second's worth may leave at once: smooth for the carrier, few wake-ups for us."""
THROTTLED: Final = BackOff(first=1.0, longest=30.0)
"""Carriers count by the second: a shorter pause is punished, a longer one is for those who stay full."""

# Of a token: sums of small floats miss a whole one by a little, and a wait for that little would never end.
_ROUNDING: Final = 1e-6


class Pace:
    """A token bucket, a pause after throttling, and a window that halves then and regrows one by one.

    Pure: `now` is any clock in seconds that only goes forward.
    """

    __slots__ = (
        "_burst",
        "_filled_at",
        "_paused_until",
        "_rate",
        "_reach",
        "_throttled",
        "_tokens",
        "_window",
    )

    def __init__(self, rate: int, window: int, now: float) -> None:
        """`rate` parts a second, 0 = no limit; `window` the most that may be in flight."""
        self._rate = rate
        self._window = window
        self._reach = float(window)
        self._burst = max(1.0, rate * BURST_SECONDS)
        self._tokens = self._burst
        self._filled_at = now
        self._paused_until = now
        self._throttled = 0

    def allowed(self, now: float, in_flight: int) -> int:
        """Parts that may leave now."""
        if now < self._paused_until:
            return 0
        reach = int(self._reach) - in_flight
        if not self._rate:
            return max(0, reach)
        self._fill(now)
        return max(0, min(reach, int(self._tokens + _ROUNDING)))

    def free_at(self, now: float) -> float | None:
        """When, by time alone, a part may leave; None if time does not hold it up, or not any more."""
        if now < self._paused_until:
            return self._paused_until
        if not self._rate:
            return None
        self._fill(now)
        missing = 1 - self._tokens
        return now + missing / self._rate if missing > _ROUNDING else None

    def took(self) -> None:
        """One part left."""
        if self._rate:
            self._tokens -= 1

    def throttled(self, now: float, in_flight: int) -> None:
        """The carrier is overrun: pause the whole link, longer each time in a row, and go on with half.

        `in_flight` counts the one that was throttled.
        """
        if now < self._paused_until:
            return  # an answer to what had left before the pause
        self._paused_until = now + THROTTLED.delay(self._throttled, _whole)
        self._throttled += 1
        self._reach = max(1.0, min(self._reach, in_flight) / 2)

    def accepted(self) -> None:
        """The carrier took one: a whole window of these allows one more in flight."""
        self._throttled = 0
        if self._reach < self._window:
            self._reach = min(float(self._window), self._reach + 1 / self._reach)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now


def _whole() -> float:
    # One link pauses by itself: there is no crowd to spread.
    return 1.0
