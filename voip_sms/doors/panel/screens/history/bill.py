"""The bill of a month, day by day: what was sent and what it cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from aiohttp import web
from babel.dates import format_skeleton

from voip_sms.core.clock import from_datetime, to_datetime
from voip_sms.core.directory import Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.history import HistoryFilter, Sums
from voip_sms.doors.panel import charts
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.rooms import Rooms

_SECONDS: Final = 20.0
"""Thirty-one sums, each of at most as many messages as are summed up at once."""
_EARLIEST: Final = 2000
"""No service is older; and a year before the first can't be reckoned with."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day's outbound messages; `sums.whole` False: there were more than are counted."""

    day: date
    start: Micros
    sums: Sums


@dataclass(frozen=True, slots=True)
class Total:
    """Of all days."""

    messages: int
    parts: int
    prices: Mapping[str, Micros]
    whole: bool


class BillScreen:
    """Bills of a company."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [Route("GET", f"{ROOT}/bills/{{month}}", "bill", self.show, "bills", seconds=_SECONDS)]

    async def show(self, page: Page) -> web.StreamResponse:
        """One month, up to today."""
        first = _month(page.request.match_info["month"])
        today = to_datetime(page.now).astimezone(zone_of(page)).date()
        if page.tenant is None or first > today:
            raise Refusal("not_found")
        days = [await self._day(page, one) for one in _days(first, today)]
        total = _total([day.sums for day in days])
        return page.render(
            "history/bill.html",
            first=first,
            month=format_skeleton("yMMMM", first, locale=page.words.language),
            company=page.tenant.name,
            days=days,
            total=total,
            chart=_chart(page, days),
            link_of=_link_of,
        )

    async def _day(self, page: Page, day: date) -> Day:
        since, until = _moment(page, day), _moment(page, day + timedelta(days=1))
        only = HistoryFilter(direction="outbound", since=since, until=until)
        return Day(day, since, await self._rooms.history.sums(page.tenant_id, only))


def _month(text: str) -> date:
    """`2026-11`: its first day. Refusal `not_found`."""
    try:
        first = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a day of the company's calendar
    except ValueError:
        raise Refusal("not_found") from None
    if first.year < _EARLIEST:
        raise Refusal("not_found")
    return first


def _days(first: date, today: date) -> list[date]:
    """Those of the month, as far as there were any."""
    days = (first + timedelta(days=after) for after in range(31))
    return [day for day in days if day.month == first.month and day <= today]


def _moment(page: Page, day: date) -> Micros:
    return from_datetime(datetime.combine(day, time(), zone_of(page)))


def _total(sums: Sequence[Sums]) -> Total:
    prices: Counter[str] = Counter()
    for one in sums:
        prices.update(one.prices)
    return Total(
        sum(one.messages for one in sums),
        sum(one.parts for one in sums),
        prices,
        all(one.whole for one in sums),
    )


def _chart(page: Page, days: Sequence[Day]) -> charts.Chart:
    """Messages of each day."""
    words = page.words
    points = [(str(one.day.day), (one.sums.messages, one.sums.parts)) for one in days]
    names = (words("Messages"), words("Parts"))
    return charts.bars(
        charts.Data("days", words("Messages by the day"), words("Day"), names, points, words.number)
    )


def _link_of(page: Page, day: date) -> str:
    """The day's messages."""
    return page.link("history", direction="outbound", since=day.isoformat(), until=day.isoformat())
