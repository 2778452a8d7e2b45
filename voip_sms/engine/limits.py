"""How fast one account may submit, by door: what is beyond it is refused before it costs anything."""

from collections.abc import Mapping
from math import ceil
from typing import Final

from voip_sms.core.buckets import Buckets
from voip_sms.core.directory import Account
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Submission

BURST_SECONDS: Final = 4
"""So many seconds' worth may come at once: a program that works through a list, a phone that was offline."""
ACCOUNTS: Final = 20_000
"""Remembered for each door; more than send in the same few seconds."""


class Limits:
    """In this process's memory: a restart forgives, and each of several nodes counts for itself."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        """`rates`: submissions a second of one account, by door; 0 or no door: as many as come."""
        self._buckets = {
            door: Buckets(rate, rate * BURST_SECONDS, ACCOUNTS) for door, rate in rates.items() if rate > 0
        }

    def check(self, submission: Submission, now: float) -> None:
        """Count it; `now` in monotonic seconds. Refusal `rate_limited`, with `retry_after` as data."""
        self.take(submission.door, submission.account, now)

    def take(self, door: str, account: Account, now: float) -> None:
        """As `check`, where what is counted is no submission: a mail to many is one mail."""
        buckets = self._buckets.get(door)
        wait = buckets.take(account.id, now) if buckets is not None else 0.0
        if wait > 0:
            raise Refusal("rate_limited", "this account sends too fast", {"retry_after": ceil(wait)})


NO_LIMITS: Final = Limits({})
