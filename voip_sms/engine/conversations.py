"""What people do with the conversations of their company: look, take one over, note, tick off as read."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from voip_sms.core.clock import MINUTE
from voip_sms.core.conversations import NOTE_LONGEST, ConversationPage, Only, Thread
from voip_sms.core.directory import Id, Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.people import User
from voip_sms.core.planning import storable
from voip_sms.engine.context import Context
from voip_sms.store import conversations as stored
from voip_sms.store.units import Read, Rows, State, Unit, by_key

PAGE: Final = 50
PEER_LONGEST: Final = 128
TWICE: Final = MINUTE
"""Who writes the same note again so soon has clicked twice."""

Told = Callable[[Id, str], None]
"""Called on the loop after somebody changed what colleagues see of a conversation: tenant, peer."""


class Conversations:
    """Every call takes whoever asks, and is about their tenant alone. Answers after the commit.

    A `peer` is written as messages have it: E.164, a short code or a name. Refusals: `forbidden` (the role
    may not), `not_found` (nothing was ever written to or by this number).
    """

    def __init__(self, context: Context, told: Told | None = None) -> None:
        self._context = context
        self._told = told

    async def list(
        self, user: User, only: Only = "all", *, limit: int = PAGE, after: Id | None = None
    ) -> ConversationPage:
        """The conversations with the newest word first. `after`: of the page before."""
        asked = self._asked(user, only)
        return await self._context.reader.run(stored.page, user.tenant_id, asked, limit=limit, after=after)

    async def thread(self, user: User, peer: str, *, before: Id | None = None, limit: int = PAGE) -> Thread:
        """The newest entries of one, or those below `before`."""
        asked = self._asked(user)
        _check(peer)
        found = await self._context.reader.run(
            stored.thread, user.tenant_id, asked, peer, before=before, limit=limit
        )
        if found is None:
            raise _none()
        return found

    async def claim(self, user: User, peer: str) -> None:
        """Look after it. Refusal `conflict`: a colleague does; its `data` has their `name`."""
        await self._newest(user, peer)
        key = (user.tenant_id, peer)
        now = self._context.clock.now()

        def follow(state: State) -> Iterable[Read]:
            row = state.get("peer_claim", *key)
            if row is not None:
                yield by_key("user_account", row["user_id"], lock=False)

        def decide(state: State) -> Rows:
            row, rows = state.get("peer_claim", *key), Rows()
            holder = None if row is None else state.get("user_account", row["user_id"])
            if holder is not None and holder["enabled"] and holder["id"] != user.id:
                name = holder["name"] or holder["mail"]
                raise Refusal("conflict", f"{name} looks after it", {"name": name})
            if row is None:
                rows.insert("peer_claim", tenant_id=user.tenant_id, peer=peer, user_id=user.id, at=now)
            elif row["user_id"] != user.id:
                rows.update("peer_claim", key, user_id=user.id, at=now)
            return rows

        await self._write(Unit(decide, [by_key("peer_claim", *key)], follow))
        self._tell(user, peer)

    async def release(self, user: User, peer: str) -> None:
        """Look after it no more. An administrator may end a colleague's; else Refusal `forbidden`."""
        self._may(user)
        _check(peer)
        key = (user.tenant_id, peer)

        def decide(state: State) -> Rows:
            row, rows = state.get("peer_claim", *key), Rows()
            if row is None:
                return rows
            if row["user_id"] != user.id and user.role != "admin":
                raise Refusal("forbidden", "a colleague looks after it")
            rows.delete("peer_claim", key)
            return rows

        await self._context.writer.do(Unit(decide, [by_key("peer_claim", *key)]))
        self._tell(user, peer)

    async def note(self, user: User, peer: str, text: str) -> None:
        """Write something for the colleagues; it is never sent. Refusal `invalid`."""
        await self._newest(user, peer)
        body = storable(text.strip())
        if not body or len(body) > NOTE_LONGEST:
            raise Refusal("invalid", f"a note has 1 to {NOTE_LONGEST} characters")
        now, key = self._context.clock.now(), _said(user, peer, body)
        note: dict[str, Any] = {
            "tenant_id": user.tenant_id,
            "peer": peer,
            "user_id": user.id,
            "body": body,
        }
        note |= {"id": self._context.new_id(), "author": user.name or user.mail, "at": now}

        def decide(state: State) -> Rows:
            before, rows = state.get("idempotency", key), Rows(inserts=[("peer_note", note)])
            if before is None:
                rows.insert("idempotency", **_record(user, key, note["id"], now))
            elif before["created_at"] > now - TWICE:
                return Rows()
            else:
                rows.update("idempotency", (key,), created_at=now)
            return rows

        await self._write(Unit(decide, [by_key("idempotency", key)]))
        self._tell(user, peer)

    async def read(self, user: User, peer: str, upto: Id) -> None:
        """This person has seen everything up to this message; what was seen stays seen."""
        upto = min(upto, await self._newest(user, peer))
        key = (user.tenant_id, user.id, peer)

        def decide(state: State) -> Rows:
            row, rows = state.get("peer_reading", *key), Rows()
            if row is None:
                rows.insert("peer_reading", tenant_id=user.tenant_id, user_id=user.id, peer=peer, upto=upto)
            elif row["upto"] < upto:
                rows.update("peer_reading", key, upto=upto)
            return rows

        await self._write(Unit(decide, [by_key("peer_reading", *key)]))

    async def _write(self, unit: Unit) -> None:
        try:
            await self._context.writer.do(unit)
        except IntegrityError:  # another node was quicker: now there is a row to look at
            await self._context.writer.do(unit)

    async def _newest(self, user: User, peer: str) -> Id:
        self._may(user)
        _check(peer)
        found = await self._context.reader.run(stored.newest, user.tenant_id, peer)
        if found is None:
            raise _none()
        return found

    def _asked(self, user: User, only: Only = "all") -> stored.Asked:
        self._may(user)
        return stored.Asked(user.id, self._context.clock.now(), only)

    def _may(self, user: User) -> None:
        if not user.may("conversations"):
            raise Refusal("forbidden", "conversations are a company's own")

    def _tell(self, user: User, peer: str) -> None:
        if self._told is not None:
            self._told(user.tenant_id, peer)


def _said(user: User, peer: str, body: str) -> bytes:
    """What makes a note the same note: whose it is, about whom, and its words."""
    parts = (b"note", user.tenant_id, user.id, peer.encode(), body.encode())
    return sha256(b"".join(len(part).to_bytes(4) + part for part in parts)).digest()


def _record(user: User, key: bytes, note_id: Id, now: Micros) -> dict[str, Any]:
    """That a note was written just now: one row to look at, however many notes a number has."""
    same: dict[str, Any] = {"key": key, "fingerprint": key, "submission_id": note_id, "items": "[]"}
    return {**same, "tenant_id": user.tenant_id, "created_at": now}


def _check(peer: str) -> None:
    """What comes in an address of a page may be anything; a database takes no NUL."""
    if not peer.isprintable() or len(peer) > PEER_LONGEST:
        raise _none()


def _none() -> Refusal:
    return Refusal("not_found", "there is no such conversation")
