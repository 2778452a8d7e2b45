"""Texts of nobody, which the operator gives to a customer's number or deletes; receipts without a message."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core.addresses import number
from voip_sms.core.failures import Refusal
from voip_sms.core.people import Right
from voip_sms.core.resources.oversight import ORPHAN, QUARANTINED
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, page_of
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import attempt
from voip_sms.doors.panel.screens.operator.places import OPERATOR, after

REASONS: Final = {
    "unknown_number": marked("The number is nobody's"),
    "no_conversation": marked("A 2way number outside a conversation"),
}


class QuarantineScreen:
    """The one place where the operator reads a text: somebody has to find whose it is."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._quarantine = rooms.operating.quarantine

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{OPERATOR}/quarantine", f"{OPERATOR}/quarantine/{{id}}"
        right: Right = "quarantine"
        return [
            Route("GET", here, "operator_quarantine", self.listing, right, menu=marked("Quarantine")),
            Route("POST", f"{one}/assign", "operator_assign", self.assign, right),
            Route("POST", f"{one}/delete", "operator_delete", self.delete, right),
            Route("GET", f"{OPERATOR}/orphans", "operator_orphans", self.orphans, right),
        ]

    async def listing(self, page: Page) -> web.StreamResponse:
        """Newest first."""
        found, more = await self._rooms.oversight.quarantine(
            limit=PAGE, starting_after=after(page, QUARANTINED)
        )
        directory = self._rooms.directory()
        numbers = sorted(
            (one.e164, directory.tenants[one.tenant_id].name)
            for one in directory.numbers.values()
            if one.tenant_id in directory.tenants
        )
        pages = page_of(page, found, found[-1]["id"] if more else "")
        return page.render(
            "operator/quarantine.html", pages=pages, numbers=numbers, reasons=REASONS, tabs=_tabs(page, 0)
        )

    async def assign(self, page: Page) -> web.StreamResponse:
        """To a customer's number, with all that follows there."""
        posted = await page.form()
        back = page.link("operator_quarantine")
        try:
            wanted = number(posted.get("number", ""), page.rooms.country).e164
        except Refusal:
            return page.to(back, page.words("Write the number of a customer."), "bad")
        if wanted not in self._rooms.directory().numbers:
            return page.to(back, page.words("That is no customer's number."), "bad")
        errors = await attempt(page, self._quarantine.assign(page.id(QUARANTINED), wanted, page.by))
        if errors:
            return page.to(back, " ".join(errors.values()), "bad")
        return page.to(back, page.words("It is theirs now, and went where their texts go."))

    async def delete(self, page: Page) -> web.StreamResponse:
        """Nobody reads it any more."""
        errors = await attempt(page, self._quarantine.delete(page.id(QUARANTINED), page.by))
        back = page.link("operator_quarantine")
        if errors:
            return page.to(back, " ".join(errors.values()), "bad")
        return page.to(back, page.words("It is deleted."))

    async def orphans(self, page: Page) -> web.StreamResponse:
        """Receipts that met no message."""
        found, more = await self._rooms.oversight.orphan_receipts(
            limit=PAGE, starting_after=after(page, ORPHAN)
        )
        pages = page_of(page, found, found[-1]["id"] if more else "")
        return page.render("operator/orphans.html", pages=pages, tabs=_tabs(page, 1))


def _tabs(page: Page, current: int) -> list[tuple[Any, ...]]:
    texts = (
        (page.link("operator_quarantine"), page.words("Texts of nobody")),
        (page.link("operator_orphans"), page.words("Receipts without a message")),
    )
    return [(href, text, place == current) for place, (href, text) in enumerate(texts)]
