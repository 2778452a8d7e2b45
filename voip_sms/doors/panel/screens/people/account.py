"""One's own account: name and language, password, second factor, and where one is signed in."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.failures import Refusal
from voip_sms.core.passwords import PasswordUnfitError
from voip_sms.doors.panel.frame.forms import WHOLE, Form, refused
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import LANGUAGES, marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.people.agents import agent_name
from voip_sms.doors.panel.screens.people.passwords import chosen, unfit
from voip_sms.doors.panel.screens.people.qr import Square, square
from voip_sms.engine.people.own import Offer

SESSION: Final = "ses"
"""What ids of sessions begin with, outside."""
_HERE: Final = f"{ROOT}/account"
_FACTOR: Final = f"{_HERE}/second-factor"


class Account:
    """What everybody may do with themselves; whatever opens the door asks for the password again."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        one = f"{_HERE}/sessions/{{id}}/end"
        return [
            Route("GET", _HERE, "account", self.show, "self"),
            Route("POST", _HERE, "account", self.change, "self"),
            Route("GET", f"{_HERE}/password", "account_password", self.password, "self"),
            Route("POST", f"{_HERE}/password", "account_password", self.set_password, "self"),
            Route("GET", _FACTOR, "account_factor", self.factor, "self"),
            Route("POST", _FACTOR, "account_factor", self.switch_on, "self"),
            Route("POST", f"{_FACTOR}/begin", "account_factor_begin", self.begin, "self"),
            Route("POST", f"{_FACTOR}/off", "account_factor_off", self.switch_off, "self"),
            Route("POST", one, "session_end", self.end, "self"),
            Route("POST", f"{_HERE}/sessions/end-others", "sessions_end", self.end_others, "self"),
        ]

    # --- name and language ---

    async def show(self, page: Page) -> web.StreamResponse:
        """Everything about oneself on one page."""
        user = page.user
        return await self._shown(page, Form({"name": user.name, "language": user.language}))

    async def change(self, page: Page) -> web.StreamResponse:
        """Another name, another language: in it from this answer on."""
        posted = await page.form()
        language = next((one for one in LANGUAGES if one == posted.get("language")), None)
        try:
            user = await self._rooms.own.change(page.user, name=posted.get("name", ""), language=language)
        except Refusal as error:
            if error.code.name != "invalid":
                raise
            form = Form.of(posted, {"name": page.words("A name has 1 to 64 visible characters.")})
            return await self._shown(page, form, 422)
        page.words = page.frame.catalogues.of(user.language)
        page.cookies.set("sms-language", user.language)
        return page.to(page.link("account"), page.words("Saved."))

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        sessions = await self._rooms.sessions.list(page.user)
        mine = page.present.session.id if page.present is not None else b""
        listed = [
            (ids.to_text(SESSION, one.id), one, agent_name(one.agent), one.id == mine) for one in sessions
        ]
        return page.render("people/overview.html", status=status, form=form, sessions=listed)

    # --- password ---

    async def password(self, page: Page) -> web.StreamResponse:
        """The form."""
        return page.render("people/password.html", form=Form())

    async def set_password(self, page: Page) -> web.StreamResponse:
        """Another one; this browser stays signed in, all others are not."""
        posted = await page.form()
        password, errors = chosen(posted, page.words)
        if not errors:
            try:
                signed = await self._rooms.own.change_password(
                    page.user, posted.get("password", ""), password, page.visit
                )
            except PasswordUnfitError as error:
                errors = unfit(error, page.words)
            except Refusal as error:
                errors = _not_proven(page, error)
            else:
                page.enter(signed)
                said = page.words("The password is changed. You are signed out everywhere else.")
                return page.to(page.link("account"), said)
        return page.render("people/password.html", status=422, form=Form.of(posted, errors))

    # --- second factor ---

    async def factor(self, page: Page) -> web.StreamResponse:
        """How it is, or what the program on the telephone is to read."""
        return await self._factor(page, Form())

    async def begin(self, page: Page) -> web.StreamResponse:
        """A new secret for the program; nothing asks for it yet."""
        await page.form()
        await self._rooms.own.offer_second_factor(page.user)
        return page.to(page.link("account_factor"))

    async def switch_on(self, page: Page) -> web.StreamResponse:
        """The code shows that the program has the secret. The recovery codes are shown this once."""
        posted = await page.form()
        try:
            switched = await self._rooms.own.switch_on(
                page.user, posted.get("password", ""), posted.get("code", ""), page.visit
            )
        except Refusal as error:
            return await self._factor(page, Form.of(posted, _not_proven(page, error)), 422)
        page.enter(switched.signed)
        return page.render("people/recovery.html", codes=switched.codes)

    async def switch_off(self, page: Page) -> web.StreamResponse:
        """From now on the password is enough."""
        posted = await page.form()
        try:
            signed = await self._rooms.own.switch_off(page.user, posted.get("password", ""), page.visit)
        except Refusal as error:
            return await self._factor(page, Form.of(posted, _not_proven(page, error)), 422)
        page.enter(signed)
        return page.to(page.link("account"), page.words("Signing in asks for no code any more."), "warn")

    async def _factor(self, page: Page, form: Form, status: int = 200) -> web.Response:
        offer = None if page.user.second_factor else await self._rooms.own.offered(page.user)
        return page.render("people/factor.html", status=status, form=form, offer=offer, square=_square(offer))

    # --- sessions ---

    async def end(self, page: Page) -> web.StreamResponse:
        """One of one's own: of this browser it is signing out."""
        await page.form()
        session_id = page.id(SESSION)
        if page.present is not None and page.present.session.id == session_id:
            await self._rooms.sessions.sign_out(page.token)
            page.leave()
            return page.to(page.link("sign_in"), page.words("You are signed out."))
        await self._rooms.sessions.end(page.user, session_id)
        return page.to(page.link("account"), page.words("That browser is signed out."))

    async def end_others(self, page: Page) -> web.StreamResponse:
        """All but this browser."""
        await page.form()
        count = await self._rooms.sessions.end_others(page.user, page.token)
        said = page.words.several(
            "%(count)s other browser is signed out.", "%(count)s other browsers are signed out.", count
        )
        return page.to(page.link("account"), said)


def _square(offer: Offer | None) -> Square | None:
    return None if offer is None else square(offer.url)


def _not_proven(page: Page, error: Refusal) -> dict[str, str]:
    """What stands at which field; whoever was switched off meanwhile gets the page that says so."""
    match error.code.name:
        case "unauthorized" if error.data.get("again"):
            return {"password": page.words(_WRONG)}
        case "rate_limited":
            return {WHOLE: page.words(_TOO_MANY, seconds=error.data.get("retry_after", 60))}
        case "invalid":
            return {"code": page.words(_WRONG_CODE)}
        case "conflict":
            return dict(refused(error, page.words))
    raise error


_WRONG: Final = marked("This is not your password.")
_WRONG_CODE: Final = marked("This is not the code that the app shows now. Wait for the next one.")
_TOO_MANY: Final = marked("Too many wrong passwords. Try again in %(seconds)s s.")
