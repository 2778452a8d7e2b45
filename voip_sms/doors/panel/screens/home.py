"""The first page: the balance, today's traffic, and what somebody should look at."""

import asyncio
from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.clock import to_datetime
from voip_sms.core.directory import Id
from voip_sms.core.history import Hour
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.panel import charts
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.render import menu_of
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import Words, marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.home_attention import Facts, hooks_failed, is_low, todos

LATEST: Final = 8
"""Messages below the chart: what a glance takes in."""


class Home:
    """What a customer's people see first; an operator goes on to their own first page."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [Route("GET", ROOT, "home", self.show, "self", marked("Home"))]

    async def show(self, page: Page) -> web.StreamResponse:
        """Everything at a glance."""
        tenant, rooms = page.tenant, self._rooms
        if tenant is None:
            return _onwards(page)
        hours, attention, balance, latest, failing = await asyncio.gather(
            rooms.history.today(tenant.id, tenant.timezone),
            rooms.history.attention(tenant.id, page.user.id, tenant.timezone),
            rooms.messages.balance(tenant.id),
            rooms.history.list(tenant.id, limit=LATEST),
            hooks_failed(page, rooms, tenant),
        )
        facts = Facts(tenant, balance, attention, failing)
        return page.render(
            "home/home.html",
            balance=balance,
            low=is_low(tenant, balance),
            sent=sum(hour.sent for hour in hours),
            received=sum(hour.received for hour in hours),
            failed=sum(hour.failed for hour in hours),
            chart=_chart(hours, zone_of(page), page.words),
            todos=list(todos(page, facts, rooms.directory())),
            latest=latest.messages,
            name_of=_name,
        )


def _onwards(page: Page) -> web.Response:
    """The first page of whoever is of no company."""
    first = next((entry for entry in menu_of(page) if entry.name != "home"), None)
    return page.to(first.href if first is not None else f"{ROOT}/account")


def _chart(hours: Sequence[Hour], zone: tzinfo, words: Words) -> charts.Chart:
    """Today by the hour."""
    points = [
        (f"{to_datetime(hour.start).astimezone(zone):%H:%M}", (hour.sent, hour.received, hour.failed))
        for hour in hours
    ]
    names = (words("Sent"), words("Received"), words("Not delivered"))
    return charts.bars(
        charts.Data("today", words("Messages by the hour"), words("Hour"), names, points, words.number)
    )


def _name(message_id: Id) -> str:
    return ids.to_text(MESSAGE, message_id)
