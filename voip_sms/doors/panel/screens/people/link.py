"""One-time links: opening one only looks, posting uses it; asking for one where a password is forgotten."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.passwords import PasswordUnfitError
from voip_sms.core.people import OneTimeLink
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.people.passwords import chosen, unfit
from voip_sms.doors.panel.screens.sign_in import PATIENT, admitted

_LINK: Final = f"{ROOT}/link/{{token}}"


class LinkScreen:
    """Programs that look into mails open links, too: nothing is used up by a GET."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [
            Route("GET", _LINK, "link", self.look, None),
            Route("POST", _LINK, "link", self.use, None),
            Route("GET", f"{ROOT}/forgotten", "forgotten", self.ask, None),
            Route("POST", f"{ROOT}/forgotten", "forgotten", self.forgotten, None, seconds=PATIENT),
        ]

    async def look(self, page: Page) -> web.StreamResponse:
        """What it opens, and for whom."""
        found = await self._found(page)
        return _over(page) if found is None else _shown(page, found, Form())

    async def use(self, page: Page) -> web.StreamResponse:
        """Sign in with it, or set a password with it."""
        posted, found = await page.form(), await self._found(page)
        if found is None:
            return _over(page)
        try:
            if found.kind == "sign_in":
                signed = await self._rooms.links.sign_in(_token(page), page.visit)
                return await admitted(page, signed, posted)
            return await self._set_password(page, found, posted)
        except Refusal as error:
            if error.code.name != "not_found":
                raise
            return _over(page)  # somebody was a moment faster

    async def _set_password(self, page: Page, found: OneTimeLink, posted: Posted) -> web.StreamResponse:
        password, errors = chosen(posted, page.words)
        if not errors:
            try:
                signed = await self._rooms.links.set_password(_token(page), password, page.visit)
            except PasswordUnfitError as error:
                errors = unfit(error, page.words)
            else:
                return await admitted(page, signed, posted)
        return _shown(page, found, Form.of(posted, errors), 422)

    async def _found(self, page: Page) -> OneTimeLink | None:
        try:
            return await self._rooms.links.look(_token(page))
        except Refusal as error:
            if error.code.name != "not_found":
                raise
            return None

    # --- a forgotten password ---

    async def ask(self, page: Page) -> web.StreamResponse:
        """The form."""
        return page.render("people/link_forgotten.html", form=Form())

    async def forgotten(self, page: Page) -> web.StreamResponse:
        """The same answer whoever asks about whomever."""
        posted = await page.form()
        if not posted.get("mail", "").strip():
            form = Form.of(posted, {"mail": page.words("This is needed")})
            return page.render("people/link_forgotten.html", status=422, form=form)
        try:
            await self._rooms.links.forgotten(posted.get("mail", ""), page.visit)
        except Refusal as error:
            if error.code.name != "rate_limited":
                raise
            form = Form.of(posted, {WHOLE: page.words(_TOO_MANY)})
            return page.render("people/link_forgotten.html", status=429, form=form)
        return page.to(page.link("sign_in"), page.words(_ON_ITS_WAY))


def _token(page: Page) -> str:
    return page.request.match_info["token"]


def _shown(page: Page, found: OneTimeLink, form: Form, status: int = 200) -> web.Response:
    page.words = page.frame.catalogues.of(found.user.language)
    return page.render("people/link_open.html", status=status, found=found, form=form, token=_token(page))


def _over(page: Page) -> web.Response:
    """Unknown, used, over: nobody learns which."""
    return page.render("people/link_over.html", status=404)


_ON_ITS_WAY: Final = marked(
    "If somebody signs in with this address, a mail with a link is on its way. It works for an hour."
)
_TOO_MANY: Final = marked("Too many attempts at once. Wait a minute and try again.")
