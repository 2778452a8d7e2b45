"""Whose limits a call counts against, and which of several limits count."""

import pytest

from voip_sms.core.calls import DEFAULT_LIMITS, CallOrder, gauges, limits_of
from voip_sms.core.directory import Account, CallLimits, Identity

FLOW = Account(b"account-ivr-0001", b"tenant-acme-0001", "ivr", "address", Identity("name", "ACME"))
MIDNIGHT = 1_795_388_400_000_000
"""2026-11-22T23:00Z: the 23rd has begun in Warsaw."""


def scopes(
    caller: str, to: str = "+48601123456", *, fixed: bool = False
) -> list[tuple[str, str, int | None]]:
    order = CallOrder(FLOW, caller, "1.1", "send", to, "Hej", fixed=fixed)
    found = gauges(order, CallLimits(5, None), MIDNIGHT, "Europe/Warsaw", "PL")
    return [(one.scope, one.period.key, one.limit) for one in found]


def test_a_caller_and_the_flow_are_counted_in_the_customers_day() -> None:
    assert scopes("+48601123456") == [
        ("ivr:address:+48601123456", "2026-11-23", 5),
        ("ivr:address", "2026-11-23", None),
    ]


def test_whoever_gets_the_sms_is_counted_too_for_callers_can_be_forged() -> None:
    assert [scope for scope, *_ in scopes("+48699999999")] == [
        "ivr:address:+48699999999",
        "ivr:address:+48601123456",
        "ivr:address",
    ]


def test_who_is_on_duty_gets_as_many_as_call() -> None:
    assert [scope for scope, *_ in scopes("+48699999999", fixed=True)] == [
        "ivr:address:+48699999999",
        "ivr:address",
    ]


@pytest.mark.parametrize("shown", ["601123456", "+48 601 123 456", "0048601123456", "48601123456"])
def test_a_caller_is_one_however_the_pbx_writes_the_number(shown: str) -> None:
    assert scopes(shown) == scopes("+48601123456")


@pytest.mark.parametrize(
    ("shown", "counted"),
    [
        ("101", "101"),
        ("desk 7\0", "desk 7"),
        ("x1" * 900, "x1" * 32),
        *((hidden, "+48602123456") for hidden in ("", "anonymous", "Unavailable", "+")),
    ],
)
def test_who_has_no_number_is_counted_by_what_there_is(shown: str, counted: str) -> None:
    assert scopes(shown, "602123456")[0][0] == f"ivr:address:{counted}"


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ((), DEFAULT_LIMITS),
        ((CallLimits(), CallLimits(9, 90)), CallLimits(9, 90)),
        ((CallLimits(caller=1), CallLimits(9, 90)), CallLimits(1, 90)),
        ((CallLimits(0, 0), CallLimits(9, 90)), CallLimits(0, 0)),
        ((CallLimits(flow=7), CallLimits(caller=3)), CallLimits(3, 7)),
    ],
)
def test_of_each_limit_the_first_that_is_said_counts(
    said: tuple[CallLimits, ...], counts: CallLimits
) -> None:
    assert limits_of(*said) == counts
