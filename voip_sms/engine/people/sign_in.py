"""Signing in: an address and a password, then a code where somebody has a second factor."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from voip_sms.core import passwords
from voip_sms.core.buckets import Buckets
from voip_sms.core.clock import SECOND
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import Guesses
from voip_sms.core.people import CODE_TRIES
from voip_sms.core.sites import site_of
from voip_sms.engine.context import Context
from voip_sms.engine.people.rows import (
    Fresh,
    SignedIn,
    Visit,
    drawn,
    gone,
    is_active,
    link_row,
    links,
    open_session,
    opens,
)
from voip_sms.engine.people.tokens import Random, recovery_hash, token_hash
from voip_sms.engine.proving import Proving
from voip_sms.store import resolve
from voip_sms.store.units import Rows, State, Unit, by_key
from voip_sms.wire import totp

AT_ONCE: Final = 8
"""Who tries at one time from one source: waiting in parallel is no way around waiting."""
WAITING: Final = 4_096
"""Who waits at all, a few KB each; fewer sources than five hundred can't fill it."""
MAIL_LONGEST: Final = 254
CODES_BURST: Final = 10
SECONDS_PER_CODE: Final = 60.0
"""Codes of one person beyond the burst: whoever tries them has the password already, and three of a million
count at any time. Only somebody with the password can make the owner wait here."""
_PEOPLE: Final = 10_000
ANSWERED: Final = 1.0
"""Seconds until an answer that must not tell whether there was anything to do: longer than doing it takes."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password was right; `ticket` and a code open the session, within five minutes."""

    ticket: str


