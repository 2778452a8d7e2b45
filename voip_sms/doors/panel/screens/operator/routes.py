"""Routes: which carrier takes messages to numbers that begin with a prefix."""

from collections.abc import Sequence

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources.network import Route as NetworkRoute
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import attempt, parsed, wrong
from voip_sms.doors.panel.screens.operator.places import OPERATOR
from voip_sms.engine.accounts.seen import seen_of


class Routes:
    """The longest prefix wins, then the lowest priority whose carrier is switched on."""

    def __init__(self, rooms: Rooms) -> None:
        self._network = rooms.operating.network
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here = f"{OPERATOR}/routes"
        return [
            Route("GET", here, "operator_routes", self.show, "network", menu=marked("Routes")),
            Route("POST", here, "operator_routes", self.add, "network"),
            Route("POST", f"{here}/priority", "operator_route_priority", self.priority, "network"),
            Route("POST", f"{here}/remove", "operator_route_remove", self.remove, "network"),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """All of them, in the order in which they are tried."""
        return await self._shown(page, Form({"priority": "0", "prefix": "+"}))

    async def add(self, page: Page) -> web.StreamResponse:
        """One more."""
        posted = await page.form()
        given = {name: posted.get(name, "").strip() for name in ("prefix", "carrier", "priority")}
        try:
            await self._network.put(parsed(page, NetworkRoute, given), page.by, new=True)
        except Refusal as error:
            return await self._shown(page, Form.of(posted, wrong(error, page, "prefix")), error.code.http)
        return page.to(page.link("operator_routes"), page.words("The route is in force."))

    async def priority(self, page: Page) -> web.StreamResponse:
        """Another priority of one."""
        posted = await page.form()
        given = {name: posted.get(name, "").strip() for name in ("prefix", "carrier", "priority")}
        try:
            wanted = parsed(page, NetworkRoute, given)
        except Refusal as error:
            return page.to(page.link("operator_routes"), " ".join(wrong(error, page).values()), "bad")
        work = self._network.put(wanted, page.by, seen=posted.get("seen", ""))
        return await self._done(page, await attempt(page, work), page.words("The route is in force."))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Take one away."""
        posted = await page.form()
        work = self._network.remove("routes", posted.get("id", ""), page.by, seen=posted.get("seen", ""))
        return await self._done(page, await attempt(page, work), page.words("The route is gone."))

    async def _done(self, page: Page, errors: object, notice: str) -> web.StreamResponse:
        back = page.link("operator_routes")
        if isinstance(errors, dict) and errors:
            return page.to(back, " ".join(errors.values()), "bad")
        return page.to(back, notice)

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.StreamResponse:
        found = await self._network.objects("routes")
        found.sort(key=lambda one: (-len(one["prefix"]), one["prefix"], one["priority"]))
        carriers = self._rooms.directory().carriers
        return page.render(
            "operator/routes.html",
            status=status,
            form=form,
            found=[{**one, "seen": seen_of(one)} for one in found],
            off=[name for name, each in carriers.items() if not each.enabled],
            carriers=[(name, name) for name in sorted(carriers)],
        )
