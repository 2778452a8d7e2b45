"""One-time links: set a password, sign in. Whether one is used up is decided in the writer."""

from collections.abc import Callable, Mapping
from typing import Any

from voip_sms.core import passwords
from voip_sms.core.audit import By
from voip_sms.core.directory import Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.people import FORGOTTEN_LIFE, LinkKind, OneTimeLink
from voip_sms.engine.context import Context
from voip_sms.engine.people import mails
from voip_sms.engine.people.noting import Notes, by_person
from voip_sms.engine.people.rows import (
    MAILS_AN_HOUR,
    SignedIn,
    Visit,
    drawn,
    end_sessions,
    is_active,
    link_row,
    links,
    mailed_lately,
    open_session,
    opens,
    sessions,
    user_of,
    void_links,
)
from voip_sms.engine.people.sign_in import MAIL_LONGEST, CodeNeeded, SignIn
from voip_sms.engine.people.tokens import Random, new_token, token_hash
from voip_sms.engine.proving import Proving
from voip_sms.store import resolve
from voip_sms.store.units import Rows, State, Unit, by_key

Change = Callable[[Rows, State, Mapping[str, Any]], None]
"""What a link does, given the rows to write to and the person; it sets the result."""


class Links:
    """Refusal `not_found` for a link that is unknown, used, over, or of somebody who is switched off."""

    def __init__(
        self, context: Context, proving: Proving, sign_in: SignIn, random: Random, *, panel: str
    ) -> None:
        """`panel`: the panel's address, without a slash at the end."""
        self._context = context
        self._proving = proving
        self._sign_in = sign_in
        self._random = random
        self._panel = panel

    async def make(self, mail: str, kind: LinkKind, by: By) -> str:
        """A link for whoever has this address, which voids their earlier ones of the kind.

        `by` is noted in the audit log. Refusal `not_found`: nobody has it; `conflict`: they are switched off.
        """
        person = await self._context.reader.run(resolve.person_of_mail, mail.strip().lower())
        if person is None:
            raise Refusal("not_found", f"{mail}: nobody signs in with this address")
        token, now = new_token(self._random), self._context.clock.now()
        directory = self._context.directory()

        def decide(state: State) -> Rows:
            there = state.get("user_account", person["id"])
            if not is_active(directory, there):
                raise Refusal("conflict", f"{mail}: this account or its customer is switched off")
            rows = Rows()
            for row in state.find(links(person["id"])):
                if row["kind"] == kind and row["used_at"] is None:
                    rows.update("one_time_link", (row["hash"],), used_at=now)
            rows.inserts.append(("one_time_link", link_row(person, kind, token, now)))
            Notes(rows, self._context, by).beside(person, "added", "links", kind)
            return rows

        reads = [links(person["id"]), by_key("user_account", person["id"])]
        await self._context.writer.do(Unit(decide, reads))
        return mails.link_url(self._panel, token)

    async def forgotten(self, mail: str, visit: Visit) -> None:
        """Mail whoever has this address a link that sets a password; nobody else hears anything.

        The answer, and how long it takes, is the same for everybody. Earlier links stay good: a stranger
        who asks takes nothing away. Refusal `rate_limited` for who asks more than eight times at once.
        """
        mail = mail.strip().lower()[:MAIL_LONGEST]
        await self._sign_in.unhurried(visit, lambda: self._forgotten(mail, visit))

    async def _forgotten(self, mail: str, visit: Visit) -> None:
        context, directory = self._context, self._context.directory()
        person = await context.reader.run(resolve.person_of_mail, mail)
        if person is None:
            return
        token, now = new_token(self._random), context.clock.now()
        opening = mails.Opening(mails.link_url(self._panel, token), now + FORGOTTEN_LIFE)
        stamp = mails.Stamp(now, context.new_id(), person["tenant_id"])

        def decide(state: State) -> Rows:
            there, rows = state.get("user_account", person["id"]), Rows()
            enough = mailed_lately(state, person["id"], now) >= MAILS_AN_HOUR
            if there is None or not is_active(directory, there) or enough:
                return rows
            link = {**link_row(there, "password", token, now), "expires_at": opening.until}
            rows.inserts.append(("one_time_link", link))
            rows.inserts.append(("forward_job", mails.forgotten(there, opening, stamp, visit.address)))
            rows.wakes.add(mails.WAKES)
            return rows

        await context.writer.do(Unit(decide, [links(person["id"]), by_key("user_account", person["id"])]))

    async def look(self, token: str) -> OneTimeLink:
        """What a link would open, and for whom; it is as good afterwards as before."""
        found = await self._context.reader.run(resolve.link_of, token_hash(token))
        if found is None or not opens(*found, self._context.clock.now()):
            raise _used_up()
        row, person = found
        if row["kind"] == "code" or not is_active(self._context.directory(), person):
            raise _used_up()
        return OneTimeLink(row["kind"], user_of(person), row["expires_at"])

    async def sign_in(self, token: str, visit: Visit) -> SignedIn:
        """Of two that use it at the same moment one is signed in. No code is asked for: who has the link has
        the machine (`voip-sms user link`).
        """
        fresh = drawn(self._context, self._random, visit)

        def change(rows: Rows, state: State, person: Mapping[str, Any]) -> None:
            del state
            rows.result = open_session(rows, person, fresh)

        signed: SignedIn = await self._use(token, "sign_in", fresh.now, change)
        return signed

    async def set_password(self, token: str, password: str, visit: Visit) -> SignedIn | CodeNeeded:
        """Set it, end all sessions and links of that person, and sign in; a second factor is asked for still.

        PasswordUnfitError: the link is as good as before.
        """
        there = await self.look(token)
        passwords.check(passwords.prepared(password), there.user.mail, there.user.name)
        sealed = await self._proving.seal(passwords.prepared(password))
        now = self._context.clock.now()

        def change(rows: Rows, state: State, person: Mapping[str, Any]) -> None:
            rows.update("user_account", (person["id"],), password_hash=sealed)
            end_sessions(rows, state, person["id"])
            void_links(rows, state, person["id"], now)
            notes = Notes(rows, self._context, by_person(user_of(person)))
            notes.changed(person, {"password_hash": sealed})
            rows.result = {**person, "password_hash": sealed}

        person = await self._use(token, "password", now, change)
        return await self._sign_in.admit(person, visit)

    async def _use(self, token: str, kind: LinkKind, now: Micros, change: Change) -> Any:
        """Mark it as used and do what it is for; the unit's result."""
        digest, directory = token_hash(token), self._context.directory()
        found = await self._context.reader.run(resolve.link_of, digest)
        if found is None:
            raise _used_up()
        user_id = found[1]["id"]

        def decide(state: State) -> Rows:
            row = state.get("one_time_link", digest)
            person = state.get("user_account", user_id)
            if row is None or person is None or row["kind"] != kind or not opens(row, person, now):
                raise _used_up()
            if not is_active(directory, person):
                raise _used_up()
            rows = Rows()
            rows.update("one_time_link", (digest,), used_at=now)
            change(rows, state, person)
            return rows

        reads = [links(user_id), sessions(user_id), by_key("user_account", user_id)]
        return await self._context.writer.do(Unit(decide, reads))


def _used_up() -> Refusal:
    return Refusal("not_found", "this link was used already, or its time is over")
