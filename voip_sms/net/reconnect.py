"""When to try a lost connection again: exponential back-off with full jitter."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackOff:
    """Seconds before try n: a random share (half to all) of `first` doubled n times, at most `longest`."""

    first: float = 0.5
    longest: float = 30.0

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait before `attempt` (0 = the first retry); `random` gives [0, 1)."""
        ceiling = min(self.longest, self.first * 2.0 ** min(attempt, 32))
        return ceiling * (0.5 + random() / 2)
