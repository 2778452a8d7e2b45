"""API keys: made with their rights, shown once, switched off, removed."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources import KeyPatch, NewKey, answers
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


class Keys:
    """What programs sign in with."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._keys = Objects(rooms.accounts, answers.KEY)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{ROOT}/keys", f"{ROOT}/keys/{{id}}"
        return [
            Route("GET", here, "keys", self.overview, "security", menu=marked("API keys")),
            Route("GET", f"{here}/new", "key_new", self.new, "security"),
            Route("POST", f"{here}/new", "key_new", self.make, "security", seconds=STORING),
            Route("GET", one, "key", self.show, "security"),
            Route("POST", one, "key", self.save, "security", seconds=STORING),
            Route("POST", f"{one}/switch", "key_switch", self.switch, "security", seconds=STORING),
            Route("POST", f"{one}/remove", "key_remove", self.remove, "security", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All keys."""
        return await self._listed(page, Form())

    async def new(self, page: Page) -> web.StreamResponse:
        """The form that makes one."""
        return _form(page, Form({"scopes": ["messages"], "sender": "default:", "abroad": "2way"}))

    async def make(self, page: Page) -> web.StreamResponse:
        """Make it, and show it this once."""
        posted = await page.form()
        try:
            resource = parsed(page, NewKey, {"name": posted.get("name", "").strip(), **_fields(posted)})
            made = await self._once.do(
                page,
                posted,
                lambda: self._rooms.accounts.create(page.tenant_id, answers.KEY, resource, page.by),
            )
        except Refusal as error:
            form = Form.of(posted, faults(error, page, _NAMED, fallback="name"))
            return _form(page, form, status=error.code.http)
        return page.render("configuration/key_made.html", key=made)

    async def show(self, page: Page) -> web.StreamResponse:
        """The form that changes one."""
        _, key = await self._keys.named(page)
        return _form(page, Form(_values(key)), key)

    async def save(self, page: Page) -> web.StreamResponse:
        """Other rights, another sender."""
        posted = await page.form()
        try:
            await self._keys.change(page, posted, parsed(page, KeyPatch, _fields(posted)))
        except Refusal as error:
            form = Form.of(posted, faults(error, page, _NAMED))
            _, key = await self._keys.named(page)
            return _form(page, form, key, error.code.http)
        return page.to(page.link("keys"), page.words("Saved."))

    async def switch(self, page: Page) -> web.StreamResponse:
        """On or off."""
        posted = await page.form()
        on = posted.get("on") == "1"
        try:
            await self._keys.change(page, posted, KeyPatch(enabled=on))
        except Refusal as error:
            return await self._listed(page, Form(errors=faults(error, page)), error.code.http)
        return page.to(page.link("keys"), page.words("Switched on.") if on else page.words("Switched off."))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Away with it: whoever has it is a stranger from now on."""
        posted = await page.form()
        try:
            await self._keys.remove(page, posted)
        except Refusal as error:
            return await self._listed(page, Form(errors=faults(error, page)), error.code.http)
        return page.to(page.link("keys"), page.words("Removed."))

    async def _listed(self, page: Page, form: Form, status: int = 200) -> web.Response:
        keys = await self._keys.page(page)
        return page.render(
            "configuration/keys.html", status=status, form=form, keys=keys, seen=seen, label=identities.label
        )


_NAMED: Final = {"identity": "sender"}


def _form(page: Page, form: Form, key: Shown | None = None, status: int = 200) -> web.Response:
    return page.render(
        "configuration/key.html",
        status=status,
        form=form,
        key=key,
        seen="" if key is None else seen(key),
        senders=identities.choices(page, None if key is None else key["identity"]),
        label=identities.label,
    )


def _values(key: Shown) -> dict[str, Any]:
    return {
        "scopes": list(key["scopes"]),
        "sender": identities.text_of(key["identity"]),
        "abroad": key["abroad"],
    }


def _fields(posted: Posted) -> dict[str, Any]:
    return {
        "scopes": posted.all("scopes"),
        "identity": identities.identity_of(posted.get("sender", "")),
        "abroad": posted.get("abroad", "2way"),
    }
