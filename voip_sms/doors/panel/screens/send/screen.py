"""Sending: the form with its live preview, what came of it, and ten seconds to call it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.clock import SECOND
from voip_sms.core.directory import Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Item, Submitted
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.core.status import TERMINAL, Status
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.reasons import refusal_words
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.send.form import HOURS, MORE, USUAL, Asked, asked_of
from voip_sms.doors.panel.screens.send.words import Preview, preview_of, sender_options
from voip_sms.engine.panel import UNDO, Outlook, Undone
from voip_sms.engine.sent import Sent

LISTED: Final = 200
"""Results on one page, refused ones first; of more, the history tells."""
SECONDS: Final = 30.0
"""For what goes to 10,000 people: planned, stored in one transaction, called back one by one."""
_PARTS: Final = "X-Parts"
"""What panel.js says where it wants the parts of a page that change."""


@dataclass(frozen=True, slots=True)
class Result:
    """One recipient: a message with its page, or why not ("": it was sent, and is not kept any more)."""

    to: str
    sender: str = ""
    status: str = ""
    href: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """What came of a form. `results`: of the first `LISTED` of `count` recipients; `statuses`: how many
    messages have which.

    `seconds` are left to call it back; `leaves_at`: when it is to go, if a person said so; `moving`: some of
    it will still change; `again`: to whom it would be sent once more, as the form takes it, where some of it
    was called back.
    """

    once: str
    results: Sequence[Result]
    count: int
    statuses: Mapping[str, int]
    text: str
    price: Micros
    currency: str
    seconds: int
    leaves_at: Micros | None
    moving: bool
    canceled: int
    refused: int
    again: str


class Send:
    """See above."""

    def __init__(self, rooms: Rooms) -> None:
        self._writing = rooms.writing

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, sent = f"{ROOT}/send", f"{ROOT}/send/sent/{{once}}"
        return [
            Route("GET", here, "send", self.write, "send", menu=marked("Send")),
            Route("POST", here, "send", self.send, "send", seconds=SECONDS),
            Route("POST", f"{here}/preview", "send_preview", self.preview, "send"),
            Route("GET", sent, "sent", self.sent, "send"),
            Route("POST", f"{sent}/undo", "undo", self.undo, "send", seconds=SECONDS),
        ]

    # --- writing --------------------------------------------------------------------------------------------

    async def write(self, page: Page) -> web.StreamResponse:
        """The form, with what a link to it says already: `to`, `text`, `sender`."""
        given = [(name, page.arg(name)) for name in ("to", "text", "sender")]
        posted = Posted([*given, *USUAL.items()], page.once())
        asked = self._asked(page, posted)
        return await self._form(page, posted, asked, {})

    async def preview(self, page: Page) -> web.StreamResponse:
        """What would come of it: the parts that change, or without JavaScript the whole page."""
        posted = await page.form()
        asked = self._asked(page, posted)
        if page.request.headers.get(_PARTS):
            outlook = await self._writing.preview(page.user, asked.written)
            shown = preview_of(outlook, page.words)
            return page.render("send/parts.html", **self._looks(page, asked, shown))
        return await self._form(page, posted, asked, asked.errors)

    async def send(self, page: Page) -> web.StreamResponse:
        """Store it and show what came of it; what nobody can get is told at the form."""
        posted = await page.form()
        asked = self._asked(page, posted)
        errors = dict(asked.errors)
        if not asked.written.recipients:
            errors["to"] = page.words("Say to whom")
        if errors:
            return await self._form(page, posted, asked, errors, 422)
        try:
            submitted = await self._writing.send(page.user, asked.written)
        except Refusal as refusal:
            return await self._refused(page, posted, asked, refusal)
        if any(item.refused is None for item in submitted.items):
            return page.to(page.link("sent", once=posted.once))
        return await self._refused(page, posted, asked, _first(submitted))

    async def _refused(
        self, page: Page, posted: Posted, asked: Asked, refusal: Refusal
    ) -> web.StreamResponse:
        """Nothing was stored: the form as it was, with the reason where it belongs."""
        code, said = refusal.code.name, refusal_words(refusal, page.words)
        where = _FIELDS.get(code, WHOLE)
        if code == "text_empty":
            said = page.words("Write a text first")
        elif where == _TO and len(asked.written.recipients) > 1:
            said = page.words("Nobody can get this: the preview says why")
        errors = {where: said}
        return await self._form(page, posted, asked, errors, refusal.code.http)

    async def _form(
        self, page: Page, posted: Posted, asked: Asked, errors: Mapping[str, str], status: int = 200
    ) -> web.StreamResponse:
        try:
            outlook = await self._writing.preview(page.user, asked.written)
        except Refusal:  # told already, or it will be when they send
            outlook = Outlook(None, (), len(asked.written.recipients))
        choices = self._writing.senders(page.user)
        return page.render(
            "send/write.html",
            status=status,
            form=Form.of(posted, errors),
            senders=sender_options(choices, page.words),
            groups=[(name, f"{name} ({count})") for name, count in self._writing.groups(page.user)],
            hours=HOURS,
            opened=any(posted.get(name, "") not in ("", USUAL.get(name, "")) for name in MORE),
            **self._looks(page, asked, preview_of(outlook, page.words)),
        )

    def _looks(self, page: Page, asked: Asked, preview: Preview) -> dict[str, Any]:
        tenant = page.tenant
        return {
            "preview": preview,
            "leaves_at": asked.written.send_at,
            "twice": asked.twice,
            "always_plain": tenant is not None and tenant.transliterate == "auto",
        }

    def _asked(self, page: Page, posted: Posted) -> Asked:
        zone = page.tenant.timezone if page.tenant is not None else "UTC"
        return asked_of(posted, page.words, zone, page.now)

    # --- what came of it ------------------------------------------------------------------------------------

    async def sent(self, page: Page) -> web.StreamResponse:
        """What was sent with one form, and how far it is."""
        once = page.request.match_info["once"]
        sent = await self._writing.sent(page.user, once, LISTED)
        if sent is None:
            raise Refusal("not_found")
        template = "send/result.html" if page.request.headers.get(_PARTS) else "send/sent.html"
        return page.render(template, sent=_progress(page, once, sent))

    async def undo(self, page: Page) -> web.StreamResponse:
        """Call back what has not left."""
        once = page.request.match_info["once"]
        undone = await self._writing.undo(page.user, once)
        return page.to(page.link("sent", once=once), _told(page, undone), _tone(undone))


_TO: Final = "to"
_FIELDS: Final[Mapping[str, str]] = {
    "text_empty": "text",
    "text_too_long": "text",
    "sender_not_allowed": "sender",
    "recipient_invalid": _TO,
    "recipient_forbidden": _TO,
    "extension_unknown": _TO,
    "no_route": _TO,
}
"""Where a refusal belongs; all others are the whole form's."""


