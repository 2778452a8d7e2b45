"""Mail addresses that may send: how they prove themselves, what they show, their limits and what is used."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import MailSender
from voip_sms.core.resources.mail_gateway import MAIL_SENDER, MailSenderPatch
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
from voip_sms.engine.standing import NOTHING

_NAMED: Final = {"identity": "sender", "limits": "day"}
_TOKEN_OCTETS: Final = 16


class MailSenders:
    """Making and removing addresses is the company's own only with its `self_service`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._senders = Objects(rooms.accounts, MAIL_SENDER)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{ROOT}/mail-senders", f"{ROOT}/mail-senders/{{id}}"
        return [
            Route("GET", here, "mail_senders", self.overview, "mails", menu=marked("Mail senders")),
            Route("GET", f"{here}/new", "mail_sender_new", self.new, "mails"),
            Route("POST", f"{here}/new", "mail_sender_new", self.make, "mails", seconds=STORING),
            Route("GET", one, "mail_sender", self.show, "mails"),
            Route("POST", one, "mail_sender", self.save, "mails", seconds=STORING),
            Route("POST", f"{one}/token", "mail_sender_token", self.token, "mails", seconds=STORING),
            Route("POST", f"{one}/remove", "mail_sender_remove", self.remove, "mails", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All addresses with what they have used."""
        senders = await self._senders.page(page)
        used, total = await self._rooms.standing.mails(page.tenant_id)
        return page.render(
            "configuration/mail_senders.html",
            senders=senders,
            used=used,
            total=total,
            nothing=NOTHING,
            label=identities.label,
        )

    async def new(self, page: Page) -> web.StreamResponse:
        """The form that makes one."""
        return _new(page, Form({"sender": "default:", "abroad": "2way"}))

    async def make(self, page: Page) -> web.StreamResponse:
        """Let an address send."""
        posted = await page.form()
        try:
            given = {"address": posted.get("address", "").strip(), **_who(posted), **_limits(posted)}
            if posted.get("password"):
                given["secret"] = posted["password"]
            resource = parsed(page, MailSender, given)
            made = await self._once.do(
                page,
                posted,
                lambda: self._rooms.accounts.create(page.tenant_id, MAIL_SENDER, resource, page.by),
            )
        except Refusal as error:
            form = Form.of(posted, faults(error, page, {**_NAMED, "secret": "password"}, fallback="address"))
            return _new(page, form, error.code.http)
        return page.to(page.link("mail_sender", id=made["id"]), page.words("The address may send."))

    async def show(self, page: Page) -> web.StreamResponse:
        """One address."""
        _, sender = await self._senders.named(page)
        return await self._shown(page, Form(_values(sender)))

    async def save(self, page: Page) -> web.StreamResponse:
        """How it sends."""
        posted = await page.form()
        given = {**_who(posted), **_limits(posted), **_habits(posted)}
        if posted.get("password"):
            given["secret"] = posted["password"]
        try:
            await self._senders.change(page, posted, parsed(page, MailSenderPatch, given))
        except Refusal as error:
            form = Form.of(posted, faults(error, page, {**_NAMED, "secret": "password"}))
            return await self._shown(page, form, error.code.http)
        return page.to(self._here(page), page.words("Saved."))

    async def token(self, page: Page) -> web.StreamResponse:
        """A new token, shown this once; or none any more."""
        posted = await page.form()
        token = _new_token(self._rooms) if posted.get("make") else None
        try:
            shown = await self._once.do(page, posted, lambda: self._with_token(page, posted, token))
        except Refusal as error:
            _, sender = await self._senders.named(page)
            form = Form(_values(sender), faults(error, page))
            return await self._shown(page, form, error.code.http)
        if not shown["token"]:
            return page.to(self._here(page), page.words("The token counts no more."))
        return page.render("configuration/mail_token.html", sender=shown, back=self._here(page))

    async def remove(self, page: Page) -> web.StreamResponse:
        """It may send no more."""
        posted = await page.form()
        try:
            await self._senders.remove(page, posted)
        except Refusal as error:
            _, sender = await self._senders.named(page)
            form = Form(_values(sender), faults(error, page))
            return await self._shown(page, form, error.code.http)
        return page.to(page.link("mail_senders"), page.words("Removed."))

    # --- how ------------------------------------------------------------------------------------------------

    async def _with_token(self, page: Page, posted: Posted, token: str | None) -> Shown:
        shown = await self._senders.change(page, posted, MailSenderPatch(token=token))
        return {**shown, "token": token}

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        _, sender = await self._senders.named(page)
        used, _ = await self._rooms.standing.mails(page.tenant_id)
        return page.render(
            "configuration/mail_sender.html",
            status=status,
            form=form,
            sender=sender,
            seen=seen(sender),
            senders=identities.choices(page, sender["identity"]),
            label=identities.label,
            used=used.get(sender["address"], NOTHING),
        )

    def _here(self, page: Page) -> str:
        return page.link("mail_sender", id=page.request.match_info["id"])


def _new_token(rooms: Rooms) -> str:
    """Sixteen octets as letters and digits that stand in a mail address."""
    return ids.to_text("t", rooms.random(_TOKEN_OCTETS)).partition("_")[2]


def _new(page: Page, form: Form, status: int = 200) -> web.Response:
    return page.render(
        "configuration/mail_sender_new.html", status=status, form=form, senders=identities.choices(page)
    )


def _values(sender: Shown) -> dict[str, Any]:
    names = (
        "abroad", "enabled", "subject", "mode", "over_limit", "failure_to", "notify_delivered",
        "auto_generated", "reply_window",
    )  # fmt: skip
    limits = {name: "" if value is None else str(value) for name, value in sender["limits"].items()}
    return {
        **{name: sender[name] for name in names},
        **limits,
        "sender": identities.text_of(sender["identity"]),
    }


def _who(posted: Posted) -> dict[str, Any]:
    return {
        "identity": identities.identity_of(posted.get("sender", "")),
        "abroad": posted.get("abroad", "2way"),
    }


def _limits(posted: Posted) -> dict[str, Any]:
    given = {name: posted.get(name, "").strip().replace(" ", "") for name in ("day", "month")}
    return {"limits": {name: text for name, text in given.items() if text}}


def _habits(posted: Posted) -> dict[str, Any]:
    texts = {
        name: posted.get(name, "").strip()
        for name in ("subject", "mode", "over_limit", "failure_to", "reply_window")
    }
    switches = {name: bool(posted.get(name)) for name in ("enabled", "notify_delivered", "auto_generated")}
    return {**texts, **switches}
