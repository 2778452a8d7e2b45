"""Companies that ask to become customers: each is approved, or refused with a reason."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.failures import Refusal
from voip_sms.core.people import Registration, Right
from voip_sms.core.resources.people import Approval, Refused
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, page_of
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import parsed, switch, wrong
from voip_sms.doors.panel.screens.operator.places import OPERATOR, after

PREFIX: Final = "reg"
"""What ids of registrations begin with, outside."""


class RegistrationsScreen:
    """See above; the company hears either by mail."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{OPERATOR}/registrations", f"{OPERATOR}/registrations/{{id}}"
        right: Right = "registrations"
        return [
            Route("GET", here, "operator_registrations", self.listing, right, menu=marked("Registrations")),
            Route("GET", one, "operator_registration", self.show, right),
            Route("POST", f"{one}/approve", "operator_approve", self.approve, right),
            Route("POST", f"{one}/refuse", "operator_refuse", self.refuse, right),
        ]

    async def listing(self, page: Page) -> web.StreamResponse:
        """Newest first."""
        found, more = await self._rooms.registrations.list(
            page.user, limit=PAGE, starting_after=after(page, PREFIX)
        )
        following = ids.to_text(PREFIX, found[-1].id) if more else ""
        shown = [(ids.to_text(PREFIX, one.id), one) for one in found]
        return page.render("operator/registrations.html", pages=page_of(page, shown, following))

    async def show(self, page: Page) -> web.StreamResponse:
        """One, with what can be decided."""
        return await self._one(page)

    async def approve(self, page: Page) -> web.StreamResponse:
        """It becomes a customer with its first administrator, who gets a mail."""
        posted = await page.form()
        given: dict[str, Any] = {
            "tenant": posted.get("tenant", "").strip(),
            "self_service": switch(posted, "self_service"),
        }
        if posted.get("price_list"):
            given["price_list"] = posted["price_list"]
        try:
            wanted = parsed(page, Approval, given)
            made = await self._rooms.registrations.approve(page.user, page.id(PREFIX), wanted)
        except Refusal as error:
            return await self._one(page, Form.of(posted, wrong(error, page)), status=error.code.http)
        text = page.words("It is a customer now; its administrator gets a mail. Give them credit here.")
        if made.became is None:
            return page.to(page.link("operator_registrations"), text)
        return page.to(page.link("operator_tenant", id=ids.to_text("ten", made.became)), text)

    async def refuse(self, page: Page) -> web.StreamResponse:
        """They read why in a mail."""
        posted = await page.form()
        try:
            wanted = parsed(page, Refused, {"reason": posted.get("reason", "").strip()})
            await self._rooms.registrations.refuse(page.user, page.id(PREFIX), wanted)
        except Refusal as error:
            return await self._one(page, refusing=Form.of(posted, wrong(error, page)), status=error.code.http)
        return page.to(page.link("operator_registrations"), page.words("It is refused; a mail says why."))

    async def _one(
        self, page: Page, form: Form | None = None, refusing: Form | None = None, status: int = 200
    ) -> web.StreamResponse:
        asked: Registration = await self._rooms.registrations.get(page.user, page.id(PREFIX))
        prices = sorted(self._rooms.directory().prices)
        usual = {
            "tenant": asked.company[:64],
            "self_service": True,
            "price_list": prices[0] if prices else "",
        }
        return page.render(
            "operator/registration.html",
            status=status,
            asked=asked,
            form=form or Form(usual),
            refusing=refusing or Form(),
            price_lists=[("", "–"), *((name, name) for name in prices)],
        )
