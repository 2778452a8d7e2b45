"""A mail door's senders without sockets and engine: who is listed, what a domain vouches for, and a clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from support.mailing import sender as made
from voip_sms.core.directory import Identity, MailSender
from voip_sms.core.failures import Refusal
from voip_sms.core.mail.addressing import Recipient, recipient_of
from voip_sms.core.mail.letters import Letter, Posted
from voip_sms.doors.mail.answers import Answer
from voip_sms.doors.mail.senders import MailSenders
from voip_sms.doors.mail.visit import Proven, Visit
from voip_sms.net.mailauth import Arrival, Proof, SenderProof
from voip_sms.wire.mail.reading import read_mail

ACME, OTHER = b"A" * 16, b"O" * 16
BIURO, SKLEP, OBCY = "biuro@example.pl", "sklep@example.pl", "ktos@other.test"


def listed(address: str, tenant: bytes = ACME, **options: Any) -> MailSender:
    return made(address, tenant, Identity("name", "ACME"), **options)


@dataclass
class ListedOnly:
    """`ports.Mailing` that knows its senders and records what it was given."""

    senders: dict[str, MailSender]
    letters: list[Letter] = field(default_factory=list)
    asked: int = 0

    def sender(self, address: str) -> MailSender | None:
        return self.senders.get(address.lower())

    async def authenticate(self, user: str, secret: str) -> MailSender | None:
        self.asked += 1
        found = self.senders.get(user.lower())
        return found if found is not None and secret == "s3cret" else None

    def known(self, recipient: Recipient, sender: MailSender | None = None) -> Refusal | None:
        del recipient, sender
        return None

    async def accept(self, letter: Letter) -> Sequence[Posted]:
        self.letters.append(letter)
        return [Posted(one) for one in letter.recipients]


@dataclass
class Vouching:
    """`SenderProof` that says what it is told to, and counts."""

    answer: Proof = field(default_factory=lambda: Proof(aligned=False, why="nothing"))
    asked: list[Arrival] = field(default_factory=list)

    async def check(self, arrival: Arrival) -> Proof:
        self.asked.append(arrival)
        return self.answer


@dataclass
class Desk:
    """`MailSenders` with all that it looks at."""

    options: dict[str, Any] = field(default_factory=dict)
    proof: SenderProof = field(default_factory=Vouching)
    now: float = 1_000.0

    def __post_init__(self) -> None:
        self.mailing = ListedOnly(
            {
                BIURO: listed(BIURO, **self.options),
                SKLEP: listed(SKLEP, **self.options),
                OBCY: listed(OBCY, OTHER, **self.options),
            }
        )
        self.senders = MailSenders(self.mailing, self.proof, "sms.test", lambda: self.now)

    async def who(
        self,
        octets: bytes,
        *to: str,
        login: str = "",
        envelope_from: str = BIURO,
        peer: str = "192.0.2.10",
    ) -> Proven | Answer:
        """What becomes of `octets`, handed in for `to` (local parts)."""
        recipients = tuple(recipient_of(one) for one in to or ("601123456",))
        known = self.mailing.senders.get(login)
        visit = Visit(
            peer,
            "mail.example.pl",
            encrypted=True,
            login=known,
            envelope_from=envelope_from,
            recipients=recipients,
        )
        return await self.senders.who(visit, read_mail(octets), octets)
