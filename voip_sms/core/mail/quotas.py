"""What one message by mail counts against: the limits of its address and of all addresses of the account."""

from typing import Final

from voip_sms.core.directory import MailSender, Quota, Tenant
from voip_sms.core.quotas import Gauge, Period, periods

ALL: Final = "mail"
"""The scope, in table `usage`, of all mail senders of a tenant together."""


def gauges(sender: MailSender, tenant: Tenant, now: int) -> tuple[Gauge, ...]:
    """The four counts that one message by mail adds to: the address's and the account's, day and month."""
    both = periods(now, tenant.timezone)
    return (
        *(Gauge("address", f"mail:{sender.address}", one, _limit(sender.limits, one)) for one in both),
        *(Gauge("account", ALL, one, _limit(tenant.mail_limits, one)) for one in both),
    )


def _limit(quota: Quota, period: Period) -> int | None:
    return quota.day if period.name == "day" else quota.month
