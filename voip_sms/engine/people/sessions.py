"""Who is signed in: finds the session of a request, shows somebody theirs, ends and renews them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core.clock import MINUTE
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.people import Session, User
from voip_sms.engine.context import Context
from voip_sms.engine.people.noting import Notes, by_person
from voip_sms.engine.people.rows import (
    ADDRESS_MOST,
    SignedIn,
    Visit,
    drawn,
    gone,
    is_active,
    open_session,
    session_of,
    sessions,
    user_of,
)
from voip_sms.engine.people.tokens import Random, token_hash
from voip_sms.store import people as stored
from voip_sms.store import resolve
from voip_sms.store.units import Read, Rows, State, Unit, by_key

SEEN_EVERY: Final = 5 * MINUTE
"""How exactly it is known when a session was used last: a write each request would be one too many."""


@dataclass(frozen=True, slots=True)
class Present:
    """Whoever a request comes from."""

    user: User
    session: Session


class Sessions:
    """Server-side: the browser has 256 random bits, the database their SHA-256."""

    def __init__(self, context: Context, random: Random) -> None:
        """`random(n)` gives n random octets."""
        self._context = context
        self._random = random

    async def find(self, token: str, visit: Visit) -> Present | None:
        """Whose session this is; None: nobody's, over, or its person or tenant is switched off."""
        present, now = await self.look(token), self._context.clock.now()
        if present is None:
            return None
        session, address = present.session, visit.address[:ADDRESS_MOST]
        if now - session.seen_at >= SEEN_EVERY or session.address != address:
            await self._context.writer.do(_seen_unit(token_hash(token), address, now))
        return present

    async def look(self, token: str) -> Present | None:
        """The same without counting as a use: what a page asks for by itself keeps no session alive."""
        found = await self._context.reader.run(resolve.session_of, token_hash(token))
        if found is None:
            return None
        row, person = found
        session = session_of(row)
        if not session.lives(self._context.clock.now()) or not is_active(self._context.directory(), person):
            return None
        return Present(user_of(person), session)

    async def renew(self, token: str, visit: Visit) -> SignedIn:
        """The same person under a new id, which the old one no longer is. Refusal `unauthorized`: over."""
        digest, fresh = token_hash(token), drawn(self._context, self._random, visit)
        directory = self._context.directory()

        def decide(state: State) -> Rows:
            row = state.get("panel_session", digest)
            person = None if row is None else state.get("user_account", row["user_id"])
            if row is None or person is None or not session_of(row).lives(fresh.now):
                raise gone()
            if not is_active(directory, person):
                raise gone()
            rows = Rows()
            rows.delete("panel_session", (digest,))
            rows.result = open_session(rows, person, fresh)
            return rows

        unit = Unit(decide, [by_key("panel_session", digest)], lambda state: _owner(state, digest))
        signed: SignedIn = await self._context.writer.do(unit)
        return signed

    async def list(self, user: User) -> Sequence[Session]:
        """Where somebody is signed in, the last used first."""
        rows = await self._context.reader.run(stored.sessions_of, user.tenant_id, user.id)
        now = self._context.clock.now()
        return [one for one in map(session_of, rows) if one.lives(now)]

    async def end(self, user: User, session_id: Id) -> None:
        """End one of their own. Refusal `not_found`."""

        def decide(state: State) -> Rows:
            rows = Rows()
            for row in state.find(sessions(user.id)):
                if row["id"] == session_id:
                    rows.delete("panel_session", (row["hash"],))
                    self._note(rows, user, row)
            if not rows.deletes:
                raise Refusal("not_found", "there is no such session")
            return rows

        await self._context.writer.do(Unit(decide, [sessions(user.id)]))

    async def end_others(self, user: User, token: str) -> int:
        """End all of somebody's but the one with this token; how many."""
        keep = token_hash(token)

        def decide(state: State) -> Rows:
            rows = Rows()
            for row in state.find(sessions(user.id)):
                if row["hash"] != keep:
                    rows.delete("panel_session", (row["hash"],))
                    self._note(rows, user, row)
            rows.result = len(rows.deletes)
            return rows

        return int(await self._context.writer.do(Unit(decide, [sessions(user.id)])))

    async def sign_out(self, token: str) -> None:
        """End the session of this token; nothing if it is over already."""
        digest = token_hash(token)

        def decide(state: State) -> Rows:
            rows = Rows()
            if state.get("panel_session", digest) is not None:
                rows.delete("panel_session", (digest,))
            return rows

        await self._context.writer.do(Unit(decide, [by_key("panel_session", digest)]))

    def _note(self, rows: Rows, user: User, session: Mapping[str, Any]) -> None:
        theirs = {"tenant_id": user.tenant_id, "mail": user.mail}
        name = f"{session['agent'] or '?'} {session['address']}"
        Notes(rows, self._context, by_person(user)).beside(theirs, "removed", "sessions", name)


def _seen_unit(digest: bytes, address: str, now: int) -> Unit:
    def decide(state: State) -> Rows:
        rows = Rows()
        if state.get("panel_session", digest) is not None:
            rows.update("panel_session", (digest,), seen_at=now, address=address)
        return rows

    return Unit(decide, [by_key("panel_session", digest)])


def _owner(state: State, digest: bytes) -> tuple[Read, ...]:
    row = state.get("panel_session", digest)
    return () if row is None else (by_key("user_account", row["user_id"]),)
