"""Who tries secrets: one count of wrong ones over all doors; it delays the next try and shuts nobody out."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final, NamedTuple

from voip_sms.core.buckets import Buckets
from voip_sms.core.failures import Refusal
from voip_sms.core.sites import site_of

BURST: Final = 10
"""Wrong secrets of one source without a wait: a mail program asks its owner a few times."""
SECONDS_PER_TRY: Final = 6.0
"""After them, one each 6 s; against keys of 128 bits that is never, against a password 14,400 a day."""
SOURCES: Final = 10_000
"""Addresses remembered, about 2 MB."""
NAME_BURST: Final = 20
"""Wrong passwords of one person, wherever they come from, without a wait: a person slips a few times."""
SECONDS_PER_NAME: Final = 5.0
"""After them, one each 5 s: a thousand machines that share one victim are as slow as one."""
NAMES: Final = 10_000
FAMILIAR: Final = 20_000
"""Pairs of person and source that were right last, about 200 octets each."""
PATIENCE: Final = 25.0
"""Seconds that a try is kept back at most, as a browser is answered within thirty: four tries wait."""


class Turn(NamedTuple):
    """A try that was admitted: `seconds` until it may be looked at; whose counts it is in ("": nobody's)."""

    seconds: float
    site: str
    name: str


class Guesses:
    """One per process, shared by all doors: who guesses at one is slow at every other.

    A source is an address, of IPv6 its /64. Whoever was right from a source before doesn't wait there for
    what strangers try under the same name elsewhere.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """`seconds` is a monotonic clock."""
        self._seconds = seconds
        self._sources = Buckets(1 / SECONDS_PER_TRY, BURST, SOURCES)
        self._names = Buckets(1 / SECONDS_PER_NAME, NAME_BURST, NAMES)
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    def turn(self, source: str | None, name: str, patience: float = PATIENCE) -> Turn:
        """Take the next turn of `source` and `name`: of many tries at once each waits longer than the last.

        Before a secret is looked at, not after: of many tries an answer that comes quickly would tell the
        right one. Refusal `rate_limited`, and no turn is taken: it would be more than `patience` away.
        """
        wait = self.wait(source, name)
        if wait > patience:
            raise Refusal("rate_limited", "too many wrong passwords", {"retry_after": ceil(wait)})
        now, site = self._seconds(), site_of(source)
        counted = "" if self.at_home(source, name) else name
        self._sources.reserve(site, now)
        if counted:
            self._names.reserve(counted, now)
        return Turn(wait, site, counted)

    def spare(self, turn: Turn) -> None:
        """The secret was right: its turn costs nothing."""
        self._sources.give_back(turn.site)
        if turn.name:
            self._names.give_back(turn.name)

    def wrong(self, source: str | None, name: str = "") -> float:
        """Note a wrong secret that took no turn, from `source` for `name` ("": a door that knows none).

        0.0, or the seconds that whoever said it is to wait: there were too many, and they are no longer at
        home there.
        """
        now, site = self._seconds(), site_of(source)
        wait = self._sources.take(site, now)
        if name and not self.at_home(source, name):
            wait = max(wait, self._names.take(name, now))
        if wait:
            self._familiar.pop((name, site), None)
        return wait

    def right(self, source: str | None, name: str) -> None:
        """`name` proved itself from `source`: it is at home there."""
        pair = (name, site_of(source))
        self._familiar[pair] = None
        self._familiar.move_to_end(pair)
        if len(self._familiar) > FAMILIAR:
            self._familiar.popitem(last=False)

    def at_home(self, source: str | None, name: str) -> bool:
        """Whether `name` was right from `source` before."""
        return (name, site_of(source)) in self._familiar

    def wait(self, source: str | None, name: str) -> float:
        """Seconds until the next turn for `name` from `source`; none is taken."""
        now, site = self._seconds(), site_of(source)
        known = not name or self.at_home(source, name)
        return max(self._sources.wait(site, now), 0.0 if known else self._names.wait(name, now))

    def __len__(self) -> int:
        return len(self._sources)
