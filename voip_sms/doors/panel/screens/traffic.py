"""What passes, for the operator: the newest messages of all customers while they move, not what they say."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.history.narrowing import DOOR_WORDS
from voip_sms.doors.panel.screens.live import View
from voip_sms.doors.panel.screens.operator.places import OPERATOR
from voip_sms.engine.live import Changes

NAME: Final = "traffic"
LISTED: Final = 50
"""Messages: what a screen shows, and what is made anew at each change."""


class Traffic:
    """One page and its events."""

    def __init__(self, rooms: Rooms) -> None:
        self._oversight = rooms.oversight

    @property
    def view(self) -> View:
        """What changes while it is open."""
        return View("health", self.parts)

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [Route("GET", f"{OPERATOR}/traffic", NAME, self.show, "health", menu=marked("Traffic"))]

    async def show(self, page: Page) -> web.StreamResponse:
        """The newest, as they stand."""
        return page.render("traffic/page.html", **await self._passing(page))

    async def parts(self, page: Page, changes: Changes) -> str:
        """The list; it is short, and whatever has changed is in it or has left it."""
        del changes
        return page.frame.templates.render("traffic/rows.html", page, await self._passing(page))

    async def _passing(self, page: Page) -> dict[str, Any]:
        found = await self._oversight.passing(LISTED)
        return {"passing": [(one, page.words(DOOR_WORDS.get(one.door, one.door))) for one in found]}
