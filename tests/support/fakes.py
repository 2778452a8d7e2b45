"""Time, ids and chance that a test holds in its hand, and a dispatcher with no carrier."""

import random

from voip_sms.core.clock import SECOND
from voip_sms.engine.dispatch import NOWHERE, Nowhere

# 2026-11-22T10:00:00Z: an ordinary working day, after the summer-time change, before any expiry in fixtures.
START = 1_795_341_600_000_000


class FakeClock:
    """Stands still until it is moved. Epoch microseconds, as `voip_sms.core.clock.Clock` says."""

    def __init__(self, moment: int = START) -> None:
        self.moment = moment

    def now(self) -> int:
        return self.moment

    def advance(self, seconds: float) -> int:
        """Move on (or, with a negative number, back) and return the new moment."""
        self.moment += round(seconds * SECOND)
        return self.moment


class FakeIds:
    """1, 2, 3 … as 16 octets: in order like UUIDv7, and readable in a failing test."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def new(self) -> bytes:
        number = self._next
        self._next += 1
        return number.to_bytes(16, "big")


class NoDispatcher:
    """`engine.submit.Admission` where nobody is bound: everything is queued."""

    def admit(self, carrier: str, pair: str, parts: int) -> Nowhere:
        return NOWHERE

    def announce(self, carrier: str) -> Nowhere:
        return NOWHERE


def fixed_random(seed: int = 20261122) -> random.Random:
    """Chance that falls the same way in every run."""
    return random.Random(seed)
