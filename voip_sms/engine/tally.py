"""Counts what carriers carry and say, until housekeeping writes it down for the operator's charts."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from voip_sms.core.clock import MINUTE
from voip_sms.core.failures import Accepted, Outcome, Temporary

STEP: Final = 5 * MINUTE
"""What one row covers: a day's chart has 288 points, a line two pixels apart on a wide screen."""
ERRORS_MOST: Final = 50
"""Different causes counted between two writings; a carrier's words may be anything. Others: `error:other`."""
CAUSE_MOST: Final = 40
"""Characters of a cause that tell it from others: SMPP's longest name of a status has 31."""

Key = tuple[str, str]
"""(subject, what): `carrier:sim`, `accepted`."""


def carrier(name: str) -> str:
    """What a carrier's rows are found by."""
    return f"carrier:{name}"


def pool(name: str) -> str:
    """What a pool's rows are found by."""
    return f"pool:{name}"


class Tally:
    """Cheap enough for every part: an increment. What was not written when a process is killed is lost: it is
    a minute of a chart, and no message.
    """

    def __init__(self) -> None:
        self._counts: Counter[Key] = Counter()
        self._errors = 0

    def handed_over(self, name: str, outcome: Outcome) -> None:
        """A part came back from a carrier: accepted, throttled, temporary, permanent, uncertain; and why."""
        subject = carrier(name)
        if isinstance(outcome, Accepted):
            self._counts[subject, "accepted"] += 1
            return
        slow = isinstance(outcome, Temporary) and outcome.slow
        self._counts[subject, "throttled" if slow else type(outcome).__name__.lower()] += 1
        self._error(subject, "error:" + "".join(c for c in outcome.cause[:CAUSE_MOST] if c.isprintable()))

    def receipt(self, name: str, status: str) -> None:
        """A receipt was stored; `status` of `core/status.py`."""
        self._counts[carrier(name), status] += 1

    def received(self, name: str) -> None:
        """An inbound PDU was stored."""
        self._counts[carrier(name), "inbound"] += 1

    def take(self) -> Mapping[Key, int]:
        """What was counted since the last time, which is forgotten here."""
        taken, self._counts, self._errors = self._counts, Counter(), 0
        return taken

    def put_back(self, taken: Mapping[Key, int]) -> None:
        """It could not be written: the next time."""
        self._counts.update(taken)

    def _error(self, subject: str, what: str) -> None:
        if (subject, what) not in self._counts:
            if self._errors >= ERRORS_MOST:
                what = "error:other"
            else:
                self._errors += 1
        self._counts[subject, what] += 1


def step_of(moment: int) -> int:
    """Where the five minutes of a moment begin."""
    return moment - moment % STEP


def pool_figures(histogram: Mapping[int, int], numbers: int) -> Mapping[str, int]:
    """What is noted of a pool. `histogram`: how many recipients have so many of its numbers taken."""
    return {
        "leases": sum(taken * peers for taken, peers in histogram.items()),
        "peers": sum(histogram.values()),
        "most": max(histogram, default=0),
        "full": sum(peers for taken, peers in histogram.items() if taken >= numbers),
        "numbers": numbers,
    }
