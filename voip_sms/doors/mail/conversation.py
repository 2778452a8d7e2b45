"""One SMTP connection: who may talk and for how long, TLS, logging in, and the shape of replies."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

from voip_sms.core.directory import MailSender
from voip_sms.doors.mail import answers, login
from voip_sms.doors.mail.answers import Answer
from voip_sms.doors.mail.callers import Callers
from voip_sms.doors.mail.dialogue import Dialogue
from voip_sms.doors.mail.gate import Gate
from voip_sms.doors.mail.login import Authenticate
from voip_sms.doors.mail.settings import MailSettings
from voip_sms.net.listeners import is_loopback
from voip_sms.net.tls import TlsContexts

LOGIN_MOST: Final = 12_288
"""Of AUTH (RFC 4954 section 3)."""
ERRORS_MOST: Final = 100
"""Refusals in one connection, but for recipients beyond the limit: those are well-behaved servers'."""
WORK_SECONDS: Final = 120.0
"""For our answer to it: longer than DNS, the database and the engine may take together."""
LINGER: Final = 1.0
"""Seconds to read on when we ended a connection: a client that is well reads the answer in that time."""
FLUSH_SECONDS: Final = 10.0
"""For the client to take our last words; then it is cut off."""
_AUTH_OF_MAIL: Final = re.compile(r"\s+AUTH=\S*", re.IGNORECASE)
_CODED: Final = re.compile(r"[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3} ", re.ASCII)
_ENHANCED: Final = {
    "250": "2.0.0",
    "252": "2.5.0",
    "221": "2.0.0",
    "220": "2.0.0",
    "421": "4.7.0",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "504": "5.5.4",
    "530": "5.7.0",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.5.0",
    "555": "5.5.4",
}


_NO_ERROR: Final = (b"452 4.5.3", b"452-4.5.3")
"""Too many recipients."""


