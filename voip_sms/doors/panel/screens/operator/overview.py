"""The operator's first page: how the service is, and what waits for somebody."""

from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import Words, marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.places import OPERATOR
from voip_sms.engine.health import Health
from voip_sms.engine.metrics import Waiting

LATE: Final = 60.0
"""Seconds that something may be due and not begun: until then it is traffic, then it is a backlog."""
DOORS: Final[Mapping[str, str]] = {
    "http": marked("HTTP: API and panel"),
    "sip_udp": marked("SIP phones over UDP"),
    "sip_tcp": marked("SIP phones over TCP"),
    "sip_tls": marked("SIP phones over TLS"),
    "smtp": marked("Mail"),
    "simulator_smpp": marked("Simulator, SMPP"),
    "simulator_http": marked("Simulator, page"),
}
MISSING: Final[Mapping[str, str]] = {
    "database": marked("The database doesn't take anything: every door refuses messages until it does."),
    "snapshot": marked("The configuration is not loaded yet."),
    "listeners": marked("Not all doors are open yet."),
    "stopping": marked("This process is stopping."),
}
FORWARDS: Final[Mapping[str, str]] = {
    "sip": marked("to phones"),
    "mail": marked("by mail"),
    "number": marked("to numbers"),
    "webhook": marked("to URLs"),
}


class Overview:
    """Read anew at every look; a database that hangs is a line on it, not an error."""

    def __init__(self, rooms: Rooms) -> None:
        self._examination = rooms.operating.examination

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [
            Route(
                "GET", OPERATOR, "operator_health", self.show, "health", menu=marked("State of the service")
            )
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """The page."""
        health = await self._examination.now()
        return page.render(
            "operator/overview.html",
            health=health,
            doors=[
                (page.words(DOORS.get(name, name)), at)
                for name, at in health.doors.items()
                if _is_shown(name, at)
            ],
            missing=[page.words(MISSING.get(one, one)) for one in health.missing],
            waiting=_waiting(health, page.words),
            late=LATE,
        )


def _is_shown(name: str, at: str | None) -> bool:
    return at is not None or not name.startswith("simulator")


def _waiting(health: Health, words: Words) -> Sequence[tuple[str, Waiting]]:
    """What is due and not begun, the longest first."""
    parts = [
        (words("messages for %(carrier)s", carrier=name), one) for name, one in health.backlog.parts.items()
    ]
    jobs = [(words(FORWARDS.get(kind, kind)), one) for kind, one in health.backlog.forwards.items()]
    return sorted([*parts, *jobs], key=lambda one: -one[1].seconds)
