"""Messages counted against limits per day and month of somebody's zone, whoever has the limit."""

import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from voip_sms.core import clock
from voip_sms.core.failures import Refusal

Name = Literal["day", "month"]
Scope = Literal["address", "account", "caller", "flow"]
_WHOSE: Final[Mapping[Scope, str]] = {
    "address": "this address",
    "account": "the account",
    "caller": "this caller",
    "flow": "the flow",
}


class Period(NamedTuple):
    """A day or month: `key` is `2026-11-22` or `2026-11`; `until` its end, epoch microseconds."""

    name: Name
    key: str
    until: int


class Gauge(NamedTuple):
    """What is counted in one row of `usage`: `scope` and `period` are its key, beside the tenant."""

    whose: Scope
    scope: str
    period: Period
    limit: int | None


class LimitReachedError(Refusal):
    """One more would be beyond the limit; `gauge` says which."""

    def __init__(self, gauge: Gauge) -> None:
        self.gauge = gauge
        super().__init__(
            "limit_reached",
            f"the limit of {_WHOSE[gauge.whose]}, {gauge.limit} a {gauge.period.name}, is used up",
            {"scope": gauge.whose, "period": gauge.period.name, "limit": gauge.limit},
        )


def periods(now: int, timezone: str) -> tuple[Period, Period]:
    """The day and the month that `now` (epoch microseconds) lies in; an unknown zone counts as UTC."""
    return _periods(now // clock.MINUTE, timezone)  # zones change their offset at whole minutes


@lru_cache(maxsize=256)  # zones that customers live in; every mail of a minute asks the same
def _periods(minute: int, timezone: str) -> tuple[Period, Period]:
    zone = _zone(timezone)
    today = clock.to_datetime(minute * clock.MINUTE).astimezone(zone).date()
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (
        Period("day", today.isoformat(), _begins(today + timedelta(days=1), zone)),
        Period("month", f"{today:%Y-%m}", _begins(next_month, zone)),
    )


def day(now: int, timezone: str) -> tuple[int, int]:
    """When the day that `now` lies in begins and ends; 23 or 25 hours when the clocks change."""
    today, _ = periods(now, timezone)
    zone = _zone(timezone)
    return _begins(clock.to_datetime(now).astimezone(zone).date(), zone), today.until


def _zone(name: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _begins(day: date, zone: tzinfo) -> int:
    return clock.from_datetime(datetime.combine(day, time(), zone))


class Spending:
    """Counts of one submission as it goes on: `take` one message after the other, each or none."""

    def __init__(self, gauges: Sequence[Gauge], used: Mapping[Gauge, int]) -> None:
        """`used`: what was counted before; a gauge that is not there has 0."""
        self.used = {gauge: used.get(gauge, 0) for gauge in gauges}
        self.taken = 0
        self._before = dict(self.used)

    def check(self) -> None:
        """LimitReachedError if not even one more may be sent."""
        for gauge, count in self.used.items():
            if gauge.limit is not None and count >= gauge.limit:
                raise LimitReachedError(gauge)

    def take(self) -> None:
        """Count one message; LimitReachedError, and nothing is counted, if it is one too many."""
        self.check()
        self.taken += 1
        for gauge in self.used:
            self.used[gauge] += 1

    def used_up(self) -> tuple[Gauge, ...]:
        """The limits that this submission has used up to the last."""
        return tuple(
            gauge
            for gauge, count in self.used.items()
            if gauge.limit is not None and self._before[gauge] < gauge.limit <= count
        )
