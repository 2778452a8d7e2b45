"""Who guesses passwords too fast: counted per source and user, banned for a while, phones only slowed."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from voip_sms.core.clock import MINUTE, SECOND
from voip_sms.core.sites import site_of

WINDOW: Final = MINUTE
"""Failures are counted over this."""
PER_USER: Final = 20
"""Failures of one source for one user in a window; a phone with a wrong password makes a few a minute."""
PER_SOURCE: Final = 200
"""Failures of one source for all users in a window: a scanner; an office behind one NAT stays far below."""
BAN: Final = 5 * MINUTE
CAPACITY: Final = 20_000
"""Pairs remembered, about 300 octets each; the oldest are forgotten first."""
PROVEN: Final = 5 * MINUTE
"""How long a right password counts like a binding: as long as a registration usually lasts."""
LIVE_CAPACITY: Final = 100_000
"""Sources and users with bindings remembered, about 200 octets each; the oldest are forgotten first."""
ANY: Final = ""
"""Stands for every user of a source."""


class Standing(Enum):
    """How a source is to be treated."""

    WELCOME = "welcome"
    SLOWED = "slowed"
    BANNED = "banned"


@dataclass(slots=True)
class _Record:
    since: int
    failures: int = 0
    banned_until: int = 0


class Bans:
    """In memory only: a restart forgives. A source with a live binding is slowed, never banned, and a phone
    that is bound there isn't even slowed for what others there do.

    A source is an address, for IPv6 its /64: who has one address there has them all.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        """`now` in epoch microseconds."""
        self._now = now
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()
        self._live: OrderedDict[tuple[str, str], int] = OrderedDict()

    def standing(self, source: str, user: str) -> Standing:
        """How to treat a request of `source` (host) that says it is `user`."""
        if not self._records:
            return Standing.WELCOME
        source, now = site_of(source), self._now()
        for key in ((source, user), (source, ANY)):
            record = self._records.get(key)
            if record is not None and record.banned_until > now:
                if key[1] is ANY and self._live.get((source, user), 0) > now:
                    break  # a phone of that source, and it is somebody else there who guesses
                return Standing.SLOWED if self._live.get((source, ANY), 0) > now else Standing.BANNED
        return Standing.WELCOME

    def failed(self, source: str, user: str) -> bool:
        """A wrong password or unknown user; True when this one begins a ban."""
        source = site_of(source)
        mine = self._count((source, user), PER_USER)
        return self._count((source, ANY), PER_SOURCE) or mine

    def succeeded(self, source: str, user: str) -> None:
        """A right password: earlier slips of this user are forgotten, and for a while it lives there.

        A program that sends without registering is somebody we know, too.
        """
        self._records.pop((site_of(source), user), None)
        self.bound(source, self._now() + PROVEN, user)

    def bound(self, source: str, until: int, user: str = ANY) -> None:
        """`source` has a live binding of `user` until then (epoch microseconds)."""
        source = site_of(source)
        for key in {(source, ANY), (source, user)}:
            self._live[key] = max(until, self._live.get(key, 0))
            self._live.move_to_end(key)
        while len(self._live) > LIVE_CAPACITY:
            self._live.popitem(last=False)

    def lives_at(self, source: str) -> bool:
        """Whether `source` has a live binding."""
        return self._live.get((site_of(source), ANY), 0) > self._now()

    def _count(self, key: tuple[str, str], limit: int) -> bool:
        now = self._now()
        record = self._records.get(key)
        if record is None or now - record.since > WINDOW:
            banned = record.banned_until if record is not None else 0
            record = self._records[key] = _Record(now, banned_until=banned)
            if len(self._records) > CAPACITY:
                self._records.popitem(last=False)
        self._records.move_to_end(key)
        record.failures += 1
        if record.failures < limit or record.banned_until > now:
            return False
        record.banned_until = now + BAN
        return True


RETRY_AFTER: Final = BAN // SECOND // 10
"""Seconds a slowed phone is asked to wait: half a minute."""
