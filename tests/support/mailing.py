"""A customer whose people write by mail, over a real database, for scenes around the engine."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from typing import Any

from support.fakes import FakeClock, NoDispatcher
from support.world import ACME, DIRECTORY, OTHER, OWN, World, world
from voip_sms.core.directory import Account, Identity, MailSender
from voip_sms.core.identity import Rules
from voip_sms.core.mail.addressing import recipient_of
from voip_sms.core.mail.letters import Letter, Posted
from voip_sms.core.model import InboundPart
from voip_sms.engine.accounts.sealing import Sealed, Vault
from voip_sms.engine.mail import Mailing
from voip_sms.engine.mail_secrets import Secrets
from voip_sms.engine.receive import Receiver
from voip_sms.engine.submit import Submit
from voip_sms.wire.mail.model import Body, Mail

OFFICE, NAMED, FOREIGN = "office@acme.test", "named@acme.test", "boss@other.test"
SECRET = "s3cret"
PEER, PEER_2 = "+48601123456", "+48602123456"
GROUP = ("+48603000001", "+48603000002")
SECRET_HASH = Vault(Random(5).randbytes).seal(Sealed(SECRET))


def sender(address: str, tenant_id: bytes, identity: Identity, **options: Any) -> MailSender:
    account = Account(sha256(address.encode()).digest()[:16], tenant_id, "mail", address, identity)
    return MailSender(account, SECRET_HASH, "k7q2", **options)


@dataclass
class PostOffice:
    """The world with what the mail door asks of the engine."""

    scene: World
    count: int = 0
    senders: dict[str, MailSender] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in (
            sender(OFFICE, ACME, Identity("number", OWN)),
            sender(NAMED, ACME, Identity("name", "ACME")),
            sender(FOREIGN, OTHER, Identity("name", "Other")),
        ):
            self.senders[one.address] = one
        self.refresh()
        context = self.scene.context
        self.submit = Submit(context, NoDispatcher(), Rules())
        self.secrets = Secrets(Random(3).randbytes)
        self.mailing = Mailing(context, self.submit, "PL", self.secrets)
        self.receiver = Receiver(context, "PL")

    def refresh(self, **changes: Any) -> None:
        """Bring the senders, and other changes of the directory, into force."""
        senders = self.senders.values()
        mailboxes = {
            tenant: frozenset(
                box
                for one in senders
                if one.account.tenant_id == tenant
                for box in (one.address, one.failure_to)
            )
            for tenant in (ACME, OTHER)
        }
        base = replace(
            self.scene.directory,
            mail=dict(self.senders),
            mailboxes=mailboxes,
            groups={(ACME, "Staff"): GROUP, (OTHER, "crew"): (PEER,)},
        )
        self.scene.directory = replace(base, **changes)

    def change(self, address: str, **options: Any) -> None:
        """Other options of a sender."""
        self.senders[address] = replace(self.senders[address], **options)
        self.refresh()

    def tenant(self, **changes: Any) -> None:
        """Other settings of ACME."""
        tenants = self.scene.directory.tenants
        self.refresh(tenants={**tenants, ACME: replace(tenants[ACME], **changes)})

    async def post(self, *to: str, text: str = "Hello", by: str = OFFICE, **mail: Any) -> list[Posted]:
        """A mail of this text to these local parts; each is another one unless `message_id` says."""
        self.count += 1
        values: dict[str, Any] = {
            "from_address": by,
            "from_name": "",
            "to": (),
            "cc": (),
            "subject": "Subject",
            "message_id": f"<{self.count}@acme.test>",
            "references": (),
            "in_reply_to": "",
            "auto": "",
            "hops": 1,
            "loops": (),
            "body": Body(text),
            "attachments": False,
        } | mail
        read = Mail(**values)
        letter = Letter(
            self.senders[by],
            read,
            tuple(recipient_of(one) for one in to),
            sha256(repr(read).encode()).digest(),
            "auth",
        )
        return list(await self.mailing.accept(letter))

    async def answer(self, text: str = "Yes", *, by: str = PEER, to: str = OWN) -> None:
        """A phone texts back."""
        self.count += 1
        digest = self.count.to_bytes(32)
        await self.receiver.receive("sim", InboundPart(by, to, text, "gsm7", digest))

    async def mails(self, event: str = "message.received") -> list[dict[str, Any]]:
        """The mails of ours that are queued, about `event`."""
        return await self.scene.rows("forward_job", kind="mail", event=event)


def post_office(url: str, clock: FakeClock) -> PostOffice:
    made = world(url, clock)
    made.directory = replace(DIRECTORY, subscriptions={})
    return PostOffice(made)
