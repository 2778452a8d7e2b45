"""How often somebody may do something: a token bucket for each account, address or whatever is the key."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

_ROUNDING: Final = 1e-6
"""Of a token: sums of small floats miss a whole one by a little."""


class Buckets:
    """`burst` at once, then `rate` a second. Pure: `now` is any clock in seconds that only goes forward.

    `most` keys are remembered, some 200 octets each; beyond it the one that was quiet for longest goes.
    """

    def __init__(self, rate: float, burst: float, most: int) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._most = most
        self._filled: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable, now: float) -> float:
        """Take one: 0.0, or the seconds until there is one again, and then nothing is taken."""
        left, since = self._filled.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        missing = 1 - left
        taken = missing <= _ROUNDING
        self._filled[key] = (left - 1 if taken else left, now)
        if len(self._filled) > self._most:
            self._filled.popitem(last=False)
        return 0.0 if taken else missing / self._rate

    def wait(self, key: Hashable, now: float) -> float:
        """What `take` would answer; nothing is taken."""
        left, since = self._filled.get(key, (self._burst, now))
        missing = 1 - min(self._burst, left + (now - since) * self._rate)
        return 0.0 if missing <= _ROUNDING else missing / self._rate

    def reserve(self, key: Hashable, now: float) -> float:
        """Take one in any case: the seconds until it is there. Whoever comes next waits for one more."""
        wait = self.wait(key, now)
        left, since = self._filled.pop(key, (self._burst, now))
        self._filled[key] = (min(self._burst, left + (now - since) * self._rate) - 1, now)
        if len(self._filled) > self._most:
            self._filled.popitem(last=False)
        return wait

    def give_back(self, key: Hashable) -> None:
        """One that was taken was not needed."""
        if key in self._filled:
            left, since = self._filled[key]
            self._filled[key] = (left + 1, since)

    def __len__(self) -> int:
        return len(self._filled)
