"""What one wishes to be told of, by mail or SMS; the phone that is told; and the company's threshold."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.people import NOTICES, Channel, Notice, User
from voip_sms.core.resources.company import CompanyPatch
from voip_sms.doors.panel.frame.forms import Form, read
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults
from voip_sms.doors.panel.screens.configuration.objects import Once
from voip_sms.engine.people.phones import Phones

_HERE: Final = f"{ROOT}/notifications"
_CHANNELS: Final[tuple[Channel, ...]] = ("mail", "sms")
_SENDING: Final = 15.0
"""Seconds for what is stored and sent."""


class Notifications:
    """For a company's people: operators have their own monitoring. So its right is one that those lack."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._phones = Phones(rooms.own, rooms.verifying)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        phone = f"{_HERE}/phone"
        return [
            Route("GET", _HERE, "notifications", self.show, "send", menu=marked("Notifications")),
            Route("POST", _HERE, "notifications", self.wish, "send"),
            Route("POST", f"{_HERE}/threshold", "notifications_low", self.threshold, "bills"),
            Route("POST", phone, "notifications_phone", self.ask, "send", seconds=_SENDING),
            Route("POST", f"{phone}/code", "notifications_code", self.prove, "send", seconds=_SENDING),
            Route("POST", f"{phone}/remove", "notifications_forget", self.forget, "send"),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """What one is told of."""
        return await self._shown(page)

    async def wish(self, page: Page) -> web.StreamResponse:
        """Other wishes."""
        posted = await page.form()
        wishes: dict[Notice, tuple[Channel, ...]] = {
            notice: tuple(one for one in _CHANNELS if one in posted.all(notice)) for notice in NOTICES
        }
        await self._rooms.own.change(page.user, wishes=wishes)
        return page.to(page.link("notifications"), page.words("Saved."))

    async def threshold(self, page: Page) -> web.StreamResponse:
        """Below what a balance is low, for everybody of the company who wishes to know."""
        posted = await page.form()
        typed = posted.get("balance_low", "").strip().replace(",", ".").replace("\N{NO-BREAK SPACE}", "")
        patch, errors = read(CompanyPatch, {"balance_low": typed or "0"}, page.words)
        if patch is None:
            told = {"balance_low": page.words(_AMOUNT)} if errors else {}
            return await self._shown(page, low=Form.of(posted, told), status=422)
        await self._rooms.accounts.change_company(page.tenant_id, patch, page.by)
        return page.to(page.link("notifications"), page.words("Saved."))

    # --- the phone ---

    async def ask(self, page: Page) -> web.StreamResponse:
        """A code goes to the phone, unless it is theirs already (`Phones.ask`)."""
        posted = await page.form()
        typed = posted.get("number", "")
        try:
            asked = await self._once.do(page, posted, lambda: self._asked(page, typed))
        except Refusal as error:
            told = Form.of(posted, faults(error, page, fallback="number"))
            return await self._shown(page, phone=told, status=422)
        if asked["person"] is not None:
            return _taken(page)
        return page.render("people/notifications_code.html", form=Form(), number=typed)

    async def _asked(self, page: Page, typed: str) -> Mapping[str, User | None]:
        return {"person": await self._phones.ask(page.user, typed)}

    async def prove(self, page: Page) -> web.StreamResponse:
        """The code that came there."""
        posted = await page.form()
        typed = posted.get("number", "")
        try:
            await self._phones.prove(page.user, typed, posted.get("code", ""))
        except Refusal as error:
            errors = {"code": _wrong(page, error)}
            return page.render(
                "people/notifications_code.html", status=422, form=Form(errors=errors), number=typed
            )
        return _taken(page)

    async def forget(self, page: Page) -> web.StreamResponse:
        """None any more."""
        await page.form()
        await self._phones.forget(page.user)
        return page.to(page.link("notifications"), page.words("The phone is removed."))

    async def _shown(
        self, page: Page, *, phone: Form | None = None, low: Form | None = None, status: int = 200
    ) -> web.Response:
        tenant = page.tenant
        amount = "" if tenant is None or not tenant.balance_low else await self._low(page)
        balance = await self._rooms.messages.balance(page.tenant_id)
        wishes: Mapping[str, Sequence[str]] = cast(Mapping[str, Sequence[str]], page.user.wishes)
        return page.render(
            "people/notifications.html",
            status=status,
            form=Form({notice: list(wishes.get(notice, ())) for notice in NOTICES}),
            phone=phone or Form(),
            low=low or Form({"balance_low": amount}),
            currency=balance.currency,
        )

    async def _low(self, page: Page) -> str:
        company = await self._rooms.accounts.company(page.tenant_id)
        amount = str(company["balance_low"])
        return amount.replace(".", ",") if page.words.language == "pl" else amount


def _taken(page: Page) -> web.Response:
    return page.to(page.link("notifications"), page.words("This phone is yours: you can be told by SMS now."))


def _wrong(page: Page, error: Refusal) -> str:
    match error.code.name:
        case "too_late":
            return page.words("No code is waited for any more. Have another one sent.")
        case "invalid" if "tries_left" in error.data:
            left = int(str(error.data["tries_left"]))
            return page.words.several(
                "That is not the code. %(count)s try is left.",
                "That is not the code. %(count)s tries are left.",
                left,
            )
        case "invalid":
            return page.words("The code has six digits.")
    raise error


_AMOUNT: Final = marked("Not an amount: write it as 25.00, or 0 for never.")
