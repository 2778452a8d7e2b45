"""Hands a finished mail to the relay, once, and says how that ended (RFC 5321)."""

import asyncio
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.net.listeners import is_loopback

DEADLINE: Final = 60.0
"""Seconds for one mail. The relay is ours and near: RFC 5321 4.5.3.2's minutes are for strangers."""
STEP: Final = 20.0
"""Seconds for one answer of the relay."""
QUIT: Final = 1.0
"""The mail is taken by then: saying goodbye is a courtesy."""
_PERMANENT: Final = 500
_OURS: Final = frozenset({530, 534, 535, 538})
"""Answers about our login (RFC 4954 section 6), not about this mail: the operator can mend it."""


class MailRelay:
    """`smtp://[user:password@]host[:port]`, `smtps://…` for TLS from the start; ValueError for other URLs.

    STARTTLS is used where it is offered, and insisted on where a password goes to another machine; the
    certificate is checked. `helo` is the name that we give. Connects anew for every mail.
    """

    def __init__(self, url: str, helo: str, *, deadline: float = DEADLINE) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("the relay must be smtp://host:port or smtps://host:port")
        self._host = parts.hostname
        self._port = parts.port
        self._tls = parts.scheme == "smtps"
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._helo = helo
        self._deadline = deadline

    async def send(self, sender: str, recipient: str, mail: bytes) -> Outcome:
        """One mail (octets with its headers) to one recipient. Accepted's reference is the relay's answer."""
        attempt = _Attempt(self._client())
        try:
            async with asyncio.timeout(self._deadline):
                return await attempt.run(sender, recipient, mail)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return attempt.failed(error)
        finally:
            attempt.client.close()

    def _client(self) -> aiosmtplib.SMTP:
        near = is_loopback(self._host)
        insist = None if self._password is None else True
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            local_hostname=self._helo,
            timeout=STEP,
            use_tls=self._tls,
            start_tls=False if self._tls or near else insist,
        )


class _Attempt:
    """One dialogue, and how far it has come."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self._about_mail = False
        self._data_sent = False

    async def run(self, sender: str, recipient: str, mail: bytes) -> Outcome:
        await self.client.connect()
        self._about_mail = True
        await self.client.mail(sender)
        await self.client.rcpt(recipient)
        self._data_sent = True
        taken = await self.client.data(mail)
        with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            await self.client.quit(timeout=QUIT)
        return Accepted(taken.message[:200])

    def failed(self, error: Exception) -> Outcome:
        """A mail that was refused was not taken; one that was sent and not answered may have been."""
        if isinstance(error, aiosmtplib.SMTPResponseException):
            lasting = error.code >= _PERMANENT and self._about_mail and error.code not in _OURS
            cause, detail = str(error.code), error.message[:200]
            return Permanent(cause, detail) if lasting else Temporary(cause, detail)
        if self._data_sent:
            return Uncertain("no_answer", type(error).__name__)
        return Temporary("relay_unreachable", type(error).__name__)
