"""The form of a company that wants to become a customer: anybody may fill it in, an operator decides."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources.people import Asking
from voip_sms.doors.panel.frame.forms import WHOLE, Form, read
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms

_FIELDS: Final = ("company", "name", "mail", "phone", "tax_id", "about")


class Registration:
    """Nobody learns here who is a customer already: the answer is the same."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [
            Route("GET", f"{ROOT}/register", "register", self.show, None),
            Route("POST", f"{ROOT}/register", "register", self.ask, None),
            Route("GET", f"{ROOT}/register/done", "registered", self.done, None),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """The form."""
        return page.render("people/registration.html", form=Form())

    async def ask(self, page: Page) -> web.StreamResponse:
        """Keep it; a mail with the registration code goes to the address."""
        posted = await page.form()
        fields = {name: posted.get(name, "").strip() for name in _FIELDS}
        asking, errors = read(Asking, {**fields, "language": page.words.language}, page.words)
        if asking is None:
            return page.render("people/registration.html", status=422, form=Form.of(posted, errors))
        try:
            await self._rooms.registrations.ask(asking, page.visit)
        except Refusal as error:
            if error.code.name != "rate_limited":
                raise
            form = Form.of(posted, {WHOLE: page.words(_TOO_MANY)})
            return page.render("people/registration.html", status=429, form=form)
        return page.to(page.link("registered"))

    async def done(self, page: Page) -> web.StreamResponse:
        """What happens next."""
        return page.render("people/registration_done.html")


_TOO_MANY: Final = marked("Too many registrations came from your network. Try again in some minutes.")