class Bare(str):
    """A reply that has no enhanced status code: greetings, and what follows EHLO (RFC 2034 section 4)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class House:
    """What all conversations share."""

    settings: MailSettings
    callers: Callers
    authenticate: Authenticate
    tls: TlsContexts | None
    arrived: Callable[["Conversation"], None]
    left: Callable[["Conversation"], None]
    rests: Callable[[], None]


class Conversation(Dialogue):
    """`hooks` answers MAIL, RCPT, DATA (`doors/mail/hooks.py`); `secure`: TLS from the start.

    aiosmtpd knows the commands; what it leaves open is closed here and below (see `docs/decisions`).
    """

    def __init__(
        self, hooks: Any, house: House, *, secure: bool, before: Callable[[], None] = lambda: None
    ) -> None:
        """`before` is called when it is connected, and before it counts as a caller."""
        super().__init__(
            hooks,
            data_size_limit=house.settings.size,
            enable_SMTPUTF8=True,
            hostname=house.settings.domain,
            ident="ESMTP voip-sms",
            tls_context=house.tls.server if house.tls is not None and not secure else None,
            timeout=house.settings.idle_timeout,
            auth_require_tls=False,  # `may_log_in` decides
        )
        self.command_size_limits["AUTH"] = LOGIN_MOST
        self.house = house
        self._before = before
        self.peer = ""
        self.secure = secure
        self.busy = False
        self.sender: MailSender | None = None
        self.wrong_logins = 0
        self._gate = Gate()
        self._held = 0
        self._errors = 0
        self._waiting = b""
        self._entered = False

    # --- the connection -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Also called when TLS begins (RFC 3207 4.2): all that was said before is forgotten."""
        if self._original_transport is not None:
            self.secure, self.sender = True, None
            super().connection_made(transport)
            return
        self.peer = (transport.get_extra_info("peername") or ("",))[0]
        self._before()
        if not self.house.callers.enter(self.peer):
            self._ended = True
            _say(cast("asyncio.Transport", transport), answers.BUSY)
            transport.close()
            return
        self._entered = True
        self.house.arrived(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """May be called twice when TLS fails."""
        self._ended = True
        if not self._entered:
            return
        self._entered = False
        self.house.callers.leave(self.peer)
        self._release()
        self.house.left(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """What came, if it may go on."""
        if self._ended:
            return
        fault = self._gate.feed(data)
        self._held += len(data)
        if not self.house.callers.hold(len(data), self._held):
            fault = answers.FULL
        if fault is not None:
            self.hang_up(fault)
            return
        super().data_received(data)

    def eof_received(self) -> bool | None:
        """A client that sends no more may still read; what it said is not worked on any longer."""
        return None if self._ended else super().eof_received()

    def hang_up(self, answer: Answer, linger: float = LINGER) -> None:
        """Say why, and close; for `linger` seconds what still comes is read and forgotten.

        Octets that nobody read would make the kernel reset the connection, and the answer may be lost.
        """
        if self._ended:
            return
        self._ended = True
        if self.transport is None or self.transport.is_closing():
            return
        self._reset_timeout(linger + FLUSH_SECONDS)
        transport = cast("asyncio.Transport", self.transport)
        transport.write(self._waiting)
        _say(transport, answer)
        if linger > 0 and transport.can_write_eof():
            transport.write_eof()
            self.loop.call_later(linger, transport.close)
        else:
            transport.close()

    def abort(self) -> None:
        """Close without a word."""
        self._ended = True
        transport = self._original_transport or self.transport
        if transport is not None:
            cast("asyncio.Transport", transport).abort()

    def _timeout_cb(self) -> None:
        """Silence is told; who doesn't read what we said, or keep hanging on, is cut off."""
        if self._ended or self.transport is None or self.transport.is_closing():
            self.abort()
        else:
            self.hang_up(answers.TROUBLE if self.busy else answers.SLOW)

    def _release(self) -> None:
        self.house.callers.let_go(self._held)
        self._held = 0

    # --- replies --------------------------------------------------------------------------------------------

    async def push(self, status: Any) -> None:
        """Every reply passes here: it gets its status code, in ASCII without control characters."""
        if self._ended:
            return
        octets = _finished(status, greeting=self.session is None or self.session.host_name is None)
        if self._may_wait(octets):
            self._waiting += octets + b"\r\n"
        else:
            waiting, self._waiting = self._waiting, b""
            self._writer.write(waiting + octets + b"\r\n")
            if self._paused or self._writer.is_closing():
                await self._writer.drain()
        if octets.startswith(b"421"):
            self._ended = True
            self._writer.close()
        elif octets[:1] in b"45" and octets[:9] not in _NO_ERROR:
            self._errors += 1
            if self._errors >= ERRORS_MOST:
                self.hang_up(answers.TOO_MANY_ERRORS)

    def _may_wait(self, reply: bytes) -> bool:
        """Whether the next command is here already: its reply then goes with this one (RFC 2920 3.2)."""
        return reply.startswith((b"250", b"5")) and self.inbox.has_line

    # --- commands that aiosmtpd has otherwise ---------------------------------------------------------------

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """RFC 3207, with the certificate of today."""
        if self.secure:
            await self.push("503 TLS is on already")
            return
        if self.house.tls is not None:
            self.house.tls.refresh()
            self.tls_context = self.house.tls.server
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """RFC 4954."""
        if await self.check_helo_needed("EHLO"):
            return
        answer = await login.log_in(self, arg or "", self.house.authenticate)
        if answer is not None:
            await self.push(answer)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """`AUTH=` says who wrote the mail to a server that vouches for it (RFC 4954 5): not to us."""
        await super().smtp_MAIL(None if arg is None else _AUTH_OF_MAIL.sub("", arg))

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Whatever becomes of the mail, the next one is a new one."""
        try:
            await super().smtp_DATA(arg)
        except Exception:
            self.envelope = self._create_envelope()  # else the next MAIL would be nested in this one
            raise
        finally:
            self.busy = False
            self._release()
            self.house.rests()
            if not self._ended:
                self._reset_timeout()

    def working(self) -> None:
        """The mail is here, and from now on it is we who take time."""
        self.busy = True
        self._reset_timeout(WORK_SECONDS)

    @property
    def may_log_in(self) -> bool:
        """Whether a password may be said on this connection."""
        rule = self.house.settings.auth_without_tls
        return self.secure or rule == "always" or (rule == "loopback" and is_loopback(self.peer))


def _finished(status: Any, *, greeting: bool) -> bytes:
    text = status.decode("ascii", "replace") if isinstance(status, bytes) else str(status)
    return _shaped(text, coded=not isinstance(status, Bare) and not (greeting and text.startswith("220 ")))


@lru_cache(maxsize=256)  # nearly every reply is one of a few
def _shaped(text: str, *, coded: bool) -> bytes:
    lines = text.split("\r\n")
    if coded:
        lines = [_with_code(line) for line in lines]
    return "\r\n".join(_printable(line) for line in lines).encode("ascii")


def _with_code(line: str) -> str:
    if _CODED.match(line):
        return line
    enhanced = _ENHANCED.get(line[:3])
    return f"{line[:4]}{enhanced} {line[4:]}" if enhanced else line


def _printable(line: str) -> str:
    """What a client sent comes back in some replies: never with an end of line of its own."""
    return "".join(char if " " <= char <= "~" else "?" for char in line)


def _say(transport: asyncio.WriteTransport, answer: Answer) -> None:
    with suppress(OSError, RuntimeError):
        transport.write(f"{answer}\r\n".encode("ascii"))
