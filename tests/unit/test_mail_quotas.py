"""Days and months in the customer's zone, and counts that never pass a limit."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core import clock
from voip_sms.core.directory import Account, Identity, MailSender, Quota, Tenant
from voip_sms.core.mail.quotas import gauges
from voip_sms.core.quotas import LimitReachedError, Spending, periods

ACME = b"tenant-acme-0001"
ACCOUNT = Account(b"account-mail-001", ACME, "mail", "office@acme.test", Identity("name", "ACME"))
TENANT = Tenant(ACME, "acme", "std", timezone="Europe/Warsaw")


def at(*moment: int) -> int:
    return clock.from_datetime(datetime(*moment, tzinfo=UTC))


def test_the_day_is_the_customers() -> None:
    day, month = periods(at(2026, 12, 31, 23, 30), "Europe/Warsaw")
    assert (day.key, month.key) == ("2027-01-01", "2027-01")
    assert day.until == at(2027, 1, 1, 23)
    assert month.until == at(2027, 1, 31, 23)


@pytest.mark.parametrize(
    ("moment", "key", "until"),
    [
        ((2026, 3, 29, 12), "2026-03-29", (2026, 3, 29, 22)),  # the night an hour is left out: 23 hours
        ((2026, 10, 25, 12), "2026-10-25", (2026, 10, 25, 23)),  # the night it comes twice: 25 hours
        ((2026, 10, 25, 0, 30), "2026-10-25", (2026, 10, 25, 23)),
        ((2026, 10, 25, 1, 30), "2026-10-25", (2026, 10, 25, 23)),
    ],
)
def test_no_night_ends_a_day_twice(moment: tuple[int, ...], key: str, until: tuple[int, ...]) -> None:
    day, _ = periods(at(*moment), "Europe/Warsaw")
    assert (day.key, day.until) == (key, at(*until))


def test_an_unknown_zone_still_counts() -> None:
    assert periods(at(2026, 1, 1), "Mars/Base")[0].key == "2026-01-01"


@given(st.integers(min_value=at(2020, 1, 1), max_value=at(2040, 1, 1)))
def test_each_moment_lies_in_its_period(now: int) -> None:
    for period in periods(now, "Europe/Warsaw"):
        assert now < period.until
        before = {one.key for one in periods(period.until - 1, "Europe/Warsaw")}
        after = {one.key for one in periods(period.until, "Europe/Warsaw")}
        assert period.key in before - after


@given(
    st.integers(min_value=at(2020, 1, 1), max_value=at(2040, 1, 1)),
    st.sampled_from(["Europe/Warsaw", "Pacific/Kiritimati", "Etc/GMT+12", "Mars/Base"]),
)
def test_the_operators_days_are_the_same_whatever_zone_the_customer_chooses(now: int, zone: str) -> None:
    counted = gauges(MailSender(ACCOUNT), replace(TENANT, timezone=zone), now)
    account = [one.period for one in counted if one.whose == "account"]
    assert account == list(periods(now, "UTC"))
    assert [one.period for one in counted if one.whose == "address"] == list(periods(now, zone))


LIMIT = st.none() | st.integers(min_value=0, max_value=6)


@given(LIMIT, LIMIT, LIMIT, LIMIT, st.integers(min_value=0, max_value=10))
def test_never_more_than_the_smallest_limit(
    day: int | None, month: int | None, all_day: int | None, all_month: int | None, wanted: int
) -> None:
    sender = MailSender(ACCOUNT, limits=Quota(day, month))
    tenant = replace(TENANT, mail_limits=Quota(all_day, all_month))
    spending = Spending(gauges(sender, tenant, at(2026, 1, 1)), {})
    refused = 0
    for _ in range(wanted):
        try:
            spending.take()
        except LimitReachedError:
            refused += 1
    limits = [limit for limit in (day, month, all_day, all_month) if limit is not None]
    assert spending.taken == min([wanted, *limits])
    assert spending.taken + refused == wanted
    assert set(spending.used.values()) == {spending.taken}
    reached = {gauge.limit for gauge in spending.used_up()}
    assert reached == ({spending.taken} if spending.taken and spending.taken in limits else set())


def test_the_refusal_says_whose_limit_it_is() -> None:
    sender = MailSender(ACCOUNT, limits=Quota(day=5))
    found = gauges(sender, TENANT, at(2026, 1, 1))
    with pytest.raises(LimitReachedError) as refused:
        Spending(found, {found[0]: 5}).check()
    assert refused.value.detail == "the limit of this address, 5 a day, is used up"
    assert refused.value.data == {"scope": "address", "period": "day", "limit": 5}
