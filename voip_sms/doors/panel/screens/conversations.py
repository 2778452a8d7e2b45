"""Conversations: everything written to and by one number, answered, looked after and noted by the company."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, get_args

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.clock import SECOND
from voip_sms.core.conversations import NOTE_LONGEST, Conversation, Note, Only, Thread
from voip_sms.core.directory import Id, Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Message
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PageOf, page_of
from voip_sms.doors.panel.frame.routes import ROOT, Route, read_segment
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.reasons import refusal_words, why_failed
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.blocking import block_sender, is_blocked
from voip_sms.doors.panel.screens.history.narrowing import DOOR_WORDS
from voip_sms.doors.panel.screens.live import View
from voip_sms.engine.live import Changes
from voip_sms.engine.panel import UNDO

LIST: Final = 30
"""Conversations on one page of the list: what stands beside a thread."""
ENTRIES: Final = 50
NAME: Final = "conversations"
ONLY_WORDS: Final[Mapping[Only, str]] = {
    "all": marked("All"),
    "unanswered": marked("Waiting for an answer"),
    "unread": marked("Unread"),
    "unclaimed": marked("Nobody's"),
    "mine": marked("Mine"),
}
_ENDED_BADLY: Final = frozenset({"failed", "undelivered", "expired"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a thread. `kind`: got, own or note; `who`: the account that sent it, or who noted it.

    `why`: why it did not arrive; `href`: its page.
    """

    id: str
    kind: str
    at: Micros
    text: str | None
    who: str
    door: str = ""
    status: str = ""
    why: str = ""
    blocked: bool = False
    href: str = ""


