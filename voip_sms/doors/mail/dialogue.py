"""The dialogue of one connection: aiosmtpd's commands in a loop of ours, and the usual mail on a short way.

aiosmtpd awaits every line of a mail and starts a clock for every command. Here what came together is read
together; whatever is not usual is aiosmtpd's, by the same rules.

COMPAT aiosmtpd 1.4.6: `_handle_client`, `_getaddr`, `_reset_timeout` and `_smtp_methods` are its own names.
"""

import asyncio
import re
from collections import defaultdict
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, TLSSetupException, syntax

from voip_sms.doors.mail.inbox import Inbox

LINE_MOST: Final = 16_384
"""Octets of one line of a mail: RFC 5321 4.5.3.1.6 has 1,000, programs that write HTML know nothing of it."""
COMMAND_MOST: Final = 1_024
"""Octets of a command: RFC 5321 4.5.3.1.4 has 512, and its extensions add some (RFC 1870, 6531)."""
COMMANDS_MOST: Final = {"RCPT": 20_000}
"""Of one kind in one connection, of others `COMMANDS_USUAL`."""
COMMANDS_USUAL: Final = 1_000
"""A busy server of a customer connects again after a thousand mails."""
UNKNOWN_MOST: Final = 5
"""Commands that nobody knows."""
DATA_SECONDS: Final = 300.0
"""For a mail to arrive: the largest at 35 kB/s."""
_SOONER: Final = 0.01
"""Seconds by which a clock may be early."""

_ADDRESS: Final = r"<(\+?[A-Za-z0-9_-]+(?:[.+][A-Za-z0-9_-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)>"
_USUAL_ADDRESS: Final = re.compile(rf"{_ADDRESS}(?=\s|\Z)", re.ASCII)
_USUAL_MAIL: Final = re.compile(
    rf"FROM: ?{_ADDRESS}((?: SIZE=([0-9]{{1,9}}))?(?: BODY=(?:7BIT|8BITMIME))?)", re.ASCII | re.IGNORECASE
)
_USUAL_RCPT: Final = re.compile(rf"TO: ?{_ADDRESS}", re.ASCII | re.IGNORECASE)


