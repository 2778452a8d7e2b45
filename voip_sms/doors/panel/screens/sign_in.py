"""Signing in and out: password, then a code where one is asked for; what was typed before comes along."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.doors.panel.frame import carrying
from voip_sms.doors.panel.frame.carrying import Carried
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route, local
from voip_sms.doors.panel.frame.words import LANGUAGES, marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.engine.people.rows import SignedIn
from voip_sms.engine.people.sign_in import CodeNeeded

PATIENT: Final = 30.0
"""Seconds for a password: who guessed too often before waits some of them (`core/guessing.py`)."""


class SignInScreen:
    """What strangers may open, and the two buttons that every page has: sign out, language."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [
            Route("GET", f"{ROOT}/sign-in", "sign_in", self.show, None),
            Route("POST", f"{ROOT}/sign-in", "sign_in", self.password, None, seconds=PATIENT),
            Route("POST", f"{ROOT}/sign-in/code", "sign_in_code", self.code, None),
            Route("POST", f"{ROOT}/sign-out", "sign_out", self.leave, None),
            Route("POST", f"{ROOT}/language", "language", self.language, None),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """The form; whoever is signed in goes on at once."""
        following = local(page.arg("next"))
        return page.to(following) if page.present is not None else _shown(page, Form(), following)

    async def password(self, page: Page) -> web.StreamResponse:
        """An address and a password; too many wrong ones before make this slow."""
        posted = await page.form()
        try:
            signed = await self._rooms.sign_in.by_password(
                posted.get("mail", ""), posted.get("password", ""), page.visit
            )
        except Refusal as error:
            return _refused(page, posted, _said(page, error, _WRONG), error.code.http)
        return await admitted(page, signed, posted)

    async def code(self, page: Page) -> web.StreamResponse:
        """What the telephone shows, or a recovery code."""
        posted = await page.form()
        ticket = posted.get("ticket", "")
        try:
            signed = await self._rooms.sign_in.by_code(ticket, posted.get("code", ""), page.visit)
        except Refusal as error:
            if not error.data.get("again", True):
                return _refused(page, posted, page.words(_OVER), error.code.http)
            form = Form(errors={"code": _said(page, error, _WRONG_CODE)})
            return _code_asked(page, form, ticket, posted, error.code.http)
        return await admitted(page, signed, posted)

    async def leave(self, page: Page) -> web.StreamResponse:
        """End this browser's session."""
        if page.token:
            await self._rooms.sessions.sign_out(page.token)
        page.leave()
        return page.to(page.link("sign_in"), page.words("You are signed out."))

    async def language(self, page: Page) -> web.StreamResponse:
        """Another language: of this browser, and of whoever is signed in."""
        posted = await page.form()
        wanted = next((one for one in LANGUAGES if one == posted.get("language")), None)
        if wanted is not None:
            page.cookies.set("sms-language", wanted)
            if page.present is not None:
                await self._rooms.own.change(page.user, language=wanted)
        return page.to(local(posted.get("next", "")))


def signing_in(page: Page, posted: Posted | None) -> web.StreamResponse:
    """To a page that needs a session there is none for: sign in first. What was typed comes along."""
    if posted is None:
        return page.to(page.link("sign_in", next=local(page.request.path_qs)))
    carry = carrying.written(page.request.path, posted)
    return _shown(page, Form(errors={WHOLE: page.words(_MEANWHILE)}), ROOT, carry, 401)


async def admitted(page: Page, signed: SignedIn | CodeNeeded, posted: Posted) -> web.StreamResponse:
    """Let them in with a fresh session, the one of before is over; or ask for the code."""
    if isinstance(signed, CodeNeeded):
        return _code_asked(page, Form(), signed.ticket, posted)
    if page.token:
        await page.rooms.sessions.sign_out(page.token)
    page.enter(signed)
    carried = carrying.read(posted.get(carrying.NAME, ""), page.frame.table)
    if carried is not None:
        return _carry_on(page, carried, 200)
    return page.to(local(posted.get("next", "")))


def again(page: Page, posted: Posted) -> web.StreamResponse:
    """A form from before somebody signed in or out: it is kept, and one click sends it."""
    if page.request.path in {page.link(name) for name in ("sign_in", "sign_in_code", "sign_out")}:
        return page.to(page.link("sign_in"))  # nothing was typed but secrets
    carried = carrying.read(carrying.written(page.request.path, posted), page.frame.table)
    if carried is None:
        raise web.HTTPForbidden
    return _carry_on(page, carried, 403)


def _refused(page: Page, posted: Posted, why: str, status: int) -> web.Response:
    carry = posted.get(carrying.NAME, "")[: carrying.LONGEST]
    return _shown(page, Form.of(posted, {WHOLE: why}), local(posted.get("next", "")), carry, status)


def _shown(page: Page, form: Form, following: str, carry: str = "", status: int = 200) -> web.Response:
    return page.render("account/sign_in.html", status=status, form=form, next=following, carry=carry)


def _code_asked(page: Page, form: Form, ticket: str, posted: Posted, status: int = 200) -> web.Response:
    return page.render(
        "account/sign_in_code.html",
        status=status,
        form=form,
        ticket=ticket,
        next=local(posted.get("next", "")),
        carry=posted.get(carrying.NAME, "")[: carrying.LONGEST],
    )


def _carry_on(page: Page, carried: Carried, status: int) -> web.Response:
    return page.render("account/sign_in_carry.html", status=status, carried=carried)


def _said(page: Page, error: Refusal, wrong: str) -> str:
    """What a person who signs in hears; anything else is a page of its own."""
    if error.code.name == "unauthorized":
        return page.words(wrong)
    if error.code.name == "rate_limited":
        return page.words(_TOO_MANY)
    raise error


_WRONG: Final = marked("The e-mail address or the password is wrong.")
_WRONG_CODE: Final = marked("This code is wrong, or it was used already.")
_TOO_MANY: Final = marked("Too many attempts at once. Wait a minute and try again.")
_MEANWHILE: Final = marked("You were signed out meanwhile. What you typed is kept: sign in to go on.")
_OVER: Final = marked("That took too long, or too many codes were wrong. Sign in again.")