def _first(submitted: Submitted) -> Refusal:
    return next((item.refused for item in submitted.items if item.refused is not None), Refusal("invalid"))


def _told(page: Page, undone: Undone) -> str:
    if not undone.canceled:
        return page.words("Too late: it has left already.")
    if not undone.late:
        return page.words("Called back: nothing was sent, and nothing is charged.")
    return page.words.several(
        "%(count)s message was called back; %(late)s had left already.",
        "%(count)s messages were called back; %(late)s had left already.",
        undone.canceled,
        late=undone.late,
    )


def _tone(undone: Undone) -> Any:
    return "good" if not undone.late else "warn" if undone.canceled else "bad"


def _progress(page: Page, once: str, sent: Sent) -> Progress:
    statuses = {share.status: share.count for share in sent.shares}
    waiting = next((share for share in sent.shares if share.status == Status.SCHEDULED), None)
    leaves = waiting.send_at if waiting is not None else None
    held = waiting is not None and leaves is not None and leaves - waiting.created_at <= UNDO
    canceled = statuses.get(Status.CANCELED, 0)
    messages = (item.message for item in sent.items if item.message is not None)
    return Progress(
        once=once,
        results=[_result(page, item) for item in sent.items[:LISTED]],
        count=len(sent.recipients),
        statuses=statuses,
        text=next((one.text for one in messages if one.text is not None), ""),
        price=sent.price,
        currency=sent.currency,
        seconds=max(0, -(-(leaves - page.now) // SECOND)) if held and leaves is not None else 0,
        leaves_at=None if held else leaves,
        moving=any(status not in TERMINAL for status in statuses),
        canceled=canceled,
        refused=sent.refused,
        again="\n".join(sent.recipients) if canceled else "",
    )


def _result(page: Page, item: Item) -> Result:
    message = item.message
    if message is None:
        return Result(item.to, why=refusal_words(item.refused, page.words) if item.refused else "")
    href = page.link("message", id=ids.to_text(MESSAGE, message.id))
    return Result(message.to, message.sender, message.status, href)
