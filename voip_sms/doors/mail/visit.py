"""What is known of whoever hands a mail in, and who says whether it is one of our senders."""

from dataclasses import dataclass
from typing import Protocol

from voip_sms.core.directory import MailSender
from voip_sms.core.mail.addressing import Recipient
from voip_sms.doors.mail.answers import Answer
from voip_sms.wire.mail.model import Mail


@dataclass(frozen=True, slots=True)
class Visit:
    """One transaction of one connection.

    `peer` is the client's IP address, `helo` what it calls itself, `login` the sender that logged in by AUTH,
    `envelope_from` the address of MAIL FROM ("" : the null sender), `recipients` those that RCPT took.
    """

    peer: str
    helo: str
    encrypted: bool
    login: MailSender | None
    envelope_from: str
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """The sender, and how we know, in words for the trace: `auth`, `token`, `dkim example.pl`."""

    sender: MailSender
    how: str


class Senders(Protocol):
    """Who wrote a mail, and whether such a mail may become an SMS at all."""

    async def who(self, visit: Visit, mail: Mail, octets: bytes) -> Proven | Answer:
        """The proven writer, or the reply that refuses the mail. `octets` as they came after DATA.

        Bounded in time; whatever can't be looked up right now is a 4xx answer.
        """
        ...
