"""What one message by mail counts against: the limits of its address and of all addresses of the account."""

from functools import lru_cache
from typing import Final

from voip_sms.core import clock
from voip_sms.core.directory import MailSender, Quota, Tenant
from voip_sms.core.quotas import Gauge, Period, periods

ALL: Final = "mail"
"""The scope, in table `usage`, of all mail senders of a tenant together."""
OPERATORS_ZONE: Final = "UTC"
"""Of the account's limit: the company sets its own zone, and another one would begin a day anew."""


def gauges(sender: MailSender, tenant: Tenant, now: int) -> tuple[Gauge, ...]:
    """The four counts that one message by mail adds to: the address's and the account's, day and month.

    The address's limit is the company's own, in its zone; the account's is the operator's.
    """
    return _gauges(sender.address, sender.limits, tenant.mail_limits, tenant.timezone, now // clock.MINUTE)


@lru_cache(maxsize=1024)  # addresses that send in one minute; each mail asks twice
def _gauges(address: str, own: Quota, everybody: Quota, timezone: str, minute: int) -> tuple[Gauge, ...]:
    now = minute * clock.MINUTE
    return (
        *(Gauge("address", f"mail:{address}", one, _limit(own, one)) for one in periods(now, timezone)),
        *(Gauge("account", ALL, one, _limit(everybody, one)) for one in periods(now, OPERATORS_ZONE)),
    )


def _limit(quota: Quota, period: Period) -> int | None:
    return quota.day if period.name == "day" else quota.month
