"""Who may not write to the company: senders it does not want, everybody for a while; what was kept away."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import BlockRule, answers
from voip_sms.core.resources.company import CompanyPatch
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.panel.frame.forms import Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, page_of
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed
from voip_sms.doors.panel.screens.configuration.objects import (
    STORING,
    Objects,
    Once,
    after_of,
    seen,
)


class Security:
    """Blacklist, the switch for all that comes in, and what was blocked with its reason."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._blocks = Objects(rooms.accounts, answers.BLOCK)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here = f"{ROOT}/security"
        return [
            Route("GET", here, "security", self.overview, "security", menu=marked("Security")),
            Route("POST", here, "security", self.block, "security", seconds=STORING),
            Route("POST", f"{here}/inbound", "block_inbound", self.inbound, "security", seconds=STORING),
            Route("GET", f"{here}/blocked", "blocked", self.blocked, "security"),
            Route("POST", f"{here}/{{id}}/remove", "block_remove", self.remove, "security", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """The blacklist and the switch."""
        return await self._shown(page, Form({"match": "exact"}))

    async def block(self, page: Page) -> web.StreamResponse:
        """One more rule."""
        posted = await page.form()
        try:
            await self._once.do(page, posted, lambda: self._make(page, posted))
        except Refusal as error:
            form = Form.of(posted, faults(error, page, fallback="value"))
            return await self._shown(page, form, error.code.http)
        return page.to(page.link("security"), page.words("Texts from there are blocked from now on."))

    async def inbound(self, page: Page) -> web.StreamResponse:
        """Nothing at all comes in, or everything again."""
        posted = await page.form()
        patch = CompanyPatch(blocked_inbound=posted.get("on") == "1")
        await self._rooms.accounts.change_company(page.tenant_id, patch, page.by)
        if patch.blocked_inbound:
            return page.to(page.link("security"), page.words("All texts that come in are blocked."), "warn")
        return page.to(page.link("security"), page.words("Texts come in again."))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Let a sender through again."""
        posted = await page.form()
        try:
            await self._blocks.remove(page, posted)
        except Refusal as error:
            return await self._shown(page, Form(errors=faults(error, page)), error.code.http)
        return page.to(page.link("security"), page.words("Texts from there come through again."))

    async def blocked(self, page: Page) -> web.StreamResponse:
        """What was kept away, and why."""
        found, more = await self._rooms.blocked.list(
            page.tenant_id, limit=PAGE, starting_after=after_of(page, MESSAGE)
        )
        rows = [
            (message, _why(page, step.step, step.reason), ids.to_text(MESSAGE, message.id))
            for message, step in found
        ]
        return page.render(
            "configuration/blocked.html", blocked=page_of(page, rows, rows[-1][2] if more else "")
        )

    # --- how ------------------------------------------------------------------------------------------------

    async def _make(self, page: Page, posted: Posted) -> Any:
        fields = {"match": posted.get("match", ""), "value": posted.get("value", "").strip()}
        resource = parsed(page, BlockRule, fields)
        return await self._rooms.accounts.create(page.tenant_id, answers.BLOCK, resource, page.by)

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        company = await self._rooms.accounts.company(page.tenant_id)
        blocks = await self._blocks.page(page)
        return page.render(
            "configuration/security.html", status=status, form=form, blocks=blocks, company=company, seen=seen
        )


def _why(page: Page, step: str, reason: str) -> str:
    """The reason that the trace keeps, in the reader's words."""
    if step == "blacklist":
        match, _, value = reason.rpartition(": ")[2].partition(" ")
        said = {
            "prefix": page.words("numbers that begin with %(value)s", value=value),
            "name": page.words("the name %(value)s", value=value),
        }
        rule = said.get(match, page.words("the number %(value)s", value=value))
        return page.words("On the blacklist: %(rule)s", rule=rule)
    if "all inbound" in reason:
        return page.words("All texts that come in were blocked")
    return page.words("The service was switched off")
