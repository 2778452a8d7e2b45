"""Webhooks: which events go where, new secrets, tests, what was told and what is told once more."""

from collections.abc import Sequence
from typing import Any, Final, get_args

from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.core.resources import ForwardPatch, answers
from voip_sms.core.resources.forwards import MESSAGE_EVENTS, EventType, NewWebhookForward
from voip_sms.core.resources.webhooks import DELIVERY, STATES
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, PageOf, page_of
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed
from voip_sms.doors.panel.screens.configuration.forwards import tested
from voip_sms.doors.panel.screens.configuration.objects import (
    STORING,
    TESTING,
    Objects,
    Once,
    Shown,
    after_of,
    seen,
)
from voip_sms.engine.webhooks import HandoverFilter, Replay

_EVENTS: Final[tuple[str, ...]] = get_args(EventType)


class Hooks:
    """The company's subscriptions, and the deliveries of all webhooks, of numbers too."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._hooks = Objects(rooms.accounts, answers.FORWARD)
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one, told = f"{ROOT}/hooks", f"{ROOT}/hooks/{{id}}", f"{ROOT}/deliveries"
        return [
            Route("GET", here, "hooks", self.overview, "hooks", menu=marked("Webhooks")),
            Route("GET", f"{here}/new", "hook_new", self.new, "hooks"),
            Route("POST", f"{here}/new", "hook_new", self.make, "hooks", seconds=STORING),
            Route("GET", one, "hook", self.show, "hooks"),
            Route("POST", one, "hook", self.save, "hooks", seconds=STORING),
            Route("POST", f"{one}/rotate", "hook_rotate", self.rotate, "hooks", seconds=STORING),
            Route("POST", f"{one}/test", "hook_test", self.test, "hooks", seconds=TESTING),
            Route("POST", f"{one}/replay", "hook_replay", self.replay_failed, "hooks", seconds=STORING),
            Route("POST", f"{one}/remove", "hook_remove", self.remove, "hooks", seconds=STORING),
            Route("GET", told, "deliveries", self.deliveries, "hooks"),
            Route("POST", f"{told}/replay", "deliveries_replay", self.replay_all, "hooks", seconds=STORING),
            Route("GET", f"{told}/{{id}}", "delivery", self.delivery, "hooks"),
            Route("POST", f"{told}/{{id}}/replay", "delivery_replay", self.replay, "hooks", seconds=STORING),
        ]

    # --- what is told ---------------------------------------------------------------------------------------

    async def overview(self, page: Page) -> web.StreamResponse:
        """All webhooks, of the company and of its numbers."""
        hooks = [one for one in await self._hooks.all(page) if one["kind"] == "webhook"]
        return page.render("configuration/hooks.html", hooks=hooks)

    async def new(self, page: Page) -> web.StreamResponse:
        """The form that makes one."""
        return _new(page, Form({"mode": "standard", "events": list(MESSAGE_EVENTS)}))

    async def make(self, page: Page) -> web.StreamResponse:
        """Make it; its secret is shown this once."""
        posted = await page.form()
        try:
            resource = parsed(page, NewWebhookForward, {"kind": "webhook", **_fields(posted)})
            made = await self._once.do(
                page,
                posted,
                lambda: self._rooms.accounts.create(page.tenant_id, answers.FORWARD, resource, page.by),
            )
        except Refusal as error:
            form = Form.of(posted, faults(error, page, fallback="url"))
            return _new(page, form, error.code.http)
        back = page.link("hook", id=made["id"])
        if made.get("secret"):
            return page.render("configuration/secret.html", forward=made, back=back)
        return page.to(back, page.words("From now on events go there."))

    async def show(self, page: Page) -> web.StreamResponse:
        """One webhook with what was told to it."""
        _, hook = await self._named(page)
        return await self._shown(page, Form(_values(hook)))

    async def save(self, page: Page) -> web.StreamResponse:
        """Another address, other events, on or off."""
        posted = await page.form()
        _, hook = await self._named(page)
        given = {**_fields(posted), "enabled": bool(posted.get("enabled"))}
        if hook["number"] is not None:
            del given["events"]
        try:
            await self._hooks.change(page, posted, parsed(page, ForwardPatch, given))
        except Refusal as error:
            form = Form.of(posted, faults(error, page))
            return await self._shown(page, form, error.code.http)
        return page.to(self._here(page), page.words("Saved."))

    async def rotate(self, page: Page) -> web.StreamResponse:
        """A new secret, shown this once; the old one signs beside it for a day."""
        posted = await page.form()
        rule_id, _ = await self._named(page)
        made = await self._once.do(
            page, posted, lambda: self._rooms.webhooks.rotate(page.tenant_id, rule_id, page.by)
        )
        return page.render("configuration/secret.html", forward=made, back=self._here(page))

    async def test(self, page: Page) -> web.StreamResponse:
        """A test event, once and now."""
        rule_id, _ = await self._named(page)
        try:
            done = await self._rooms.webhooks.test(page.tenant_id, rule_id)
        except Refusal as error:
            (said, *_) = faults(error, page).values()
            return page.to(self._here(page), said, "bad")
        return page.to(self._here(page), *tested(page, done))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Away with it."""
        posted = await page.form()
        await self._named(page)
        try:
            await self._hooks.remove(page, posted)
        except Refusal as error:
            return await self._shown(page, Form(errors=faults(error, page)), error.code.http)
        return page.to(page.link("hooks"), page.words("Removed."))

    # --- what was told --------------------------------------------------------------------------------------

    async def deliveries(self, page: Page) -> web.StreamResponse:
        """Everything that was told, newest first."""
        state = page.arg("state")
        listed = await self._listed(page, None, state if state in STATES else None)
        return page.render("configuration/deliveries.html", deliveries=listed, state=state)

    async def delivery(self, page: Page) -> web.StreamResponse:
        """One with its tries."""
        shown = await self._rooms.webhooks.get(page.tenant_id, page.id(DELIVERY))
        return page.render("configuration/delivery.html", delivery=shown)

    async def replay(self, page: Page) -> web.StreamResponse:
        """Tell it once more."""
        delivery_id = page.id(DELIVERY)
        here = page.link("delivery", id=page.request.match_info["id"])
        try:
            await self._rooms.webhooks.replay(page.tenant_id, delivery_id, page.by)
        except Refusal as error:
            return page.to(here, _not_again(error, page), "bad")
        return page.to(here, page.words("It is told once more."))

    async def replay_failed(self, page: Page) -> web.StreamResponse:
        """All that failed of one webhook."""
        rule_id, _ = await self._named(page)
        return await self._replayed(page, Replay(rule_id=rule_id), self._here(page))

    async def replay_all(self, page: Page) -> web.StreamResponse:
        """All that failed."""
        return await self._replayed(page, Replay(), page.link("deliveries"))

    # --- how ------------------------------------------------------------------------------------------------

    async def _named(self, page: Page) -> tuple[bytes, Shown]:
        object_id, hook = await self._hooks.named(page)
        if hook["kind"] != "webhook":
            raise Refusal("not_found")
        return object_id, hook

    async def _listed(self, page: Page, rule_id: bytes | None, state: Any) -> PageOf[dict[str, Any]]:
        found, more = await self._rooms.webhooks.list(
            page.tenant_id,
            HandoverFilter(state=state, rule_id=rule_id),
            limit=PAGE,
            starting_after=after_of(page, DELIVERY),
        )
        return page_of(page, found, str(found[-1]["id"]) if more else "")

    async def _replayed(self, page: Page, which: Replay, back: str) -> web.StreamResponse:
        count, more = await self._rooms.webhooks.replay_many(page.tenant_id, which, page.by)
        if not count:
            return page.to(back, page.words("Nothing has failed that could be told again."), "warn")
        said = page.words.several("%(count)s is told once more.", "%(count)s are told once more.", count)
        return page.to(back, f"{said} {page.words('Some are left: do it again.')}" if more else said)

    async def _shown(self, page: Page, form: Form, status: int = 200) -> web.Response:
        object_id, hook = await self._named(page)
        return page.render(
            "configuration/hook.html",
            status=status,
            form=form,
            hook=hook,
            seen=seen(hook),
            events=_EVENTS,
            deliveries=await self._listed(page, object_id, None),
        )

    def _here(self, page: Page) -> str:
        return page.link("hook", id=page.request.match_info["id"])


def _new(page: Page, form: Form, status: int = 200) -> web.Response:
    return page.render("configuration/hook_new.html", status=status, form=form, events=_EVENTS)


def _values(hook: Shown) -> dict[str, Any]:
    return {name: hook[name] for name in ("url", "mode", "enabled")} | {"events": list(hook["events"] or ())}


def _fields(posted: Posted) -> dict[str, Any]:
    return {
        "url": posted.get("url", "").strip(),
        "mode": posted.get("mode", "standard"),
        "events": posted.all("events"),
    }


def _not_again(error: Refusal, page: Page) -> str:
    """Why something can't be told once more."""
    if error.code.name == "too_late":
        return page.words("The text of its message is no longer kept")
    if error.code.name == "conflict":
        return page.words("The webhook is gone, or switched off")
    return faults(error, page).get(WHOLE, "")
