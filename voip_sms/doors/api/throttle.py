"""Slows down whoever tries keys: a bucket per source address for wrong ones; right keys never wait."""

from collections.abc import Callable
from math import ceil
from typing import Final

from voip_sms.core.buckets import Buckets
from voip_sms.net.http.addresses import source_of

BURST: Final = 10
"""Wrong keys at once: a misconfigured program restarts a few times before somebody looks."""
SECONDS_PER_TRY: Final = 6.0
"""After the burst one more each 6 s: against keys of 128 bits that is never."""
SOURCES: Final = 10_000
"""Addresses remembered, about 2 MB."""


class Throttle:
    """`seconds` is a monotonic clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._buckets = Buckets(1 / SECONDS_PER_TRY, BURST, SOURCES)

    def wrong(self, peer: str | None) -> int:
        """Note a wrong key from `peer`; 0, or the seconds it is asked to wait because there were too many."""
        return ceil(self._buckets.take(source_of(peer), self._seconds()))
