"""A mail server that keeps what it is sent, and can fail at every stage of a session."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import partial
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, Envelope, Session

from voip_sms.demo.recorder import Recorder

Stage = Literal["connect", "mail", "rcpt", "data"]

DROP = ""
"""A reply that is none: the connection is cut instead."""

OK = "250 2.0.0 OK"

# A client of a sink on loopback that is silent for this long has gone wrong; the sink must not outlive it.
SILENCE = 30.0


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail: the envelope as said, the octets as received."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return BytesParser(policy=policy.default).parsebytes(self.raw)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The plain text body without the line end that mail adds; empty when there is none."""
        body = self.message.get_body(("plain",))
        return "" if body is None else str(body.get_content()).rstrip("\r\n")


@dataclass(slots=True)
class Failure:
    """What a stage answers instead of 250; `reply` is a whole SMTP line, or DROP."""

    stage: Stage
    reply: str
    left: int | None  # how many more times; None is for ever
    recipient: str | None  # for rcpt: this one only


class MailSink:
    """An SMTP server on loopback. Nothing is recorded but what it answered 250 to after DATA."""

    def __init__(self) -> None:
        self.mails: Recorder[Mail] = Recorder()
        self.sessions = 0
        self._failures: list[Failure] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()
        self._port = 0

    async def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1; 0 picks a port. A sink that was stopped comes back on the port it had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(partial(_Connection, self), "127.0.0.1", port or self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close the door and cut who is inside; what was recorded stays."""
        if self._server is None:
            return
        self._server.close()
        for transport in list(self._connections):
            transport.abort()
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._port}"

    def fail(
        self,
        stage: Stage,
        reply: str = "451 4.3.0 Try later",
        *,
        times: int | None = 1,
        recipient: str | None = None,
    ) -> None:
        """Answer `reply` at `stage`, `times` times (None: until `heal`), for one recipient or for all."""
        self._failures.append(Failure(stage, reply, times, recipient))

    def heal(self) -> None:
        self._failures.clear()

    def to(self, recipient: str) -> list[Mail]:
        return [mail for mail in self.mails.items if recipient in mail.recipients]

    async def mail_to(self, recipient: str, within: float = 10.0, containing: str = "") -> Mail:
        """Wait for a mail to `recipient` whose text contains `containing`; TimeoutError after `within` s."""
        return await self.mails.first(
            lambda mail: recipient in mail.recipients and containing in mail.text, within
        )

    def planned_reply(self, stage: Stage, recipient: str | None = None) -> str | None:
        """Use up one planned failure of this stage; None when all is well."""
        for failure in self._failures:
            if failure.stage == stage and failure.recipient in (None, recipient):
                self._use_up(failure)
                return failure.reply
        return None

    def _use_up(self, failure: Failure) -> None:
        if failure.left is None:
            return
        failure.left -= 1
        if failure.left <= 0:
            self._failures.remove(failure)

    def opened(self, transport: asyncio.Transport) -> None:
        self.sessions += 1
        self._connections.add(transport)

    def closed(self, transport: asyncio.Transport) -> None:
        self._connections.discard(transport)


class _Connection(SMTP):
    """One session: reports itself to the sink, and is refused at once when the sink says so."""

    def __init__(self, sink: MailSink) -> None:
        super().__init__(_Handler(sink), hostname="sink.test", enable_SMTPUTF8=True, timeout=SILENCE)
        self._sink = sink
        self._mine: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._mine = transport
        self._sink.opened(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._mine is not None:
            self._sink.closed(self._mine)
        super().connection_lost(error)

    def cut(self) -> None:
        if self._mine is not None:
            self._mine.abort()

    async def _handle_client(self) -> None:
        reply = self._sink.planned_reply("connect")
        if reply is None:
            await super()._handle_client()
            return
        assert self._mine is not None
        if reply != DROP:
            self._mine.write(reply.encode("ascii") + b"\r\n")
        self._mine.close()


class _Handler:
    """Answers each stage as the sink planned it."""

    def __init__(self, sink: MailSink) -> None:
        self._sink = sink

    async def handle_MAIL(  # noqa: N802  # the name is aiosmtpd's
        self, server: _Connection, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        def accept() -> None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)

        return self._answer(server, self._sink.planned_reply("mail"), accept)

    async def handle_RCPT(  # noqa: N802
        self, server: _Connection, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        def accept() -> None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)

        return self._answer(server, self._sink.planned_reply("rcpt", address), accept)

    async def handle_DATA(  # noqa: N802
        self, server: _Connection, _session: Session, envelope: Envelope
    ) -> str:
        mail = Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), _octets(envelope.content))
        return self._answer(server, self._sink.planned_reply("data"), lambda: self._sink.mails.add(mail))

    def _answer(self, server: _Connection, planned: str | None, accept: Callable[[], None]) -> str:
        if planned is None:
            accept()
            return OK
        if planned == DROP:
            server.cut()
            return "421 4.3.0 gone"  # goes nowhere: the connection is cut
        return planned


def _octets(content: Any) -> bytes:
    return content if isinstance(content, bytes) else str(content or "").encode()
