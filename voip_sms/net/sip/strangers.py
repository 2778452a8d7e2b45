"""Sources that only make work: counted by what they are answered, and not heard for a while beyond a rate."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

RATE: Final = 20.0
"""Requests a second that come to nothing, of one site, for as long as it likes: twenty phones that
register every second, each challenged once."""
BURST: Final = 4000.0
"""And at once: 2,000 phones behind one address that all come back after a restart of ours, asked twice."""
SHUNNED: Final = 5.0
"""Seconds of silence: a phone that shares the address repeats its request for 32 s, and gets through."""
CAPACITY: Final = 20_000
"""Sites remembered, about 250 octets each; the oldest are forgotten first."""
SAID_AGAIN: Final = 600.0
"""Seconds until the same thing of the same site is worth another line in the log."""


class Strangers:
    """A bucket of `BURST` per site, refilled at `RATE`. Where somebody we know lives, nothing is shunned."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spare: Callable[[str], bool] = lambda _: False
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._shunned: OrderedDict[str, float] = OrderedDict()

    def spare(self, known: Callable[[str], bool]) -> None:
        """Never shun an address of which `known` says that somebody we know is there."""
        self._spare = known

    def shunned(self, site: str) -> bool:
        """Whether what `site` sends isn't even read."""
        if not self._shunned:
            return False
        until = self._shunned.get(site)
        if until is None:
            return False
        if until > self._clock():
            return True
        del self._shunned[site]
        return False

    def charge(self, site: str) -> bool:
        """A request of `site` came to nothing; True when that begins a silence."""
        now = self._clock()
        left, since = self._buckets.pop(site, (BURST, now))
        left = min(BURST, left + (now - since) * RATE) - 1
        self._buckets[site] = left, now
        if len(self._buckets) > CAPACITY:
            self._buckets.popitem(last=False)
        if left >= 0 or self._spare(site):
            return False
        self._shunned[site] = now + SHUNNED
        if len(self._shunned) > CAPACITY:
            self._shunned.popitem(last=False)
        return True


class Rarely:
    """Says whether something is worth telling: once per key and `SAID_AGAIN`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def first(self, *key: str) -> bool:
        """Whether `key` was not told of lately; from now on it was."""
        now = self._clock()
        said = self._said.get(key)
        if said is not None and now - said < SAID_AGAIN:
            return False
        self._said.pop(key, None)
        self._said[key] = now
        if len(self._said) > CAPACITY:
            self._said.popitem(last=False)
        return True
