"""When to try a lost connection again: exponential back-off with jitter."""

from collections.abc import Callable
from dataclasses import dataclass

# 2.0 to more than about a thousand is no float any more; long before that `longest` has taken over.
_DOUBLINGS = 32


@dataclass(frozen=True, slots=True)
class BackOff:
    """Seconds before try n: a random share (half to all) of `first` doubled n times, at most `longest`.

    Half stays fixed so that nobody hammers, half is chance so that those who fell together rise apart.
    """

    first: float = 0.5
    longest: float = 30.0

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds to wait before `attempt` (0 = the first retry); `random` gives [0, 1)."""
        ceiling = min(self.longest, self.first * 2.0 ** min(attempt, _DOUBLINGS))
        return ceiling * (0.5 + random() / 2)