class Dialogue(SMTP):
    """Reads commands and mails; `Conversation` says who may talk, and how replies look."""

    line_length_limit = LINE_MOST
    command_size_limit = COMMAND_MOST
    _paused: bool
    """asyncio's: the client reads too slowly."""

    def __init__(self, hooks: Any, **options: Any) -> None:
        """`hooks` has aiosmtpd's `handle_MAIL`, `handle_RCPT`, `handle_DATA`; `options` are aiosmtpd's."""
        # aiosmtpd has one dictionary for all connections, which each of them changes.
        self.command_size_limits = defaultdict(lambda: COMMAND_MOST)
        loop = asyncio.get_running_loop()
        super().__init__(hooks, loop=loop, **options)
        self.inbox = Inbox(limit=LINE_MOST, loop=loop)
        asyncio.StreamReaderProtocol.__init__(self, self.inbox, self._cb_client_connected, loop)
        self._hooks = hooks
        self._left: dict[str, int] = {}
        self._unknown = 0
        self._ended = False
        self._due = 0.0
        self._rings = 0.0

    # --- commands -------------------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        """Every command in turn, until the connection ends; aiosmtpd starts it as a task."""
        await self.push(f"220 {self.hostname} {self.__ident__}")
        while self.transport is not None and not self._ended:
            try:
                line = self.inbox.line()
                if line is None:
                    line = await self.inbox.next_line()
                await self._obey(line)
            except (asyncio.CancelledError, ConnectionResetError):
                self._writer.close()
                raise
            except TLSSetupException as error:
                if self.transport is not None:
                    self.transport.close()
                self.connection_lost(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client is answered
                await self.push(await self.handle_exception(error))

    async def _obey(self, line: bytes | None) -> None:
        """One command; None for a line that was too long."""
        assert self.session is not None
        if line is None:
            await self.push("500 Command line too long")
            return
        line = line.rstrip(b"\r\n")
        name, _, rest = line.partition(b" ")
        if not line or not name.isascii():
            await self.push("500 Error: bad syntax")
            return
        command = name.upper().decode("ascii")
        limits = self.command_size_limits
        if len(line) > (limits[command] if self.session.extended_smtp else COMMAND_MOST):
            await self.push("500 Command line too long")
            return
        left = self._left.get(command, COMMANDS_MOST.get(command, COMMANDS_USUAL))
        if left < 1:
            await self.push(f"421 4.7.0 {command} sent too many times")
            return
        self._left[command] = left - 1
        method = self._smtp_methods.get(command)
        if method is None:
            await self._wonder(command)
            return
        self._reset_timeout()
        # Octets that are no UTF-8 stay what they are until somebody looks at them.
        await method(rest.strip().decode("utf-8", "surrogateescape") if rest else None)

    async def _wonder(self, command: str) -> None:
        self._unknown += 1
        if self._unknown < UNKNOWN_MOST:
            await self.push(f'500 Error: command "{command}" not recognized')
            return
        await self.push("502 5.5.1 Too many unrecognized commands, goodbye.")
        self._ended = True
        if self.transport is not None:
            self.transport.close()

    # --- the usual mail -------------------------------------------------------------------------------------

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The standard library's parser, which aiosmtpd asks, takes a third of all work for a mail."""
        usual = _USUAL_ADDRESS.match(arg)
        if usual is not None:
            return usual[1], arg[usual.end() :].strip()
        found: tuple[str | None, str | None] = super()._getaddr(arg)
        return found

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        usual = _USUAL_MAIL.fullmatch(arg) if arg else None
        assert self.session is not None
        assert self.envelope is not None
        greeted = self.session.host_name and self.session.extended_smtp
        if (
            usual is None
            or not greeted
            or self.envelope.mail_from
            or int(usual[3] or 0) > (self.data_size_limit or 0)
        ):
            await super().smtp_MAIL(arg)
            return
        options = usual[2].upper().split()
        await self.push(await self._hooks.handle_MAIL(self, self.session, self.envelope, usual[1], options))

    @syntax("RCPT TO: <address>", extended=" [SP <mail-parameters>]")
    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        usual = _USUAL_RCPT.fullmatch(arg) if arg else None
        assert self.session is not None
        assert self.envelope is not None
        if usual is None or not (self.session.host_name and self.envelope.mail_from):
            await super().smtp_RCPT(arg)
            return
        await self.push(await self._hooks.handle_RCPT(self, self.session, self.envelope, usual[1], []))

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        assert self.session is not None
        assert self.envelope is not None
        if arg or not (self.session.host_name and self.envelope.rcpt_tos):
            await super().smtp_DATA(arg)
            return
        self._reset_timeout(DATA_SECONDS)
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        most = self.data_size_limit
        assert most is not None
        content = await self.inbox.mail(most, LINE_MOST)
        if content == "line too long":
            status = "500 Line too long (see RFC5321 4.5.3.1.6)"
        elif content == "too large":
            status = "552 Error: Too much mail data"
        else:
            self.envelope.content = content
            status = await self._hooks.handle_DATA(self, self.session, self.envelope)
        self.envelope = Envelope()
        await self.push(status)

    # --- the clock ------------------------------------------------------------------------------------------

    def _reset_timeout(self, duration: float | None = None) -> None:
        """A timer that rings too early looks when it should, so that a command needs no new one."""
        now = self.loop.time()
        self._due = now + (duration or self._timeout_duration)
        if self._timeout_handle is None or not now <= self._rings <= self._due:
            self._wind()

    def _wind(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._rings = self._due
        self._timeout_handle = self.loop.call_later(self._due - self.loop.time(), self._ring)

    def _ring(self) -> None:
        if self.loop.time() < self._due - _SOONER:
            self._wind()
        else:
            self._timeout_cb()

    def _timeout_cb(self) -> None:
        """Nothing has come for too long."""
        raise NotImplementedError
