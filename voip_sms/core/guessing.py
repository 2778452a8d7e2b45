"""Who tries secrets: one count of wrong ones over all doors; it delays the next try and shuts nobody out."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from voip_sms.core.buckets import Buckets
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


class Guesses:
    """One per process, shared by all doors: who guesses at one is slow at every other.

    A source is an address, of IPv6 its /64. Nothing is ever refused here: a wait is some seconds, and whoever
    was right from a source before doesn't wait there for what strangers try under the same name elsewhere.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        """`seconds` is a monotonic clock."""
        self._seconds = seconds
        self._sources = Buckets(1 / SECONDS_PER_TRY, BURST, SOURCES)
        self._names = Buckets(1 / SECONDS_PER_NAME, NAME_BURST, NAMES)
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wrong(self, source: str | None, name: str = "") -> float:
        """Note a wrong secret from `source` for `name` ("": a door that knows none).

        0.0, or the seconds that whoever said it is to wait: there were too many.
        """
        now, site = self._seconds(), site_of(source)
        wait = self._sources.take(site, now)
        if name and (name, site) not in self._familiar:
            wait = max(wait, self._names.take(name, now))
        return wait

    def right(self, source: str | None, name: str) -> None:
        """`name` proved itself from `source`: it is at home there."""
        pair = (name, site_of(source))
        self._familiar[pair] = None
        self._familiar.move_to_end(pair)
        if len(self._familiar) > FAMILIAR:
            self._familiar.popitem(last=False)

    def wait(self, source: str | None, name: str) -> float:
        """Seconds that the next try for `name` from `source` is to be kept back, before it is looked at.

        Before, not after: of many tries at once an answer that comes quickly would tell the right one.
        """
        now, site = self._seconds(), site_of(source)
        known = not name or (name, site) in self._familiar
        return max(self._sources.wait(site, now), 0.0 if known else self._names.wait(name, now))

    def __len__(self) -> int:
        return len(self._sources)
