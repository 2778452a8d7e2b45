"""Sender names of all customers that wait for somebody to look at them."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources.answers import SENDER_NAME
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, page_of
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import attempt, wrong
from voip_sms.doors.panel.screens.operator.places import OPERATOR, after

TABS: Final = {
    "pending": marked("Waiting"),
    "approved": marked("Approved"),
    "rejected": marked("Rejected"),
}


class Approvals:
    """See above. Names that look like somebody else's are pointed out; the decision is a person's."""

    def __init__(self, rooms: Rooms) -> None:
        self._names = rooms.operating.names

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{OPERATOR}/names", f"{OPERATOR}/names/{{id}}"
        return [
            Route("GET", here, "operator_approvals", self.listing, "approvals", menu=marked("Sender names")),
            Route("GET", one, "operator_name", self.show, "approvals"),
            Route("POST", f"{one}/approve", "operator_name_approve", self.approve, "approvals"),
            Route("POST", f"{one}/reject", "operator_name_reject", self.reject, "approvals"),
        ]

    async def listing(self, page: Page) -> web.StreamResponse:
        """Those of one state, newest first."""
        status = page.arg("status")
        status = status if status in TABS else "pending"
        found, more = await self._names.listing(status, limit=PAGE, starting_after=after(page, SENDER_NAME))
        tabs = [
            (page.link("operator_approvals", status=one), page.words(text), one == status)
            for one, text in TABS.items()
        ]
        pages = page_of(page, found, found[-1].id if more else "")
        return page.render("operator/approvals.html", pages=pages, tabs=tabs, state=status)

    async def show(self, page: Page) -> web.StreamResponse:
        """One, with what it looks like."""
        return await self._one(page, Form())

    async def approve(self, page: Page) -> web.StreamResponse:
        """It may be used from now on."""
        work = self._names.decide(page.id(SENDER_NAME), "approved", "", page.by)
        errors = await attempt(page, work)
        if errors:
            return page.to(page.request.path.removesuffix("/approve"), " ".join(errors.values()), "bad")
        return page.to(
            page.link("operator_approvals"), page.words("It is approved, and can be used at once.")
        )

    async def reject(self, page: Page) -> web.StreamResponse:
        """It may not; the customer reads why."""
        posted = await page.form()
        reason = posted.get("reason", "")[:500]
        try:
            await self._names.decide(page.id(SENDER_NAME), "rejected", reason, page.by)
        except Refusal as error:
            return await self._one(page, Form.of(posted, wrong(error, page, "reason")), error.code.http)
        return page.to(
            page.link("operator_approvals"), page.words("It is rejected, and the customer reads why.")
        )

    async def _one(self, page: Page, form: Form, status: int = 200) -> web.StreamResponse:
        applied = await self._names.get(page.id(SENDER_NAME))
        return page.render("operator/name.html", status=status, applied=applied, form=form)
