"""The panel as a way to send: in whose name people do, what they may show, and the moment to think again."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy.exc import IntegrityError

from voip_sms.core import addresses, writing
from voip_sms.core.clock import SECOND
from voip_sms.core.directory import Account, Directory, Id, IdentityKind
from voip_sms.core.failures import Refusal
from voip_sms.core.identity import TWO_WAY, Rules
from voip_sms.core.model import Idempotency, Options, Plan, Submission, Submitted
from voip_sms.core.people import User
from voip_sms.core.planning import TEXT_MOST
from voip_sms.core.writing import Weight
from voip_sms.engine.context import Context
from voip_sms.engine.sent import Sent, look, messages_of
from voip_sms.engine.submit import RECIPIENTS_MOST, Submit

DOOR: Final = "panel"
UNDO: Final = 10 * SECOND
"""How long a message waits so that whoever sent it can call it back, for nothing (S10)."""
LOOKED_AT: Final = 100
"""Recipients that are planned while somebody types; of more, the rest is likely to cost the same."""
_AT_ONCE: Final = 200
"""Messages called back together: a submission of 10,000 must not fill the writer's queue by itself."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a person asks to send. `recipients` as typed: numbers, extensions, names of groups.

    `sender` "" is their own identity. Times in epoch microseconds, `validity` a span. `once` is the token of
    the form: what is sent again with the same is the same.
    """

    recipients: tuple[str, ...]
    text: str
    sender: str = ""
    once: str = ""
    transliterate: bool = False
    send_at: int | None = None
    validity: int | None = None
    max_parts: int = 10
    message_class: str = "full"


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """Something that a person may show. `value` is what a request says, "" for their own identity.

    `shown`: as recipients see it; for 2way and random numbers the pool, "" any.
    """

    value: str
    kind: IdentityKind
    shown: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would come of it: `plans` of the first recipients, of `count`; `weight` None without a text."""

    weight: Weight | None
    plans: Sequence[Plan]
    count: int

    @property
    def price(self) -> int:
        """Of those that would go out, among `plans`; 10^-6 of `currency`."""
        return sum(plan.price for plan in self.plans if plan.refused is None)

    @property
    def currency(self) -> str:
        """Empty where nothing costs anything, or nothing is known."""
        return next((plan.currency for plan in self.plans if plan.currency), "")


@dataclass(frozen=True, slots=True)
class Undone:
    """How many messages were called back, and how many had left."""

    canceled: int
    late: int


