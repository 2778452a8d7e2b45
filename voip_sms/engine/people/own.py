"""What somebody changes of themselves: password, second factor, name, language, what they are told of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core import passwords
from voip_sms.core.clock import SECOND
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import Guesses
from voip_sms.core.people import NOTICES, Language, User, Wishes
from voip_sms.engine.context import Context
from voip_sms.engine.generation import GENERATION, tell
from voip_sms.engine.people.noting import Notes, by_person
from voip_sms.engine.people.rows import (
    SignedIn,
    Visit,
    drawn,
    end_sessions,
    gone,
    is_active,
    links,
    open_session,
    sessions,
    user_of,
    void_links,
)
from voip_sms.engine.people.tokens import Random, new_recovery_codes, recovery_hash
from voip_sms.engine.proving import Proving
from voip_sms.store import people as stored
from voip_sms.store.units import Rows, State, Unit, by_key
from voip_sms.wire import totp

NAME_LONGEST: Final = 64

Decide = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Offer:
    """A second factor to be: what an authenticator program is given, as text to type and as a URL."""

    secret: str
    url: str


@dataclass(frozen=True, slots=True)
class SwitchedOn:
    """`codes`: ten ways in without the telephone, shown this once."""

    signed: SignedIn
    codes: tuple[str, ...]


class Own:
    """Whoever changes what opens the door is asked for the password again, and gets a new session.

    All others of theirs end in the same transaction. Refusal `unauthorized`: the password is wrong (data:
    `again`), or they are gone; `rate_limited`: too many wrong ones.
    """

    def __init__(
        self, context: Context, proving: Proving, guesses: Guesses, random: Random, *, issuer: str
    ) -> None:
        """`issuer`: what authenticator programs call us."""
        self._context = context
        self._proving = proving
        self._guesses = guesses
        self._random = random
        self._issuer = issuer

    async def change_password(self, user: User, before: str, after: str, visit: Visit) -> SignedIn:
        """PasswordUnfitError for one that will not do."""
        passwords.check(passwords.prepared(after), user.mail, user.name)
        proven = await self._proven(user, before, visit)
        sealed = await self._proving.seal(passwords.prepared(after))
        return await self._renewed(user, visit, proven, lambda _: {"password_hash": sealed})

    async def offer_second_factor(self, user: User) -> Offer:
        """Begin: nothing is asked for until a code proved that the program has it."""
        secret = self._random(totp.SECRET_OCTETS)

        def change(person: Mapping[str, Any]) -> dict[str, Any]:
            if person["totp_secret"] is not None:
                raise Refusal("conflict", "there is a second factor already; switch it off first")
            return {"totp_offered": secret}

        await self._changed(user, change)
        return self._offer(user, secret)

    async def offered(self, user: User) -> Offer | None:
        """What was begun and not yet proven, to be shown once more."""
        row = await self._context.reader.run(stored.person, user.tenant_id, user.id)
        secret = (row or {}).get("totp_offered")
        return None if secret is None else self._offer(user, secret)

    def _offer(self, user: User, secret: bytes) -> Offer:
        return Offer(totp.secret_text(secret), totp.otpauth(secret, self._issuer, user.mail))

    async def switch_on(self, user: User, password: str, code: str, visit: Visit) -> SwitchedOn:
        """The code of the program shows that it has the secret. Refusal `invalid`: it doesn't."""
        proven = await self._proven(user, password, visit)
        codes = new_recovery_codes(self._random)
        now = self._context.clock.now()

        def change(person: Mapping[str, Any]) -> dict[str, Any]:
            offered = person["totp_offered"]
            step = None
            if offered is not None:
                step = totp.matching_step(offered, code.strip().replace(" ", ""), now // SECOND, -1)
            if step is None:
                raise Refusal("invalid", "the code is not what the program shows now")
            return {
                "totp_secret": offered,
                "totp_offered": None,
                "totp_step": step,
                "recovery": [recovery_hash(one) for one in codes],
            }

        return SwitchedOn(await self._renewed(user, visit, proven, change), codes)

    async def switch_off(self, user: User, password: str, visit: Visit) -> SignedIn:
        """From now on the password is enough."""
        proven = await self._proven(user, password, visit)
        off: dict[str, Any] = {"totp_secret": None, "totp_offered": None, "recovery": []}
        return await self._renewed(user, visit, proven, lambda _: off)

    async def change(
        self,
        user: User,
        *,
        name: str | None = None,
        language: Language | None = None,
        wishes: Wishes | None = None,
        phone: str | None = None,
    ) -> User:
        """What opens no door. `phone`: E.164 and proven (`phones.py`), or "". Refusal `invalid`."""
        if name is not None and not (name.isprintable() and 1 <= len(name.strip()) <= NAME_LONGEST):
            raise Refusal("invalid", "a name has 1 to 64 visible characters")
        given = {
            "name": name and name.strip(),
            "language": language,
            "wishes": _wishes(wishes),
            "phone": phone,
        }
        changes = {key: one for key, one in given.items() if one is not None}
        return await self._changed(user, lambda _: changes)

    async def _proven(self, user: User, password: str, visit: Visit) -> str:
        """The hash that the password is right for. Who found a browser open guesses no faster than others."""
        turn = self._guesses.turn(visit.address, user.mail, patience=0)
        row = await self._context.reader.run(stored.person, user.tenant_id, user.id)
        hashed: str = (row or {}).get("password_hash") or ""
        if not await self._proving.prove(hashed, passwords.prepared(password[: passwords.LONGEST])):
            raise Refusal("unauthorized", "the password is wrong", {"again": True})
        self._guesses.spare(turn)
        return hashed

    async def _renewed(self, user: User, visit: Visit, proven: str, change: Decide) -> SignedIn:
        context = self._context
        fresh = drawn(context, self._random, visit)
        directory = context.directory()

        def decide(state: State) -> Rows:
            person = state.get("user_account", user.id)
            if person is None or not is_active(directory, person) or person["password_hash"] != proven:
                raise gone()
            changes = change(person)
            rows = Rows()
            rows.update("user_account", (user.id,), **changes)
            Notes(rows, context, by_person(user)).changed(person, changes)
            end_sessions(rows, state, user.id)
            void_links(rows, state, user.id, fresh.now)
            rows.result = open_session(rows, {**person, **changes}, fresh)
            return rows

        reads = [links(user.id), sessions(user.id), by_key("user_account", user.id)]
        signed: SignedIn = await context.writer.do(Unit(decide, reads))
        return signed

    async def _changed(self, user: User, change: Decide) -> User:
        directory = self._context.directory()

        def decide(state: State) -> Rows:
            person = state.get("user_account", user.id)
            if person is None or not is_active(directory, person):
                raise gone()
            changes = change(person)
            rows = Rows(user_of({**person, **changes}))
            changes = {name: value for name, value in changes.items() if person[name] != value}
            if changes:
                rows.update("user_account", (user.id,), **changes)
                Notes(rows, self._context, by_person(user)).changed(person, changes)
            if "language" in changes:  # the snapshot has it
                tell(rows, state)
            return rows

        reads = [GENERATION, by_key("user_account", user.id)]
        changed: User = await self._context.writer.do(Unit(decide, reads))
        return changed


def _wishes(wishes: Wishes | None) -> dict[str, list[str]] | None:
    if wishes is None:
        return None
    if not set(wishes) <= set(NOTICES) or any(set(ways) - {"mail", "sms"} for ways in wishes.values()):
        raise Refusal("invalid", f"notices are {', '.join(NOTICES)}, by mail or sms")
    return {notice: sorted(set(ways)) for notice, ways in wishes.items() if ways}
