"""Hands an inbound SMS to a mailbox: a plain mail from the number it came from."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Protocol

from voip_sms.core.clock import to_datetime
from voip_sms.core.failures import Outcome, Permanent, Temporary
from voip_sms.core.ids import to_text
from voip_sms.core.model import ForwardJob, Message
from voip_sms.core.notices import not_taken
from voip_sms.net.smtp import MailRelay

SHOWN: Final = 64
"""Characters of a sender in a header; numbers and names have a fifth of that."""
ADDRESS_LIMIT: Final = 254
"""RFC 5321 section 4.5.3.1.3, without the angle brackets."""
LOOP_HEADER: Final = "X-Loop"
"""Names our own domain in every mail of ours, so that one that comes back is recognised."""
_SUBJECTS: Final = {"en": "SMS from {sender} to {to}", "pl": "SMS od {sender} na {to}"}
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"
)
_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}", re.ASCII)


class MailIdentity(Protocol):
    """What mails say about us: section `[mail]` of the configuration."""

    @property
    def domain(self) -> str:
        """Mail to number@domain becomes an SMS, so that answering a mail answers the SMS."""
        ...

    @property
    def sender(self) -> str:
        """The envelope's sender, and the address shown where the SMS came from a name."""
        ...

    @property
    def relay(self) -> str:
        """The server that takes our mails."""
        ...


class MailForwarder:
    """`ports.Forwarder` for mailboxes. Message-ID is the job's: a repeat is the same mail to its reader."""

    def __init__(self, identity: MailIdentity) -> None:
        """ValueError when `identity.relay` is no URL of a relay; without one, mails wait."""
        self._identity = identity
        self._relay = MailRelay(identity.relay, identity.domain) if identity.relay else None

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Hand one mail to the relay."""
        if self._relay is None:
            return Temporary("no_relay")
        if job.message.text is None:
            return Permanent("text_gone")
        if len(job.target) > ADDRESS_LIMIT or not _ADDRESS.fullmatch(job.target) or "=?" in job.target:
            return Permanent("address_invalid", "only plain ASCII addresses are served")
        mail = compose(job, self._identity).as_bytes(policy=SMTP)
        return await self._relay.send(self._identity.sender, job.target, mail)


def compose(job: ForwardJob, identity: MailIdentity) -> EmailMessage:
    """The mail; its Date is the SMS's, however late it leaves."""
    message = job.message
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _author(message, identity)
    mail["To"] = Address(addr_spec=job.target)
    sender, to = (_line(one.removeprefix("sip:")) for one in (message.sender, message.to))
    mail["Subject"] = _SUBJECTS.get(job.language, _SUBJECTS["en"]).format(sender=sender, to=to)
    mail["Date"] = format_datetime(to_datetime(message.created_at))
    mail["Message-ID"] = f"<{to_text('fwd', job.id)}@{identity.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nothing answers it by itself
    mail[LOOP_HEADER] = identity.domain
    mail.set_content(_body(job), subtype="plain", charset="utf-8", cte="quoted-printable")
    return mail


def _body(job: ForwardJob) -> str:
    """The text alone; in a phone's place, why it comes here stands below, apart."""
    text = job.message.text or ""
    if job.instead_of is None:
        return text
    why = not_taken(job.message, job.instead_of.name, job.timezone, job.language)
    return f"{text}\n\n-- \n{why}\n"  # the separator of RFC 3676 4.3


def _author(message: Message, identity: MailIdentity) -> Address:
    """`"+48601123456" <48601123456@domain>`: an answer to it is an SMS; a name can't be answered."""
    shown = _line(message.sender.removeprefix("sip:"))
    if _NUMBER.fullmatch(shown):
        return Address(shown, shown.removeprefix("+"), identity.domain)
    return Address(shown, addr_spec=identity.sender)


def _line(text: str) -> str:
    """What somebody else chose, as part of a header: one line of visible characters.

    COMPAT CPython 3.11: an encoded word (RFC 2047) in a header is decoded when it is set, and a line end in
    it becomes a new header line when it is written. So that none is seen, its opening is pulled apart.
    """
    visible = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(visible.replace("=?", "= ?").split())[:SHOWN]
