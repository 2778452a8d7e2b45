"""The first page: the balance, today's traffic, and what somebody should look at."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.clock import to_datetime
from voip_sms.core.directory import Directory, Id, Tenant
from voip_sms.core.history import ATTENTION_MOST, Attention, Hour
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.panel import charts
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.render import menu_of
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import Words, marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.engine.messages import Balance

LATEST: Final = 8
"""Messages below the chart: what a glance takes in."""


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to look at. `href`: where; `tone`: bad or warn."""

    icon: str
    text: str
    href: str
    tone: str = "warn"


class Home:
    """What a customer's people see first; an operator goes on to their own first page."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [Route("GET", ROOT, "home", self.show, "self", marked("Home"))]

    async def show(self, page: Page) -> web.StreamResponse:
        """Everything at a glance."""
        tenant = page.tenant
        if tenant is None:
            return _onwards(page)
        rooms, zone = self._rooms, zone_of(page)
        hours, attention, balance, latest = await asyncio.gather(
            rooms.history.today(tenant.id, tenant.timezone),
            rooms.history.attention(tenant.id, page.user.id, tenant.timezone),
            rooms.messages.balance(tenant.id),
            rooms.history.list(tenant.id, limit=LATEST),
        )
        return page.render(
            "home/home.html",
            balance=balance,
            low=_is_low(tenant, balance),
            sent=sum(hour.sent for hour in hours),
            received=sum(hour.received for hour in hours),
            failed=sum(hour.failed for hour in hours),
            chart=_chart(hours, zone, page.words),
            todos=[*_messages(page, attention), *self._setup(page, tenant, balance)],
            latest=latest.messages,
            name_of=_name,
        )

    def _setup(self, page: Page, tenant: Tenant, balance: Balance) -> Iterator[Todo]:
        """What is not as it should be with the company's own things."""
        words, directory = page.words, self._rooms.directory()
        if _is_low(tenant, balance):
            yield Todo("coins", words("The balance is low"), page.link("home"), "bad")
        if page.may("names"):
            waiting = sum(
                name.status == "pending" for (owner, _), name in directory.names.items() if owner == tenant.id
            )
            if waiting:
                text = words.several(
                    "%(count)s sender name waits for approval",
                    "%(count)s sender names wait for approval",
                    waiting,
                )
                yield Todo("tag", text, f"{ROOT}/names", "info")
        if page.may("numbers"):
            silent = _silent(directory, tenant.id)
            if silent:
                text = words.several(
                    "%(count)s number hands its messages to nobody",
                    "%(count)s numbers hand their messages to nobody",
                    silent,
                )
                yield Todo("forward", text, f"{ROOT}/numbers")


def _onwards(page: Page) -> web.Response:
    """The first page of whoever is of no company."""
    first = next((entry for entry in menu_of(page) if entry.name != "home"), None)
    return page.to(first.href if first is not None else f"{ROOT}/account")


def _messages(page: Page, attention: Attention) -> Iterator[Todo]:
    """What became of today's messages, and who waits for an answer."""
    words = page.words
    if attention.undelivered:
        count = _up_to(attention.undelivered)
        text = words.several(
            "%(shown)s message of today was not delivered",
            "%(shown)s messages of today were not delivered",
            attention.undelivered,
            shown=count,
        )
        today = to_datetime(page.now).astimezone(zone_of(page)).date().isoformat()
        yield Todo("alert", text, page.link("history", status="bad", since=today), "bad")
    if attention.unanswered:
        text = words.several(
            "%(shown)s conversation waits for an answer",
            "%(shown)s conversations wait for an answer",
            attention.unanswered,
            shown=_up_to(attention.unanswered),
        )
        yield Todo("chat", text, f"{ROOT}/conversations?only=unanswered")
    if attention.unread:
        text = words.several(
            "%(shown)s conversation has something new",
            "%(shown)s conversations have something new",
            attention.unread,
            shown=_up_to(attention.unread),
        )
        yield Todo("inbox", text, f"{ROOT}/conversations?only=unread", "info")


def _up_to(count: int) -> str:
    """A count that was stopped at its bound says so."""
    return f"{count}+" if count >= ATTENTION_MOST else str(count)


def _is_low(tenant: Tenant, balance: Balance) -> bool:
    """Whether less is left than the company wants to be told of."""
    return (
        bool(balance.currency) and bool(tenant.price_list) and balance.available <= (tenant.balance_low or 0)
    )


def _silent(directory: Directory, tenant_id: Id) -> int:
    """Numbers of the company that nothing is handed on from."""
    return sum(
        number.tenant_id == tenant_id
        and not (number.forwarding and any(rule.enabled for rule in directory.forwards.get(number.e164, ())))
        for number in directory.numbers.values()
    )


def _chart(hours: Sequence[Hour], zone: tzinfo, words: Words) -> charts.Chart:
    """Today by the hour."""
    points = [
        (f"{to_datetime(hour.start).astimezone(zone):%H:%M}", (hour.sent, hour.received, hour.failed))
        for hour in hours
    ]
    names = (words("Sent"), words("Received"), words("Not delivered"))
    return charts.bars(charts.Data("today", words("Messages by the hour"), words("Hour"), names, points))


def _name(message_id: Id) -> str:
    return ids.to_text(MESSAGE, message_id)
