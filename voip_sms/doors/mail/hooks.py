"""What we answer to EHLO, MAIL, RCPT and a whole mail: aiosmtpd calls these by name."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import structlog

from voip_sms.core.failures import Refusal
from voip_sms.core.mail.letters import Letter, Posted
from voip_sms.core.ports import Mailing
from voip_sms.doors.mail import answers
from voip_sms.doors.mail.answers import Answer
from voip_sms.doors.mail.conversation import Bare, Conversation
from voip_sms.doors.mail.dialogue import COMMAND_MOST
from voip_sms.doors.mail.recipients import Recipients
from voip_sms.doors.mail.visit import Senders, Visit
from voip_sms.wire.mail.model import Mail, MailBroken
from voip_sms.wire.mail.reading import read_mail

log = structlog.get_logger(__name__)

SMALL: Final = 65_536
"""Octets of a mail that is read at once; larger ones in a thread, for they take tens of milliseconds."""
READERS: Final = 2
"""Large mails read at one time."""
NAME_MOST: Final = 255
"""Octets of a host name (RFC 1035 2.3.4)."""
ADDRESS_MOST: Final = 254
"""RFC 5321 4.5.3.1.3, without the angle brackets."""
NULL: Final = "<>"
"""How aiosmtpd calls the null sender (RFC 5321 4.5.5)."""

Session = Any
Envelope = Any


class Hooks:
    """One for all conversations; it keeps nothing of them."""

    def __init__(self, mailing: Mailing, senders: Senders, recipients: Recipients) -> None:
        self._mailing = mailing
        self._senders = senders
        self._recipients = recipients
        self._readers = asyncio.Semaphore(READERS)

    # --- the envelope ---------------------------------------------------------------------------------------

    async def handle_HELO(  # noqa: N802 - aiosmtpd's name
        self, server: Conversation, session: Session, envelope: Envelope, hostname: str
    ) -> str:
        """RFC 5321 4.1.1.1."""
        del envelope
        if not _is_name(hostname):
            return "501 Syntax: HELO hostname"
        session.host_name = hostname
        return Bare(f"250 {server.hostname}")

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Every extension that is served, and no other."""
        del envelope, responses
        if not _is_name(hostname):
            return ["501 Syntax: EHLO hostname"]
        session.host_name = hostname
        server.command_size_limits["MAIL"] = COMMAND_MOST
        offered = [
            server.hostname,
            "PIPELINING",
            f"SIZE {server.data_size_limit}",
            "8BITMIME",
            "SMTPUTF8",
            *(["STARTTLS"] if server.tls_context is not None and not server.secure else []),
            *(["AUTH PLAIN LOGIN"] if server.may_log_in else []),
            "ENHANCEDSTATUSCODES",
        ]
        return [Bare(f"250{' ' if one is offered[-1] else '-'}{one}") for one in offered]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """The envelope's sender proves nothing by itself; it must only be an address."""
        del server, session
        if not _is_address(address):
            return str(answers.ADDRESS_BROKEN)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """One recipient, refused where that can be known here."""
        del session, options
        answer = self._recipients.look(address, envelope.rcpt_tos, server.sender)
        if answer is not None:
            return str(answer)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    # --- the mail -------------------------------------------------------------------------------------------

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: Conversation, session: Session, envelope: Envelope
    ) -> str:
        """250 after the commit; otherwise nothing of it was taken, or it will be known again."""
        server.working()
        octets: bytes = envelope.content
        if b"\0" in octets:
            return str(answers.NUL)
        try:
            mail = await self._read(octets)
        except MailBroken:
            return str(answers.UNREADABLE)
        visit = Visit(
            peer=server.peer,
            helo=session.host_name,
            encrypted=server.secure,
            login=server.sender,
            envelope_from="" if envelope.mail_from == NULL else envelope.mail_from,
            recipients=self._recipients.read(envelope.rcpt_tos),
        )
        return str(await self._take(visit, mail, octets))

    async def handle_exception(self, error: Exception) -> str:
        """What nobody foresaw: the client comes again, and the log says what it was."""
        log.error("mail_door_fault", error=type(error).__name__, exc_info=error)
        return str(answers.TROUBLE)

    async def _read(self, octets: bytes) -> Mail:
        if len(octets) <= SMALL:
            return read_mail(octets)
        async with self._readers:
            return await asyncio.to_thread(read_mail, octets)

    async def _take(self, visit: Visit, mail: Mail, octets: bytes) -> Answer:
        found = await self._senders.who(visit, mail, octets)
        if isinstance(found, Answer):
            log.info("mail_refused", peer=visit.peer, code=found.code, why=found.english)
            return found
        digest = hashlib.sha256(octets).digest()
        try:
            posted = await self._mailing.accept(
                Letter(found.sender, mail, visit.recipients, digest, proof=found.how)
            )
        except Refusal as refusal:
            log.info("mail_refused", sender=found.sender.address, code=refusal.code.name)
            return answers.refused(refusal)
        return _answer(posted)


def _answer(posted: Sequence[Posted]) -> Answer:
    """One reply stands for all recipients: what went wrong for some of them is told by mail."""
    taken = sum(one.accepted for one in posted)
    if taken:
        return Answer(250, "2.0.0", f"Taken for {taken} of {len(posted)}")
    why = next((one.why_not for one in posted if one.why_not is not None), None)
    return answers.TROUBLE if why is None else answers.refused(why)


def _is_name(text: str) -> bool:
    return len(text) <= NAME_MOST and all("!" <= char <= "~" for char in text)


def _is_address(text: str) -> bool:
    """Visible characters only: no line end may hide in an address (RFC 6531 has others than ASCII)."""
    if text == NULL:
        return True
    local, at, domain = text.rpartition("@")
    return (
        bool(local and at and domain)
        and len(text.encode(errors="replace")) <= ADDRESS_MOST
        and text.isprintable()
        and " " not in text
    )