class SignIn:
    """Answers after the commit. Whoever is nobody, or switched off, waits as long and hears the same."""

    def __init__(
        self,
        context: Context,
        proving: Proving,
        guesses: Guesses,
        random: Random,
        *,
        seconds: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`proving` and `guesses`: those of all doors; `seconds` a monotonic clock."""
        self._context = context
        self._proving = proving
        self._guesses = guesses
        self._random = random
        self._seconds = seconds
        self._sleep = sleep
        self._codes = Buckets(1 / SECONDS_PER_CODE, CODES_BURST, _PEOPLE)
        self._trying: Counter[str] = Counter()

    async def by_password(self, mail: str, password: str, visit: Visit) -> SignedIn | CodeNeeded:
        """Refusal `unauthorized`: no such person with this password. Too fast is slow.

        Refusal `rate_limited` for who tries more than eight at a time, or whose turn is too far away.
        """
        mail = mail.strip().lower()[:MAIL_LONGEST]
        with self._turn(visit):
            turn = self._guesses.turn(visit.address, mail)
            await self._sleep(turn.seconds)
            person = await self._context.reader.run(resolve.person_of_mail, mail)
            active = is_active(self._context.directory(), person)
            stored = person["password_hash"] or "" if active and person is not None else ""
            said = passwords.prepared(password[: passwords.LONGEST + 1])
            right = await self._proving.prove(stored, said)
        if not right or person is None or len(said) > passwords.LONGEST:
            raise Refusal("unauthorized", "the mail address or the password is wrong")
        self._guesses.spare(turn)
        return await self.admit(person, visit)

    async def admit(self, person: Mapping[str, Any], visit: Visit) -> SignedIn | CodeNeeded:
        """Open a session for a person whose password was proven, or ask for a code.

        Refusal `unauthorized`: the password was changed, or they were switched off, meanwhile.
        """
        fresh, directory = drawn(self._context, self._random, visit), self._context.directory()

        def decide(state: State) -> Rows:
            now = state.get("user_account", person["id"])
            if now is None or not is_active(directory, now):
                raise gone()
            if now["password_hash"] != person["password_hash"]:
                raise gone()
            rows = Rows()
            if now["totp_secret"] is None:
                rows.result = open_session(rows, now, fresh)
            else:
                rows.inserts.append(("one_time_link", link_row(now, "code", fresh.token, fresh.now)))
                rows.result = CodeNeeded(fresh.token)
            return rows

        found: SignedIn | CodeNeeded = await self._context.writer.do(
            Unit(decide, [by_key("user_account", person["id"])])
        )
        if isinstance(found, SignedIn):
            self._guesses.right(visit.address, person["mail"])
        return found

    async def by_code(self, ticket: str, code: str, visit: Visit) -> SignedIn:
        """Open the session with what the telephone shows, or with a recovery code, each of which is used up.

        Refusal `unauthorized`: the code is wrong, or the ticket's time or tries are over: `data` has
        `again: true` where another code may be tried. `rate_limited`: too many codes.
        """
        found = await self._context.reader.run(resolve.link_of, token_hash(ticket))
        if found is None or found[0]["kind"] != "code":
            raise _over()
        person = found[1]
        wait = self._codes.take(person["id"], self._seconds())
        if wait:
            raise Refusal("rate_limited", "too many codes", {"retry_after": ceil(wait)})
        fresh = drawn(self._context, self._random, visit)
        unit = self._code_unit(person["id"], token_hash(ticket), code, fresh)
        signed, again = await self._context.writer.do(unit)
        if signed is None:
            self._guesses.wrong(visit.address, person["mail"])
            raise Refusal("unauthorized", "the code is wrong", {"again": True}) if again else _over()
        self._guesses.right(visit.address, person["mail"])
        opened: SignedIn = signed
        return opened

    async def unhurried(self, visit: Visit, work: Callable[[], Awaitable[None]]) -> None:
        """Do what anybody may ask for, at the pace of guessing, and answer late whatever there was to do.

        Refusal `rate_limited` as for `by_password`.
        """
        with self._turn(visit):
            await self._sleep(self._guesses.turn(visit.address, "").seconds)
            begun = self._seconds()
            await work()
            await self._sleep(max(0.0, ANSWERED - (self._seconds() - begun)))

    def _code_unit(self, user_id: Id, digest: bytes, code: str, fresh: Fresh) -> Unit:
        directory = self._context.directory()

        def decide(state: State) -> Rows:
            link = state.get("one_time_link", digest)
            person = state.get("user_account", user_id)
            rows = Rows(result=(None, False))
            if link is None or person is None or not is_active(directory, person):
                return rows
            if not opens(link, person, fresh.now) or person["totp_secret"] is None:
                return rows
            changes = spent_code(person, code, fresh.now)
            if changes is None:
                tries = link["tries"] + 1
                last = {"used_at": fresh.now} if tries >= CODE_TRIES else {}
                rows.update("one_time_link", (digest,), tries=tries, **last)
                rows.result = (None, not last)
                return rows
            rows.update("one_time_link", (digest,), used_at=fresh.now)
            rows.update("user_account", (person["id"],), **changes)
            rows.result = (open_session(rows, {**person, **changes}, fresh), False)
            return rows

        return Unit(decide, [links(user_id), by_key("user_account", user_id)])

    @contextmanager
    def _turn(self, visit: Visit) -> Iterator[None]:
        site = site_of(visit.address)
        if self._trying[site] >= AT_ONCE or self._trying.total() >= WAITING:
            raise Refusal("rate_limited", "too many are signing in", {"retry_after": 5})
        self._trying[site] += 1
        try:
            yield
        finally:
            self._trying[site] -= 1
            if not self._trying[site]:
                del self._trying[site]


def spent_code(person: Mapping[str, Any], code: str, now: int) -> dict[str, Any] | None:
    """What of the person's row changes with this code of the telephone or of the list; None: it is wrong."""
    said = code.strip().replace(" ", "")
    step = totp.matching_step(person["totp_secret"], said, now // SECOND, person["totp_step"])
    if step is not None:
        return {"totp_step": step}
    spent = recovery_hash(code)
    if spent in person["recovery"]:
        return {"recovery": [one for one in person["recovery"] if one != spent]}
    return None


def _over() -> Refusal:
    return Refusal("unauthorized", "sign in again", {"again": False})
