"""Mail as a way to send: who a sender is, what a mail becomes, and what its writer is told."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core.directory import Directory, Id, MailSender
from voip_sms.core.failures import Refusal
from voip_sms.core.mail import notices
from voip_sms.core.mail.addressing import Group, Info, Number, Recipient, number_of, shown
from voip_sms.core.mail.composing import Composed, compose
from voip_sms.core.mail.letters import Letter, Posted
from voip_sms.core.mail.quotas import gauges
from voip_sms.core.model import Idempotency, MailThread, Step, Submission
from voip_sms.core.planning import storable
from voip_sms.core.ports import Submitter
from voip_sms.engine.context import Context
from voip_sms.engine.limits import NO_LIMITS, Limits
from voip_sms.engine.mail_rows import REFERENCE_LONGEST, notice_row, thread_payload, use_of
from voip_sms.engine.mail_secrets import Secrets
from voip_sms.engine.submit import DOOR_SECONDS
from voip_sms.store.units import Read, Rows, State, Unit, by_key

AT_ONCE: Final = 50
"""Recipients of one mail that are submitted together: they share a commit, and others get their turn."""
REFUSED_SHOWN: Final = 100
"""Refusals listed in one notice: as many recipients as a mail may have (RFC 5321 4.5.3.1.8); of a group,
enough to see what is wrong with it."""

Notice = Callable[[State], Mapping[str, Any]]
_Wanted = tuple[str, Notice]


@dataclass(frozen=True, slots=True)
class _Work:
    """A letter with what is the same for all of its recipients.

    `groups`: the numbers of each, by name, without those that the mail reaches in another way.
    """

    letter: Letter
    directory: Directory
    composed: Composed | Refusal
    thread: MailThread
    groups: Mapping[str, tuple[str, ...]]


class Mailing:
    """`ports.Mailing`."""

    def __init__(
        self,
        context: Context,
        submitter: Submitter,
        country: str,
        secrets: Secrets,
        *,
        limits: Limits = NO_LIMITS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`country` (ISO 3166) reads numbers in national form. `limits`: mails a second, as door `mail`."""
        self._context = context
        self._submitter = submitter
        self._country = country
        self._secrets = secrets
        self._limits = limits
        self._monotonic = monotonic
        self._groups = _Groups(Directory())

    def sender(self, address: str) -> MailSender | None:
        """The sender with this address; see `ports.Mailing`."""
        directory = self._context.directory()
        found = directory.mail.get(address.strip().lower())
        if found is None or not found.account.enabled:
            return None
        tenant = directory.tenants.get(found.account.tenant_id)
        return found if tenant is not None and tenant.enabled else None

    async def authenticate(self, user: str, secret: str) -> MailSender | None:
        """SMTP AUTH; see `ports.Mailing`."""
        sender = self.sender(user)
        return sender if await self._secrets.prove(sender, secret) else None

    def known(self, recipient: Recipient, sender: MailSender | None = None) -> Refusal | None:
        """What can be said at RCPT; see `ports.Mailing`."""
        match recipient:
            case Number():
                try:
                    number_of(recipient, self._country)
                except Refusal as refusal:
                    return refusal
                return None
            case Group(name=name):
                groups = self._folded(self._context.directory())
                known = groups.of(sender, name) if sender is not None else name in groups.names
                return None if known else _no_group(name)
            case Info():
                return None
            case _:
                return _nobody()

    async def accept(self, letter: Letter) -> Sequence[Posted]:
        """Submit it to each recipient; see `ports.Mailing`."""
        self._limits.take("mail", letter.sender.account, self._monotonic())
        work = self._work(letter)
        if len(letter.recipients) == 1:
            posted = [await self._post(work, letter.recipients[0])]
        else:
            posted = await self._post_all(work)
        await self._tell(work, posted)
        return posted

    async def _post_all(self, work: _Work) -> list[Posted]:
        letter = work.letter
        posted: list[Posted] = []
        for start in range(0, len(letter.recipients), AT_ONCE):
            some = letter.recipients[start : start + AT_ONCE]
            found = await asyncio.gather(*(self._post(work, one) for one in some), return_exceptions=True)
            posted += [_whole(one) for one in found]
        return posted

    # --- what a mail becomes ---

    def _work(self, letter: Letter) -> _Work:
        directory = self._context.directory()
        tenant = directory.tenants.get(letter.sender.account.tenant_id)
        keeps = tenant is None or tenant.keep_sent_text
        composed: Composed | Refusal
        try:
            accents = tenant is not None and tenant.transliterate == "auto"
            composed = compose(letter.mail, letter.sender, transliterate=accents, quote=keeps)
        except Refusal as refusal:
            composed = refusal
        return _Work(letter, directory, composed, _thread(letter, keeps=keeps), self._members(letter))

    def _members(self, letter: Letter) -> Mapping[str, tuple[str, ...]]:
        """Somebody who is written to directly and is in two groups gets one SMS."""
        if not any(isinstance(one, Group) for one in letter.recipients):
            return {}
        reached = set(_direct(letter.recipients, self._country))
        found: dict[str, tuple[str, ...]] = {}
        for one in letter.recipients:
            if isinstance(one, Group) and one.name not in found:
                numbers = self._folded(self._context.directory()).of(letter.sender, one.name)
                found[one.name] = tuple(number for number in numbers if number not in reached)
                reached.update(numbers)
        return found

    async def _post(self, work: _Work, recipient: Recipient) -> Posted:
        try:
            match recipient:
                case Info():
                    await self._inform(work)
                    return Posted(recipient)
                case Number():
                    to = number_of(recipient, self._country).e164
                    return await self._send(work, recipient, to, (recipient.typed,))
                case Group(name=name):
                    if not self._folded(work.directory).of(work.letter.sender, name):
                        raise _no_group(name)
                    return await self._send(work, recipient, f"group {name}", work.groups[name])
                case _:
                    raise _nobody()
        except Refusal as refusal:
            if refusal.code.name in _COME_AGAIN:
                raise
            return Posted(recipient, refused=refusal)

    async def _send(self, work: _Work, recipient: Recipient, to: str, numbers: tuple[str, ...]) -> Posted:
        if isinstance(work.composed, Refusal):
            raise work.composed
        if not numbers:  # all of them are reached in another way
            return Posted(recipient)
        submission = _submission(work, work.composed, to, numbers)
        submitted = await self._submitter.submit(submission)
        return Posted(recipient, tuple(submitted.items))

    def _folded(self, directory: Directory) -> "_Groups":
        if self._groups.directory is not directory:
            self._groups = _Groups(directory)
        return self._groups

    # --- what its writer is told ---

    async def _tell(self, work: _Work, posted: Sequence[Posted]) -> None:
        """What was refused where something else was taken, and that the text was cut."""
        if not any(one.accepted for one in posted):
            return
        refused = [*_refusals(posted)]
        if refused:
            more = max(len(refused) - REFUSED_SHOWN, 0)
            items = {"items": refused[:REFUSED_SHOWN], "more": more}
            await self._queue(work, (notices.REFUSED, lambda _: items))
        cut = work.composed.cut if isinstance(work.composed, Composed) else None
        taken = [item.to for one in posted for item in one.items if item.message] if cut else []
        if cut is not None and taken:
            told = {"to": taken[:REFUSED_SHOWN], "kept": cut[0], "of": cut[1]}
            await self._queue(work, (notices.CUT, lambda _: told))

    async def _inform(self, work: _Work) -> None:
        sender, now = work.letter.sender, self._context.clock.now()
        tenant_id = sender.account.tenant_id
        tenant = work.directory.tenants.get(tenant_id)
        if tenant is None:
            raise Refusal("forbidden")
        wanted = gauges(sender, tenant, now)
        reads = [by_key("usage", tenant_id, one.scope, one.period.key, lock=False) for one in wanted]

        def uses(state: State) -> Mapping[str, Any]:
            found = ((one, state.get("usage", tenant_id, one.scope, one.period.key)) for one in wanted)
            listed = [use_of(one, 0 if row is None else row["n"]) for one, row in found]
            return {"address": sender.address, "uses": listed}

        await self._queue(work, (notices.INFO, uses), reads)

    async def _queue(self, work: _Work, notice: _Wanted, reads: Iterable[Read] = ()) -> None:
        """One mail to the writer, however often the letter comes to these recipients.

        A server may bring it in several transactions, each with some of them (RFC 5321 4.5.3.1.10).
        """
        event, payload = notice
        context = self._context
        sender, now, job_id = work.letter.sender, context.clock.now(), context.new_id()
        key = _key(work.letter, event, " ".join(shown(one) for one in work.letter.recipients))

        def decide(state: State) -> Rows:
            rows = Rows()
            if state.get("idempotency", key) is not None:
                return rows
            told = dict(payload(state))
            told["thread"] = thread_payload(work.thread)
            job = notice_row(sender.account.tenant_id, (sender.address, event), told, now, job_id)
            rows.inserts = [("forward_job", job), ("idempotency", _record(sender, key, job_id, now))]
            rows.wakes.add("forwards")
            return rows

        deadline = self._monotonic() + DOOR_SECONDS
        await context.writer.do(Unit(decide, [by_key("idempotency", key), *reads], deadline=deadline))


