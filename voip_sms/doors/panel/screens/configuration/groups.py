"""Groups of recipients: one name that reaches many numbers, from the panel and by mail."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources import Group
from voip_sms.core.resources.mail_gateway import GROUP, GroupPatch
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
    Shown,
    lines_of,
    seen,
)


class Groups:
    """A list, and one form for making and changing."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._groups = Objects(rooms.accounts, GROUP)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{ROOT}/groups", f"{ROOT}/groups/{{id}}"
        return [
            Route("GET", here, "groups", self.overview, "mails", menu=marked("Groups")),
            Route("GET", f"{here}/new", "group_new", self.new, "mails"),
            Route("POST", f"{here}/new", "group_new", self.make, "mails", seconds=STORING),
            Route("GET", one, "group", self.show, "mails"),
            Route("POST", one, "group", self.save, "mails", seconds=STORING),
            Route("POST", f"{one}/remove", "group_remove", self.remove, "mails", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All groups."""
        return page.render("configuration/groups.html", groups=await self._groups.page(page))

    async def new(self, page: Page) -> web.StreamResponse:
        """The form that makes one."""
        return _shown(page, Form(), None)

    async def make(self, page: Page) -> web.StreamResponse:
        """Make it."""
        posted = await page.form()
        given = {"name": posted.get("name", "").strip(), "numbers": lines_of(posted.get("numbers", ""))}
        try:
            resource = parsed(page, Group, given)
            await self._once.do(page, posted, lambda: self._make(page, resource))
        except Refusal as error:
            form = Form.of(posted, faults(error, page, fallback="name"))
            return _shown(page, form, None, error.code.http)
        return page.to(page.link("groups"), page.words("Saved."))

    async def show(self, page: Page) -> web.StreamResponse:
        """The form that changes one."""
        _, group = await self._groups.named(page)
        return _shown(page, Form({"numbers": "\n".join(group["numbers"])}), group)

    async def save(self, page: Page) -> web.StreamResponse:
        """Other numbers."""
        posted = await page.form()
        try:
            patch = parsed(page, GroupPatch, {"numbers": lines_of(posted.get("numbers", ""))})
            await self._groups.change(page, posted, patch)
        except Refusal as error:
            _, group = await self._groups.named(page)
            return _shown(page, Form.of(posted, faults(error, page)), group, error.code.http)
        return page.to(page.link("groups"), page.words("Saved."))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Away with it."""
        posted = await page.form()
        try:
            await self._groups.remove(page, posted)
        except Refusal as error:
            _, group = await self._groups.named(page)
            return _shown(page, Form(errors=faults(error, page)), group, error.code.http)
        return page.to(page.link("groups"), page.words("Removed."))

    async def _make(self, page: Page, resource: Any) -> Shown:
        return await self._rooms.accounts.create(page.tenant_id, GROUP, resource, page.by)


def _shown(page: Page, form: Form, group: Shown | None, status: int = 200) -> web.Response:
    return page.render(
        "configuration/group.html",
        status=status,
        form=form,
        group=group,
        seen="" if group is None else seen(group),
    )
