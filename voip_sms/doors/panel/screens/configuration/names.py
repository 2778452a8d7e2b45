"""Sender names: apply for one, see where it stands, give it up."""

from collections.abc import Sequence

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources import answers
from voip_sms.core.resources.company import NewSenderName
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed
from voip_sms.doors.panel.screens.configuration.objects import (
    STORING,
    Objects,
    Once,
    seen,
)


class Names:
    """The operator approves: nobody does of their own company."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._names = Objects(rooms.accounts, answers.SENDER_NAME)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here = f"{ROOT}/names"
        return [
            Route("GET", here, "names", self.overview, "names", menu=marked("Sender names")),
            Route("POST", here, "names", self.apply, "names", seconds=STORING),
            Route("POST", f"{here}/{{id}}/remove", "name_remove", self.remove, "names", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All names and the form that asks for one."""
        return await self._shown(page, Form())

    async def apply(self, page: Page) -> web.StreamResponse:
        """Ask the operator for a name."""
        posted = await page.form()
        try:
            resource = parsed(page, NewSenderName, {"name": posted.get("name", "").strip()})
            await self._once.do(
                page,
                posted,
                lambda: self._rooms.accounts.create(page.tenant_id, answers.SENDER_NAME, resource, page.by),
            )
        except Refusal as error:
            form = Form.of(posted, faults(error, page, fallback="name"))
            return await self._shown(page, form, error.code.http)
        return page.to(page.link("names"), page.words("The operator looks at the name."))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Give a name up."""
        posted = await page.form()
        try:
            await self._names.remove(page, posted)
        except Refusal as error:
            return await self._shown(page, Form(errors=faults(error, page)), error.code.http)
        return page.to(page.link("names"), page.words("Removed."))

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        names = await self._names.page(page)
        return page.render("configuration/names.html", status=status, form=form, names=names, seen=seen)