_COME_AGAIN: Final = frozenset({"store_unavailable", "rate_limited"})
"""Refusals that concern the whole mail."""


class _Groups:
    """The groups of one Directory, by names without case."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._numbers = {
            (tenant_id, name.lower()): numbers for (tenant_id, name), numbers in directory.groups.items()
        }
        self.names = frozenset(name for _, name in self._numbers)

    def of(self, sender: MailSender, name: str) -> tuple[str, ...]:
        """The group's numbers; () if the sender's customer has no such group, or it is empty."""
        return self._numbers.get((sender.account.tenant_id, name), ())


def _direct(recipients: Iterable[Recipient], country: str) -> Iterator[str]:
    """The numbers that are written to by themselves."""
    for one in recipients:
        if isinstance(one, Number):
            with suppress(Refusal):
                yield number_of(one, country).e164


def _no_group(name: str) -> Refusal:
    return Refusal("recipient_invalid", f"there is no group {name}, and it is no number")


def _nobody() -> Refusal:
    return Refusal("recipient_invalid", "nobody reads mail at this address")


def _whole(found: Posted | BaseException) -> Posted:
    """What one recipient came to; what concerns them all goes to the caller, when all have ended."""
    if isinstance(found, BaseException):
        raise found
    return found


def _thread(letter: Letter, *, keeps: bool) -> MailThread:
    """The mail as what answers will answer; a customer whose texts aren't kept keeps no subjects either.

    Without a Message-ID (scanners, scripts) answers still come to whoever wrote: only the thread is looser.
    """
    mail = letter.mail
    usable = mail.message_id.startswith("<") and len(mail.message_id) <= REFERENCE_LONGEST
    references = mail.references or ((mail.in_reply_to,) if mail.in_reply_to else ())
    subject = storable(mail.subject) if keeps else ""
    return MailThread(mail.message_id if usable else "", references, subject)


def _submission(work: _Work, composed: Composed, to: str, numbers: tuple[str, ...]) -> Submission:
    letter = work.letter
    key = _key(letter, to, composed.text)
    reference = work.thread.message_id or None
    return Submission(
        account=letter.sender.account,
        door="mail",
        recipients=numbers,
        text=composed.text,
        options=composed.options._replace(client_ref=reference),
        idempotency=Idempotency(key, key),  # the text is part of it: another text is another mail
        steps=(Step("mail", letter.proof or "accepted", f"from {letter.sender.address}"), *composed.steps),
        thread=work.thread,
        replies=letter.sender.replies,
    )


def _key(letter: Letter, to: str, text: str) -> bytes:
    """What makes a mail to somebody the same mail: its Message-ID (or octets), recipient and text."""
    account = letter.sender.account
    named = letter.mail.message_id or letter.digest.hex()
    parts = (account.tenant_id.hex(), account.ref, "mail", named, to, text)
    encoded = [part.encode("utf-8", "replace") for part in parts]
    return hashlib.sha256(b"".join(len(octets).to_bytes(4) + octets for octets in encoded)).digest()


def _record(sender: MailSender, key: bytes, job_id: Id, now: int) -> dict[str, Any]:
    return {
        "key": key,
        "tenant_id": sender.account.tenant_id,
        "fingerprint": key,
        "submission_id": job_id,
        "created_at": now,
        "items": "[]",
    }


def _refusals(posted: Iterable[Posted]) -> Iterable[notices.RefusedItem]:
    for one in posted:
        if one.refused is not None:
            yield _refused(shown(one.recipient), one.refused)
        for item in one.items:
            if item.refused is not None:
                yield _refused(item.to, item.refused)


def _refused(to: str, refusal: Refusal) -> notices.RefusedItem:
    return {"to": storable(to), "code": refusal.code.name, "detail": storable(refusal.detail)}
