"""One forward: whereto, on or off, tried out, removed; and all of them in one list."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources import ForwardPatch, answers
from voip_sms.doors.panel.frame.forms import Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed
from voip_sms.doors.panel.screens.configuration.objects import (
    STORING,
    TESTING,
    Objects,
    Shown,
    lines_of,
    seen,
)


class Forwards:
    """Those of numbers; the company's own subscriptions are webhooks (`hooks.py`)."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._forwards = Objects(rooms.accounts, answers.FORWARD)

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        one = f"{ROOT}/forwards/{{id}}"
        return [
            Route("GET", f"{ROOT}/forwards", "forwards", self.overview, "numbers"),
            Route("GET", one, "forward", self.show, "numbers"),
            Route("POST", one, "forward", self.save, "numbers", seconds=STORING),
            Route("POST", f"{one}/switch", "forward_switch", self.switch, "numbers", seconds=STORING),
            Route("POST", f"{one}/remove", "forward_remove", self.remove, "numbers", seconds=STORING),
            Route("POST", f"{one}/test", "forward_test", self.test, "numbers", seconds=TESTING),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All forwards of all numbers."""
        forwards = await self._forwards.page(page)
        return page.render("configuration/forwards.html", forwards=forwards)

    async def show(self, page: Page) -> web.StreamResponse:
        """The form that changes one."""
        _, rule = await self._forwards.named(page)
        if rule["number"] is None:  # a subscription of the company's own
            return page.to(page.link("hook", id=rule["id"]))
        return await self._shown(page, rule, Form(_values(rule)))

    async def save(self, page: Page) -> web.StreamResponse:
        """Other targets."""
        posted = await page.form()
        _, rule = await self._forwards.named(page)
        try:
            patch = parsed(page, ForwardPatch, _patch(rule, posted))
            await self._forwards.change(page, posted, patch)
        except Refusal as error:
            return await self._shown(page, rule, Form.of(posted, faults(error, page)), error.code.http)
        return page.to(await self._back(page, rule), page.words("Saved."))

    async def switch(self, page: Page) -> web.StreamResponse:
        """On or off."""
        posted = await page.form()
        _, rule = await self._forwards.named(page)
        on = posted.get("on") == "1"
        try:
            await self._forwards.change(page, posted, ForwardPatch(enabled=on))
        except Refusal as error:
            return await self._shown(page, rule, Form(_values(rule), faults(error, page)), error.code.http)
        said = page.words("Switched on.") if on else page.words("Switched off.")
        return page.to(await self._back(page, rule), said)

    async def remove(self, page: Page) -> web.StreamResponse:
        """Away with it."""
        posted = await page.form()
        _, rule = await self._forwards.named(page)
        try:
            await self._forwards.remove(page, posted)
        except Refusal as error:
            return await self._shown(page, rule, Form(_values(rule), faults(error, page)), error.code.http)
        return page.to(await self._back(page, rule), page.words("Removed."))

    async def test(self, page: Page) -> web.StreamResponse:
        """Try it out for real, once."""
        rule_id, rule = await self._forwards.named(page)
        back = await self._back(page, rule)
        try:
            done = await self._rooms.webhooks.test(page.tenant_id, rule_id)
        except Refusal as error:
            (said,) = set(faults(error, page).values())
            return page.to(back, said, "bad")
        return page.to(back, *tested(page, done))

    # --- how ------------------------------------------------------------------------------------------------

    async def _shown(self, page: Page, rule: Shown, form: Form, status: int = 200) -> web.Response:
        accounts = await Objects(self._rooms.accounts, answers.SIP_ACCOUNT).all(page)
        return page.render(
            "configuration/forward.html",
            status=status,
            form=form,
            rule=rule,
            seen=seen(rule),
            accounts=sorted((one["user"], one["user"]) for one in accounts),
            back=await self._back(page, rule),
        )

    async def _back(self, page: Page, rule: Shown) -> str:
        """Where it belongs: its number's page, or the webhooks."""
        if rule["number"] is None:
            return page.link("hooks")
        numbers = await Objects(self._rooms.accounts, answers.NUMBER).all(page, e164=rule["number"])
        return page.link("number", id=numbers[0]["id"]) if numbers else page.link("forwards")


def tested(page: Page, done: Any) -> tuple[str, Any]:
    """What became of a test, and how good that is."""
    if done["delivered"]:
        answer = f" ({done['cause']})" if done["cause"] else ""
        return page.words("The test has arrived%(answer)s.", answer=answer), "good"
    known = _CAUSES.get(done["cause"])
    why = page.words(known) if known else done["detail"] or done["cause"]
    return page.words("The test did not arrive: %(why)s.", why=why), "bad"


_CAUSES: Final = {
    "not_registered": marked("no phone is registered"),
    "no_proxy": marked("the way to your telephone system is not set up"),
    "no_asterisk": marked("the way to your telephone system is not set up"),
    "no_relay": marked("no mail server is set up"),
    "timeout": marked("nobody answered in time"),
    "no_answer": marked("nobody answered in time"),
    "not_verified": marked("the phone is not verified"),
    "credit_exhausted": marked("there is not enough credit"),
}
"""What the engine calls them."""


def _values(rule: Shown) -> dict[str, Any]:
    """What the form shows of a rule."""
    if rule["kind"] == "webhook":
        return {"url": rule["url"], "mode": rule["mode"]}
    if rule["kind"] == "sip":
        return {"to": list(rule["to"])}
    return {"to": "\n".join(rule["to"])}


def _patch(rule: Shown, posted: Posted) -> dict[str, Any]:
    if rule["kind"] == "webhook":
        return {"url": posted.get("url", "").strip(), "mode": posted.get("mode", "standard")}
    if rule["kind"] == "sip":
        return {"to": posted.all("to")}
    return {"to": lines_of(posted.get("to", ""))}