class Conversations:
    """The list beside one conversation; on a telephone one after the other."""

    def __init__(self, rooms: Rooms) -> None:
        self._conversations = rooms.conversations
        self._writing = rooms.writing

    @property
    def view(self) -> View:
        """What changes on an open page."""
        return View("conversations", self.parts)

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one = f"{ROOT}/conversations", f"{ROOT}/conversations/{{peer}}"
        return [
            Route("GET", here, NAME, self.list, "conversations", marked("Conversations")),
            Route("GET", one, "conversation", self.show, "conversations"),
            Route("POST", one, "conversation", self.answer, "send"),
            Route("POST", f"{one}/undo", "answer_undo", self.undo, "send"),
            Route("POST", f"{one}/claim", "conversation_claim", self.claim, "conversations"),
            Route("POST", f"{one}/release", "conversation_release", self.release, "conversations"),
            Route("POST", f"{one}/note", "conversation_note", self.note, "conversations"),
            Route("POST", f"{one}/block", "conversation_block", self.block, "security"),
        ]

    # --- pages ----------------------------------------------------------------------------------------------

    async def list(self, page: Page) -> web.StreamResponse:
        """All of them, or those that wait for something."""
        beside = await self._beside(page, None, _cursor(page, "after"))
        return page.render("conversations/list.html", **beside)

    async def show(self, page: Page) -> web.StreamResponse:
        """One conversation; what it shows is read."""
        return await self._page(page, Form())

    async def _page(self, page: Page, form: Form, status: int = 200) -> web.StreamResponse:
        peer, before = _peer(page), _cursor(page, "before")
        thread = await self._conversations.thread(page.user, peer, before=before, limit=ENTRIES)
        if before is None and thread.unread:
            await self._conversations.read(page.user, peer, thread.messages[-1].id)
        sent = page.arg("sent")
        return page.render(
            "conversations/thread.html",
            status=status,
            **await self._beside(page, peer, None),
            **self._thread(page, thread),
            form=form,
            newest=before is None,
            undo=sent if sent.isalnum() and _is_held(thread, page.now) else "",
            undo_seconds=UNDO // SECOND,
            note_longest=NOTE_LONGEST,
        )

    async def _beside(self, page: Page, peer: str | None, after: Id | None) -> dict[str, Any]:
        """The list, with the open one marked, if one is."""
        only = _only(page)
        found = await self._conversations.list(page.user, only, limit=LIST, after=after)
        following = "" if found.after is None else ids.to_text(MESSAGE, found.after)
        pages: PageOf[Conversation] = page_of(page, found.conversations, following)
        return {
            "peer": peer,
            "only": only,
            "choices": [
                (page.link(NAME, only=None if one == "all" else one), page.words(text), one == only)
                for one, text in ONLY_WORDS.items()
            ],
            "pages": pages,
        }

    def _thread(self, page: Page, thread: Thread) -> dict[str, Any]:
        return {
            "thread": thread,
            "entries": [_entry(page, one) for one in thread.entries],
            "before": "" if thread.before is None else ids.to_text(MESSAGE, thread.before),
            "answer_from": thread.answer_from,
            "can_answer": page.may("send") and thread.peer.startswith("+"),
            "mine": thread.claim is not None and thread.claim.user_id == page.user.id,
            "may_block": page.may("security") and any(one.direction == "inbound" for one in thread.messages),
            "blocked": is_blocked(page, thread.peer),
        }

    # --- what changes while it is open ----------------------------------------------------------------------

    async def parts(self, page: Page, changes: Changes) -> str:
        """The list; the open conversation where something in it is other."""
        written = page.arg("peer")
        peer = read_segment(written) if written else None
        values = await self._beside(page, peer, None)
        values |= {"open": False, "listed": page.arg("listed") == "1"}
        if peer is not None and (changes.much or peer in changes.peers):
            try:
                thread = await self._conversations.thread(page.user, peer, limit=ENTRIES)
                values |= {**self._thread(page, thread), "open": True}
            except Refusal as refusal:
                if refusal.code.name != "not_found":
                    raise
        return page.frame.templates.render("conversations/parts.html", page, values)

    # --- what people do -------------------------------------------------------------------------------------

    async def answer(self, page: Page) -> web.StreamResponse:
        """Send it from the number that they wrote to last."""
        posted, peer = await page.form(), _peer(page)
        thread = await self._conversations.thread(page.user, peer, limit=ENTRIES)
        try:
            sent = await self._writing.answer(
                page.user, peer, thread.answer_from, posted.get("text", ""), posted.once
            )
            refusal = sent.items[0].refused
        except Refusal as error:
            refusal = error
        if refusal is None:
            return page.to(
                page.link("conversation", peer=peer, sent=posted.once, only=posted.get("only", ""))
            )
        said = page.words("Write a text first")
        if refusal.code.name != "text_empty":
            said = refusal_words(refusal, page.words)
        return await self._page(page, Form.of(posted, {"text": said}), refusal.code.http)

    async def undo(self, page: Page) -> web.StreamResponse:
        """Call the answer back, if it has not left."""
        posted = await page.form()
        undone = await self._writing.undo(page.user, posted.get("sent", ""))
        if undone.canceled:
            return self._back(page, page.words("Called back: it was not sent, and costs nothing."))
        return self._back(page, page.words("It had left already."), good=False)

    async def claim(self, page: Page) -> web.StreamResponse:
        """Look after it."""
        try:
            await self._conversations.claim(page.user, _peer(page))
        except Refusal as refusal:
            if refusal.code.name != "conflict":
                raise
            said = page.words("%(name)s looks after this already.", name=refusal.data.get("name", "?"))
            return self._back(page, said, good=False)
        return self._back(page, page.words("You look after this conversation now."))

    async def release(self, page: Page) -> web.StreamResponse:
        """Leave it to the others."""
        await self._conversations.release(page.user, _peer(page))
        return self._back(page, page.words("Nobody looks after this conversation now."))

    async def note(self, page: Page) -> web.StreamResponse:
        """For the colleagues."""
        posted = await page.form()
        try:
            await self._conversations.note(page.user, _peer(page), posted.get("note", ""))
        except Refusal as refusal:
            if refusal.code.name != "invalid":
                raise
            said = page.words("A note has 1 to %(most)s characters", most=NOTE_LONGEST)
            return await self._page(page, Form.of(posted, {"note": said}), refusal.code.http)
        return self._back(page)

    async def block(self, page: Page) -> web.StreamResponse:
        """Hear no more of this sender."""
        said, tone = await block_sender(page, _peer(page))
        return page.to(page.link("conversation", peer=_peer(page)), said, tone)

    def _back(self, page: Page, said: str = "", *, good: bool = True) -> web.StreamResponse:
        return page.to(page.link("conversation", peer=_peer(page)), said, "good" if good else "warn")


def _peer(page: Page) -> str:
    return page.named("peer")


def _only(page: Page) -> Only:
    said = page.arg("only", "all")
    return next((one for one in get_args(Only) if one == said), "all")


def _cursor(page: Page, name: str) -> Id | None:
    """Where a list goes on; what is no cursor is its beginning."""
    with suppress(ids.IdInvalidError):
        return ids.from_text(MESSAGE, page.arg(name))
    return None


def _is_held(thread: Thread, now: Micros) -> bool:
    """Whether the last message may still be called back."""
    last = thread.messages[-1] if thread.messages else None
    return last is not None and last.direction == "outbound" and last.created_at > now - UNDO


def _entry(page: Page, one: Message | Note) -> Entry:
    if isinstance(one, Note):
        return Entry(ids.to_text("note", one.id), "note", one.at, one.text, one.author)
    name = ids.to_text(MESSAGE, one.id)
    return Entry(
        id=name,
        kind="got" if one.direction == "inbound" else "own",
        at=one.created_at,
        text=one.text,
        who=one.account.partition(":")[2] if one.direction == "outbound" else "",
        door=page.words(DOOR_WORDS.get(one.door, one.door)) if one.direction == "outbound" else "",
        status=one.status,
        why=why_failed(one.error_code, page.words) if one.status in _ENDED_BADLY else "",
        blocked="blocked" in one.flags,
        href=page.link("message", id=name),
    )
