"""SIP accounts: what they show, where texts go that no phone took, who is registered right now."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources import SipAccountPatch, answers
from voip_sms.core.resources.company import NewSipAccount
from voip_sms.doors.panel.frame.forms import Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration import identities
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed
from voip_sms.doors.panel.screens.configuration.objects import (
    STORING,
    Objects,
    Once,
    Shown,
    seen,
)

_NAMED: Final = {"identity": "sender", "fallback": "fallback_after"}
"""What the form calls fields of the resource."""


class Phones:
    """Making and removing accounts is the company's own only with its `self_service`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._accounts = Objects(rooms.accounts, answers.SIP_ACCOUNT)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{ROOT}/phones", f"{ROOT}/phones/{{id}}"
        return [
            Route("GET", here, "phones", self.overview, "phones", menu=marked("SIP accounts")),
            Route("GET", f"{here}/new", "phone_new", self.new, "phones"),
            Route("POST", f"{here}/new", "phone_new", self.make, "phones", seconds=STORING),
            Route("GET", one, "phone", self.show, "phones"),
            Route("POST", one, "phone", self.save, "phones", seconds=STORING),
            Route("POST", f"{one}/password", "phone_password", self.password, "phones", seconds=STORING),
            Route("POST", f"{one}/remove", "phone_remove", self.remove, "phones", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All accounts with how many phones of each are there."""
        accounts = await self._accounts.page(page)
        there = await self._rooms.standing.phones(page.tenant_id)
        return page.render(
            "configuration/phones.html", accounts=accounts, there=there, label=identities.label
        )

    async def new(self, page: Page) -> web.StreamResponse:
        """The form that makes one."""
        language = page.tenant.language if page.tenant is not None else "en"
        return _new(page, Form({"sender": "default:", "abroad": "2way", "language": language}))

    async def make(self, page: Page) -> web.StreamResponse:
        """Make it."""
        posted = await page.form()
        try:
            given = {"user": posted.get("user", "").strip(), "password": posted.get("password", "")}
            resource = parsed(page, NewSipAccount, {**given, **_fields(posted)})
            made = await self._once.do(
                page,
                posted,
                lambda: self._rooms.accounts.create(page.tenant_id, answers.SIP_ACCOUNT, resource, page.by),
            )
        except Refusal as error:
            form = Form.of(posted, faults(error, page, _NAMED, fallback="user"))
            return _new(page, form, error.code.http)
        return page.to(
            page.link("phone", id=made["id"]), page.words("The account is there: sign a phone in.")
        )

    async def show(self, page: Page) -> web.StreamResponse:
        """One account."""
        _, account = await self._accounts.named(page)
        return await self._shown(page, Form(_values(account)))

    async def save(self, page: Page) -> web.StreamResponse:
        """What it shows, its language, its fallback, whether it is on."""
        posted = await page.form()
        try:
            given = {**_fields(posted), "enabled": bool(posted.get("enabled"))}
            await self._accounts.change(page, posted, parsed(page, SipAccountPatch, given))
        except Refusal as error:
            form = Form.of(posted, faults(error, page, _NAMED))
            return await self._shown(page, form, error.code.http)
        return page.to(self._here(page), page.words("Saved."))

    async def password(self, page: Page) -> web.StreamResponse:
        """Another password: its phones are out until they know it."""
        posted = await page.form()
        try:
            patch = parsed(page, SipAccountPatch, {"password": posted.get("password", "")})
            await self._accounts.change(page, posted, patch)
        except Refusal as error:
            _, account = await self._accounts.named(page)
            form = Form(_values(account), faults(error, page))
            return await self._shown(page, form, error.code.http)
        return page.to(self._here(page), page.words("The password is changed: sign the phones in with it."))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Away with it."""
        posted = await page.form()
        try:
            await self._accounts.remove(page, posted)
        except Refusal as error:
            _, account = await self._accounts.named(page)
            form = Form(_values(account), faults(error, page))
            return await self._shown(page, form, error.code.http)
        return page.to(page.link("phones"), page.words("Removed."))

    # --- how ------------------------------------------------------------------------------------------------

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        object_id, account = await self._accounts.named(page)
        return page.render(
            "configuration/phone.html",
            status=status,
            form=form,
            account=account,
            seen=seen(account),
            senders=identities.choices(page, account["identity"]),
            label=identities.label,
            bindings=await self._rooms.standing.registrations(page.tenant_id, object_id),
        )

    def _here(self, page: Page) -> str:
        return page.link("phone", id=page.request.match_info["id"])


def _new(page: Page, form: Form, status: int = 200) -> web.Response:
    return page.render(
        "configuration/phone_new.html", status=status, form=form, senders=identities.choices(page)
    )


def _values(account: Shown) -> dict[str, Any]:
    fallback: Mapping[str, Any] = account["fallback"] or {}
    return {
        "sender": identities.text_of(account["identity"]),
        "abroad": account["abroad"],
        "language": account["language"],
        "enabled": account["enabled"],
        "fallback_after": fallback.get("after", ""),
        "fallback_mail": fallback.get("mail", ""),
        "fallback_number": fallback.get("number", ""),
    }


def _fields(posted: Posted) -> dict[str, Any]:
    """The form as fields of the resource."""
    return {
        "identity": identities.identity_of(posted.get("sender", "")),
        "abroad": posted.get("abroad", "2way"),
        "language": posted.get("language", "en"),
        "fallback": _fallback(posted),
    }


def _fallback(posted: Posted) -> dict[str, Any] | None:
    given = {
        "after": posted.get("fallback_after", "").strip(),
        "mail": posted.get("fallback_mail", "").strip(),
        "number": posted.get("fallback_number", "").strip(),
    }
    filled = {name: text for name, text in given.items() if text}
    if not filled:
        return None
    return {"after": "", **filled}
