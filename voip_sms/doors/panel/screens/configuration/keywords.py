"""Keywords: a text that begins with such a word goes to one mailbox, and nowhere else."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from voip_sms.core.addresses import readable
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import Keyword, answers
from voip_sms.core.resources.mail_gateway import KEYWORD
from voip_sms.doors.panel.frame.forms import Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed
from voip_sms.doors.panel.screens.configuration.objects import (
    STORING,
    Objects,
    Once,
    Shown,
    seen,
)


class Keywords:
    """A list and the form that adds one; who wants another mailbox removes it and adds it anew."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._keywords = Objects(rooms.accounts, KEYWORD)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here = f"{ROOT}/keywords"
        return [
            Route("GET", here, "keywords", self.overview, "numbers"),
            Route("POST", here, "keywords", self.make, "numbers", seconds=STORING),
            Route("POST", f"{here}/{{id}}/remove", "keyword_remove", self.remove, "numbers", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All keywords and the form."""
        return await self._shown(page, Form())

    async def make(self, page: Page) -> web.StreamResponse:
        """One more."""
        posted = await page.form()
        try:
            await self._once.do(page, posted, lambda: self._make(page, posted))
        except Refusal as error:
            return await self._shown(
                page, Form.of(posted, faults(error, page, fallback="word")), error.code.http
            )
        return page.to(
            page.link("keywords"), page.words("Texts that begin so go to the mailbox from now on.")
        )

    async def remove(self, page: Page) -> web.StreamResponse:
        """Away with it."""
        posted = await page.form()
        try:
            await self._keywords.remove(page, posted)
        except Refusal as error:
            return await self._shown(page, Form(errors=faults(error, page)), error.code.http)
        return page.to(page.link("keywords"), page.words("Removed."))

    async def _make(self, page: Page, posted: Posted) -> Shown:
        given: dict[str, Any] = {name: posted.get(name, "").strip() for name in ("number", "word", "mail")}
        resource = parsed(page, Keyword, given)
        return await self._rooms.accounts.create(page.tenant_id, KEYWORD, resource, page.by)

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        numbers = await Objects(self._rooms.accounts, answers.NUMBER).all(page)
        return page.render(
            "configuration/keywords.html",
            status=status,
            form=form,
            keywords=await self._keywords.page(page),
            numbers=[(one["number"], readable(one["number"])) for one in numbers],
            seen=seen,
        )
