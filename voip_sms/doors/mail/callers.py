"""Who is connected: how many at all and from one address, and how many octets of mails are held for them."""

from collections import Counter
from typing import Final

from voip_sms.core.sites import site_of

HELD_MOST: Final = 268_435_456
"""Octets of unfinished mails in memory: 25 of the largest by default, or thousands of usual ones."""
HELD_SMALL: Final = 1_048_576
"""Who holds less than this is never the one to go."""


class Callers:
    """Counts; of IPv6 a whole /64 counts as one address."""

    def __init__(self, most: int, per_address: int) -> None:
        self._most = most
        self._per_address = per_address
        self._sites: Counter[str] = Counter()
        self._all = 0
        self._held = 0

    def enter(self, host: str) -> bool:
        """Count one more from `host`; False, and not counted, when there are too many."""
        site = site_of(host)
        if self._all >= self._most or self._sites[site] >= self._per_address:
            if not self._sites[site]:
                del self._sites[site]
            return False
        self._sites[site] += 1
        self._all += 1
        return True

    def leave(self, host: str) -> None:
        """One that entered is gone."""
        site = site_of(host)
        self._sites[site] -= 1
        self._all -= 1
        if not self._sites[site]:
            del self._sites[site]

    def hold(self, octets: int, mine: int) -> bool:
        """`octets` more are kept for somebody who has `mine` with them; False when that is too much."""
        self._held += octets
        return self._held <= HELD_MOST or mine <= HELD_SMALL

    def let_go(self, octets: int) -> None:
        """So many are kept no longer."""
        self._held -= octets

    def __len__(self) -> int:
        return self._all
