"""A mail program: somebody's, who writes, answers what came, and hands mails to a server by SMTP."""

import asyncio
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr

from voip_sms.demo.mail_sink import Mail

SECONDS = 20.0
"""For each step of a conversation with the server: it takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Refused(Exception):  # noqa: N818 - not an error: an answer that the story expects
    """The server's reply to a mail that it didn't take."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(frozen=True, slots=True)
class MailProgram:
    """The mailbox `address` with the password of its account; without one it doesn't log in."""

    address: str
    password: str
    server: tuple[str, int]

    async def write(self, to: str, subject: str, text: str) -> EmailMessage:
        """A new mail; it as it was sent. Refused."""
        return await self._send(self._mail(to, subject, text))

    async def answer(self, mail: Mail, text: str) -> EmailMessage:
        """What the Reply button does: to whoever wrote, in the thread, with the old mail quoted below."""
        got = mail.message
        to = parseaddr(str(got["Reply-To"] or got["From"]))[1]
        quoted = "\n".join(f"> {line}" for line in mail.text.splitlines())
        subject = mail.subject if mail.subject.startswith("Re: ") else f"Re: {mail.subject}"
        made = self._mail(to, subject, f"{text}\n\nW dniu 22.11.2026 o 10:00, {to} napisał(a):\n{quoted}\n")
        made["In-Reply-To"] = str(got["Message-ID"])
        made["References"] = f"{got['References'] or ''} {got['Message-ID']}".strip()
        return await self._send(made)

    def _mail(self, to: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.address, to, subject
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=self.address.rpartition("@")[2])
        mail.set_content(text)
        return mail

    async def _send(self, mail: EmailMessage) -> EmailMessage:
        await asyncio.to_thread(self._hand_over, mail)
        return mail

    def _hand_over(self, mail: EmailMessage) -> None:
        try:
            with smtplib.SMTP(*self.server, timeout=SECONDS) as client:
                if self.password:
                    client.login(self.address, self.password)
                client.send_message(mail)
        except smtplib.SMTPRecipientsRefused as refused:
            raise _first(list(refused.recipients.values())) from None
        except smtplib.SMTPResponseException as refused:
            raise _first([(refused.smtp_code, refused.smtp_error)]) from None


def _first(replies: Sequence[tuple[int, bytes | str]]) -> Refused:
    code, text = replies[0]
    return Refused(code, text.decode(errors="replace") if isinstance(text, bytes) else text)