class Writing:
    """All for one person, whose tenant pays. Refusal `forbidden` for operators: they are of no tenant."""

    def __init__(self, context: Context, submit: Submit, rules: Rules) -> None:
        """`rules`: as `submit` has them."""
        self._context = context
        self._submit = submit
        self._rules = rules

    def senders(self, user: User) -> Sequence[SenderChoice]:
        """What they may show, their own identity first; an administrator chooses among the company's."""
        directory = self._context.directory()
        own = SenderChoice("", user.identity.kind, user.identity.value or self._named(user.identity.kind))
        if user.role != "admin":
            return (own,)
        others = _of_company(directory, user.tenant_id, self._rules.default_name)
        return (own, *(one for one in others if (one.kind, one.shown) != (own.kind, own.shown)))

    def groups(self, user: User) -> Sequence[tuple[str, int]]:
        """The company's groups by name, each with how many numbers it has."""
        found = _groups(self._context.directory(), user.tenant_id)
        return sorted((name, len(numbers)) for name, numbers in found.items())

    async def preview(self, user: User, written: Written) -> Outlook:
        """What sending it would come to. Stores nothing."""
        recipients = self._recipients(user, written)
        text = written.text
        fits = len(text) <= TEXT_MOST
        weight = writing.weigh(text, transliterate=self._gives_up(user, written)) if fits else None
        plans: Sequence[Plan] = ()
        if recipients:
            plans = await self._submit.explain(self._submission(user, written, recipients[:LOOKED_AT]))
        return Outlook(weight, plans, len(recipients))

    async def send(self, user: User, written: Written) -> Submitted:
        """Store it, held for `UNDO`, and answer after the commit.

        Idempotent by `written.once` for a day. Raises what `ports.Submitter.submit` does, `invalid` where
        nobody is written to, and `sender_not_allowed` for what is not theirs to show.
        """
        recipients = self._recipients(user, written)
        if not recipients:
            raise Refusal("invalid", "nobody is written to")
        if written.sender and written.sender not in {one.value for one in self.senders(user)}:
            raise Refusal("sender_not_allowed", f"{written.sender} is not yours to send as")
        return await self._stored(self._submission(user, written, recipients))

    async def answer(self, user: User, peer: str, number: str, text: str, once: str) -> Submitted:
        """Answer `peer` from `number`, which they texted: a number of the company's or of a 2way pool.

        "" as `number` is the person's own identity. As `send`; an answer is held as well.
        """
        written = Written((peer,), text, number, once)
        return await self._stored(self._submission(user, written, (peer,)))

    async def sent(self, user: User, once: str, listed: int) -> Sent | None:
        """What they sent with this token, as it is now, with `listed` of its recipients; None: nothing."""
        return await look(self._context.reader, user.tenant_id, _key(self.account(user), once), listed)

    async def undo(self, user: User, once: str) -> Undone:
        """Call back what they sent with this token and has not left. Refusal `not_found`."""
        ids = await messages_of(self._context.reader, user.tenant_id, _key(self.account(user), once))
        if ids is None:
            raise Refusal("not_found", "nothing was sent with this form")
        canceled = 0
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            canceled += sum(await asyncio.gather(*(self._canceled(user.tenant_id, one) for one in some)))
        return Undone(canceled, len(ids) - canceled)

    async def _canceled(self, tenant_id: Id, message_id: Id) -> bool:
        try:
            await self._submit.withdraw(tenant_id, message_id)
        except Refusal as refusal:
            if refusal.code.name == "too_late":
                return False
            raise
        return True

    # --- what is submitted ---

    def account(self, user: User) -> Account:
        """Whom their messages name: `user:anna@example.test`."""
        tenant = self._context.directory().tenants.get(user.tenant_id)
        if tenant is None or not user.may("send"):
            raise Refusal("forbidden", "only people of a customer send")
        return Account(
            user.id,
            tenant.id,
            "user",
            user.mail,
            user.identity,
            enabled=user.enabled,
            language=user.language,
            abroad=user.abroad,
        )

    async def _stored(self, submission: Submission) -> Submitted:
        try:
            submitted = await self._submitted(submission)
        except Refusal as refusal:
            self._context.metrics.answered(DOOR, refusal.code.name)
            raise
        if not submitted.replayed:
            codes = ("accepted" if one.refused is None else one.refused.code.name for one in submitted.items)
            for code, count in Counter(codes).items():
                self._context.metrics.answered(DOOR, code, count)
        return submitted

    async def _submitted(self, submission: Submission) -> Submitted:
        try:
            return await self._submit.submit(submission)
        except IntegrityError:  # another node stored the same form in this moment
            return await self._submit.submit(submission)

    def _submission(self, user: User, written: Written, recipients: tuple[str, ...]) -> Submission:
        account = self.account(user)
        options = Options(
            sender=written.sender or None,
            max_parts=written.max_parts,
            transliterate=self._gives_up(user, written),
            send_at=written.send_at,
            validity=written.validity,
            message_class=written.message_class,
            hold=UNDO,
        )
        once = Idempotency(_key(account, written.once), _fingerprint(written)) if written.once else None
        return Submission(account, DOOR, recipients, written.text, options, once)

    def _gives_up(self, user: User, written: Written) -> bool:
        """Whether accents are given up: because the person said so, or the company always does."""
        tenant = self._context.directory().tenants.get(user.tenant_id)
        return written.transliterate or (tenant is not None and tenant.transliterate == "auto")

    def _named(self, kind: IdentityKind) -> str:
        return self._rules.default_name if kind == "default" else ""

    def _recipients(self, user: User, written: Written) -> tuple[str, ...]:
        """Groups as their numbers, and nobody twice, however their number is spelt."""
        named_groups = _groups(self._context.directory(), user.tenant_id)
        groups = {name.casefold(): numbers for name, numbers in named_groups.items()}
        typed_once = {typed.casefold(): typed for typed in written.recipients}  # a group is unfolded once
        named = (to for name, typed in typed_once.items() for to in groups.get(name, (typed,)))
        each = tuple(dict.fromkeys(named))
        if len(each) > RECIPIENTS_MOST:
            return each[: RECIPIENTS_MOST + 1]  # refused for that: nobody is left out silently
        found: dict[str, str] = {}
        for typed in each:
            found.setdefault(self._spelt(typed), typed)
        return tuple(found.values())

    def _spelt(self, typed: str) -> str:
        try:
            return addresses.number(typed, self._rules.country).e164
        except Refusal:
            return typed


def _of_company(directory: Directory, tenant_id: Id, default_name: str) -> Iterator[SenderChoice]:
    names = {
        name
        for (owner, name), one in directory.names.items()
        if owner in (tenant_id, None) and one.status == "approved"
    }
    for name in sorted(names):
        yield SenderChoice(name, "name", name)
    for number in sorted(_numbers(directory, tenant_id)):
        yield SenderChoice(number, "number", number)
    if directory.pools:
        yield SenderChoice(TWO_WAY, "2way", "")
    if default_name not in names:
        yield SenderChoice(default_name, "default", default_name)


def _numbers(directory: Directory, tenant_id: Id) -> Iterable[str]:
    return (number.e164 for number in directory.numbers.values() if number.tenant_id == tenant_id)


def _groups(directory: Directory, tenant_id: Id) -> dict[str, tuple[str, ...]]:
    """A tenant's groups by name."""
    return {name: numbers for (owner, name), numbers in directory.groups.items() if owner == tenant_id}


def _key(account: Account, once: str) -> bytes:
    scope = (account.tenant_id, account.id, DOOR.encode(), b"\0", once.encode("utf-8", "replace"))
    return sha256(b"".join(scope)).digest()


def _fingerprint(written: Written) -> bytes:
    """Of what was typed: the moment of sending is none of it."""
    return sha256(repr(written).encode("utf-8", "replace")).digest()
