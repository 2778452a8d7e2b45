"""The company's numbers, and where what comes in on each of them goes."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from voip_sms.core import ids
from voip_sms.core.addresses import readable
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import ForwardPatch, InvalidError, NewForward, NumberPatch, answers
from voip_sms.core.resources.complaints import complaints
from voip_sms.core.resources.forwards import NUMBER_TARGETS, NewWebhookForward
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults
from voip_sms.doors.panel.screens.configuration.objects import (
    STORING,
    Objects,
    Once,
    Shown,
    lines_of,
    seen,
)

_NEW: Final[TypeAdapter[Any]] = TypeAdapter(NewForward)
_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "sip": {"to": "sip_to"},
    "mail": {"to": "mail_to"},
    "number": {"to": "phone", "number": "phone"},
    "webhook": {},
}
"""What the form calls the targets of each kind."""


class Numbers:
    """One page a number: its switch, its forwards by kind, and what adds one."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._numbers = Objects(rooms.accounts, answers.NUMBER)
        self._forwards = Objects(rooms.accounts, answers.FORWARD)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        one = f"{ROOT}/numbers/{{id}}"
        return [
            Route("GET", f"{ROOT}/numbers", "numbers", self.overview, "numbers", menu=marked("Numbers")),
            Route("GET", one, "number", self.show, "numbers"),
            Route("POST", f"{one}/forwarding", "number_forwarding", self.switch, "numbers", seconds=STORING),
            Route("POST", f"{one}/forwards", "number_forwards", self.add, "numbers", seconds=STORING),
            Route("POST", f"{one}/code", "number_code", self.prove, "numbers", seconds=STORING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All numbers with how many ways lead on from each."""
        numbers = await self._numbers.page(page)
        rules = await asyncio.gather(*(self._rules(page, one) for one in numbers.items))
        ways = {
            number["number"]: sum(rule["enabled"] for rule in of_it)
            for number, of_it in zip(numbers.items, rules, strict=True)
        }
        return page.render("configuration/numbers.html", numbers=numbers, ways=ways)

    async def show(self, page: Page) -> web.StreamResponse:
        """One number."""
        return await self._shown(page, Form())

    async def switch(self, page: Page) -> web.StreamResponse:
        """All forwarding of the number on or off."""
        posted = await page.form()
        patch = NumberPatch(forwarding=posted.get("on") == "1")
        try:
            await self._numbers.change(page, posted, patch)
        except Refusal as error:
            return await self._shown(page, Form.of(posted, faults(error, page)), error.code.http)
        if patch.forwarding:
            return page.to(self._here(page), page.words("Texts are forwarded again."))
        return page.to(self._here(page), page.words("Nothing is forwarded from this number."))

    async def add(self, page: Page) -> web.StreamResponse:
        """One more way: to phones that register here, mailboxes, another phone, a URL."""
        posted = await page.form()
        _, number = await self._numbers.named(page)
        kind = posted.get("kind", "")
        try:
            if kind == "number":
                return await self._ask_for_code(page, number, posted)
            made = await self._once.do(page, posted, lambda: self._create(page, number, posted))
        except Refusal as error:
            fallback = _FIELDS.get(kind, {}).get("to", WHOLE)
            form = Form.of(posted, faults(error, page, _FIELDS.get(kind), fallback))
            return await self._shown(page, form, error.code.http)
        if made.get("secret"):
            return page.render("configuration/secret.html", forward=made, back=self._here(page))
        return page.to(self._here(page), page.words("From now on texts go there, too."))

    async def prove(self, page: Page) -> web.StreamResponse:
        """The code that a phone was sent; then texts go there."""
        posted = await page.form()
        _, number = await self._numbers.named(page)
        phone = posted.get("phone", "")
        try:
            proven = await self._rooms.verifying.prove(page.tenant_id, phone, posted.get("code", ""), page.by)
        except Refusal as error:
            return _code(page, number, phone, error)
        try:
            await self._add_phone(page, number, str(proven["number"]))
        except Refusal as error:
            form = Form.of(posted, faults(error, page, _FIELDS["number"], "phone"))
            return await self._shown(page, form, error.code.http)
        return page.to(self._here(page), page.words("The phone is verified: texts go there from now on."))

    # --- how ------------------------------------------------------------------------------------------------

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        _, number = await self._numbers.named(page)
        rules = await self._rules(page, number)
        accounts = await Objects(self._rooms.accounts, answers.SIP_ACCOUNT).all(page)
        phones = [target for one in rules if one["kind"] == "number" for target in one["to"]]
        return page.render(
            "configuration/number.html",
            status=status,
            form=form,
            number=number,
            seen=seen,
            rules=sorted(rules, key=lambda one: _ORDER.index(one["kind"])),
            accounts=sorted((one["user"], one["user"]) for one in accounts),
            more_phones=len(phones) < NUMBER_TARGETS,
        )

    async def _rules(self, page: Page, number: Shown) -> Sequence[Shown]:
        return await self._forwards.all(page, number=number["number"])

    async def _create(self, page: Page, number: Shown, posted: Posted) -> Shown:
        resource = _resource(page, number, posted)
        return await self._rooms.accounts.create(page.tenant_id, answers.FORWARD, resource, page.by)

    async def _ask_for_code(self, page: Page, number: Shown, posted: Posted) -> web.StreamResponse:
        typed = posted.get("phone", "")
        rules = [one for one in await self._rules(page, number) if one["kind"] == "number"]
        phone = self._rooms.verifying.read(typed)
        targets = [target for one in rules for target in one["to"]]
        if phone in targets:
            raise Refusal("conflict", "there is such a forward already")
        if len(targets) >= NUMBER_TARGETS:
            raise Refusal("limit_reached", "three phones at most")
        sent = await self._once.do(
            page, posted, lambda: self._rooms.verifying.send(page.tenant_id, typed, page.by)
        )
        if sent["verified"]:
            await self._add_phone(page, number, phone)
            return page.to(self._here(page), page.words("From now on texts go there, too."))
        return _code(page, number, phone, None)

    async def _add_phone(self, page: Page, number: Shown, phone: str) -> None:
        """To the rule that leads to phones, or a new one."""
        rules = [one for one in await self._rules(page, number) if one["kind"] == "number"]
        if not rules:
            body = {"kind": "number", "number": number["number"], "to": [phone]}
            resource = _NEW.validate_python(body, context={"country": page.rooms.country})
            await self._rooms.accounts.create(page.tenant_id, answers.FORWARD, resource, page.by)
        elif phone not in rules[0]["to"]:
            rule = rules[0]
            rule_id = ids.from_text(answers.FORWARD, str(rule["id"]))
            patch = ForwardPatch(to=(*rule["to"], phone))
            await self._rooms.accounts.change(
                page.tenant_id, answers.FORWARD, rule_id, patch, page.by, seen=seen(rule)
            )

    def _here(self, page: Page) -> str:
        return page.link("number", id=page.request.match_info["id"])


_ORDER: Final = ("sip", "mail", "number", "webhook")


def _resource(page: Page, number: Shown, posted: Posted) -> Any:
    """The forward that a form describes; InvalidError."""
    kind = posted.get("kind", "")
    body: dict[str, Any] = {"kind": kind, "number": number["number"]}
    if kind == "sip":
        body["to"] = posted.all("sip_to")
    elif kind == "mail":
        body["to"] = lines_of(posted.get("mail_to", ""))
    elif kind == "webhook":
        body |= {"url": posted.get("url", "").strip(), "mode": posted.get("mode", "standard")}
    try:
        return _NEW.validate_python(body, context={"country": page.rooms.country})
    except ValidationError as error:
        raise InvalidError(complaints(error, NewWebhookForward)) from None


def _code(page: Page, number: Shown, phone: str, error: Refusal | None) -> web.Response:
    """Where the code is typed; what is wrong with the one before."""
    errors: dict[str, str] = {}
    again = error is not None and error.code.name == "too_late"
    if error is not None:
        left = error.data.get("tries_left")
        if isinstance(left, int) and left > 0:
            errors["code"] = page.words.several(
                "That is not the code: %(count)s try is left",
                "That is not the code: %(count)s tries are left",
                left,
            )
        elif isinstance(left, int) or again:
            again = True
            errors["code"] = page.words("This code counts no more: have another one sent")
        else:
            errors = faults(error, page, fallback="code")
    return page.render(
        "configuration/code.html",
        status=200 if error is None else error.code.http,
        form=Form(errors=errors),
        number=number,
        phone=phone,
        shown=readable(phone),
        again=again,
    )
