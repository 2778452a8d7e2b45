"""What a company decides for itself as a whole: its clocks, its language, accents, what texts are kept."""

import zoneinfo
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources.company import CompanyPatch
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed
from voip_sms.doors.panel.screens.configuration.objects import STORING


class Company:
    """One form."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here = f"{ROOT}/company"
        return [
            Route("GET", here, "company", self.show, "security", menu=marked("Company")),
            Route("POST", here, "company", self.save, "security", seconds=STORING),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """As it is."""
        return _shown(page, Form(await self._company(page)))

    async def save(self, page: Page) -> web.StreamResponse:
        """As it shall be."""
        posted = await page.form()
        given = {name: posted.get(name, "").strip() for name in ("timezone", "language", "transliterate")}
        try:
            patch = parsed(
                page, CompanyPatch, {**given, "keep_sent_text": bool(posted.get("keep_sent_text"))}
            )
            await self._rooms.accounts.change_company(page.tenant_id, patch, page.by)
        except Refusal as error:
            return _shown(page, Form.of(posted, faults(error, page)), error.code.http)
        return page.to(page.link("company"), page.words("Saved."))

    async def _company(self, page: Page) -> Mapping[str, Any]:
        return await self._rooms.accounts.company(page.tenant_id)


def _shown(page: Page, form: Form, status: int = 200) -> web.Response:
    return page.render("configuration/company.html", status=status, form=form, zones=_zones())


@cache  # of the machine: some six hundred names
def _zones() -> Sequence[tuple[str, str]]:
    """Zones that people live in, without the abbreviations and offsets that are listed beside them."""
    names = sorted(one for one in zoneinfo.available_timezones() if "/" in one and not one.startswith("Etc/"))
    return [("UTC", "UTC"), *((one, one.replace("_", " ")) for one in names)]
