"""Slows down whoever tries keys: a bucket per source address for wrong ones; right keys never wait."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final

from voip_sms.net.http.addresses import source_of

BURST: Final = 10
"""Wrong keys at once: a misconfigured program restarts a few times before somebody looks."""
SECONDS_PER_TRY: Final = 6.0
"""After the burst one more each 6 s: against keys of 128 bits that is never."""
SOURCES: Final = 10_000
"""Addresses remembered, about 2 MB; beyond it the one that was quiet for longest is forgotten."""


class Throttle:
    """`seconds` is a monotonic clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wrong(self, peer: str | None) -> int:
        """Note a wrong key from `peer`; 0, or the seconds it is asked to wait because there were too many."""
        source = source_of(peer)
        now = self._seconds()
        left, since = self._buckets.pop(source, (float(BURST), now))
        left = min(BURST, left + (now - since) / SECONDS_PER_TRY)
        wait = 0 if left >= 1 else ceil((1 - left) * SECONDS_PER_TRY)
        self._buckets[source] = (left if wait else left - 1, now)
        if len(self._buckets) > SOURCES:
            self._buckets.popitem(last=False)
        return wait
