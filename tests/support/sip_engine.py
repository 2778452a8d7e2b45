"""The engine as the SIP door sees it: records every call, answers what it was told, fails at any stage."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from voip_sms.core.directory import Account, Identity, SipAccount
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Binding, Item, Message, PhoneSource, Plan, Submission, Submitted
from voip_sms.wire.sip.digest import Algorithm, ha1
from voip_sms.wire.sip.imdn import Receipt

DOMAIN = "sms.test"


def sip_account(user: str, password: str, language: str = "en") -> SipAccount:
    """An account as the directory holds it."""
    account = Account(
        user.encode().ljust(16, b"\0"),
        b"T" * 16,
        "sip",
        user,
        Identity("number", "+48601000001"),
        language=language,
    )
    return SipAccount(account, {str(a): ha1(a, user, DOMAIN, password) for a in Algorithm})


def message(
    number: int = 1, *, sender: str = "+48601123456", text: str | None = "hej", created_at: int = 0
) -> Message:
    """A message with what the door and the forward look at."""
    return Message(
        id=number.to_bytes(16, "big"),
        tenant_id=b"T" * 16,
        direction="inbound",
        status="received",
        sender=sender,
        to="+48601000001",
        text=text,
        encoding="gsm7",
        parts=1,
        price=None,
        currency="PLN",
        door="",
        account="",
        client_ref=None,
        created_at=created_at,
    )


@dataclass
class FakeEngine:
    """Submitter, Credentials and Registrations, Dispositions in one. `now` is a function giving epoch microseconds."""

    now: object
    accounts: dict[str, SipAccount] = field(default_factory=dict)
    submissions: list[Submission] = field(default_factory=list)
    stored: dict[bytes, Message] = field(default_factory=dict)
    refuse_items: str = ""
    refuse_all: str = ""
    refuse_registrations: str = ""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    bound: dict[tuple[str, str], Binding] = field(default_factory=dict)
    died: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    announcements: list[str] = field(default_factory=list)
    receipts: list[tuple[str, Receipt]] = field(default_factory=list)
    writers: list[PhoneSource] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    def sip_account(self, user: str) -> SipAccount | None:
        return self.accounts.get(user)

    def api_key(self, token: str) -> Account | None:
        raise NotImplementedError(token)

    async def submit(self, submission: Submission) -> Submitted:
        self.submissions.append(submission)
        await self.gate.wait()
        if self.refuse_all:
            raise Refusal(self.refuse_all)
        if self.refuse_items:
            return Submitted(b"S" * 16, [Item(submission.recipients[0], refused=Refusal(self.refuse_items))])
        assert submission.idempotency is not None
        key = submission.idempotency.key
        replayed = key in self.stored
        stored = self.stored.setdefault(key, message(len(self.stored) + 1, text=submission.text))
        return Submitted(b"S" * 16, [Item(submission.recipients[0], stored)], replayed)

    async def explain(self, submission: Submission) -> Sequence[Plan]:
        raise NotImplementedError

    async def cancel(self, tenant_id: bytes, message_id: bytes) -> Message:
        raise NotImplementedError

    async def take(self, account: Account, receipts: Sequence[Receipt]) -> None:
        self._registrations()
        self.receipts += [(account.name, receipt) for receipt in receipts]

    async def wrote_cpim(self, account: Account, writer: PhoneSource) -> bool:
        self._registrations()
        self.writers.append(writer)
        return any(b.source == writer.source for (user, _), b in self.bound.items() if user == account.name)

    async def register(self, account: Account, bindings: Sequence[Binding]) -> Sequence[Binding]:
        self._registrations()
        for binding in bindings:
            key = account.name, binding.contact
            known = self.bound.get(key)
            if known and known.call_id == binding.call_id and known.cseq >= binding.cseq:
                continue
            self.bound[key] = binding
        return await self.bindings(account)

    async def announced(self, account: Account) -> None:
        self._registrations()
        self.announcements.append(account.name)

    async def unregister_all(self, account: Account) -> None:
        self._registrations()
        self.bound = {key: value for key, value in self.bound.items() if key[0] != account.name}

    async def bindings(self, account: Account) -> Sequence[Binding]:
        self._registrations()
        now = self.now()  # type: ignore[operator]
        return [b for (user, _), b in self.bound.items() if user == account.name and b.expires_at > now]

    async def everywhere(self, most: int) -> Sequence[Binding]:
        self._registrations()
        now = self.now()  # type: ignore[operator]
        return [one for one in self.bound.values() if one.expires_at > now][:most]

    async def flow_died(self, flow: str) -> None:
        self._registrations()
        self.died.append(flow)
        self.bound = {key: b for key, b in self.bound.items() if b.flow != flow}

    async def drop(self, account: Account, contact: str, seen: Binding | None = None) -> None:
        self._registrations()
        self.dropped.append(contact)
        self.bound.pop((account.name, contact), None)

    def _registrations(self) -> None:
        if self.refuse_registrations:
            raise Refusal(self.refuse_registrations)
