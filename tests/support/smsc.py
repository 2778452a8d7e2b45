"""An SMSC that does what a test tells it, right or wrong: raw asyncio on loopback, one script per PDU."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar, cast

from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers

# Long enough for a busy two-core machine; a test that needs it is failing anyway.
PATIENCE = 10.0

P = TypeVar("P")
Script = Callable[["Connection", Any], Awaitable[None] | None]


class Connection:
    """One client. `pdus` is everything it sent, in order; send octets or PDUs as you like."""

    def __init__(
        self, smsc: "ScriptedSmsc", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pdus: list[smpp.Pdu] = []
        self.open = True
        self._smsc = smsc
        self._reader = reader
        self._writer = writer
        self._news = asyncio.Event()

    def send(self, *things: smpp.Pdu | bytes) -> None:
        """All of it in one write; what is sent after the end is lost."""
        if not self._writer.is_closing():
            self._writer.write(
                b"".join(one if isinstance(one, bytes) else smpp.encode(one) for one in things)
            )

    async def got(self, kind: type[P], count: int = 1, within: float = PATIENCE) -> list[P]:
        """All PDUs of this kind so far, once there are `count`. TimeoutError."""
        async with asyncio.timeout(within):
            while len(found := self._of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return found

    def _of(self, kind: type[P]) -> list[P]:
        return [pdu for pdu in self.pdus if isinstance(pdu, kind)]

    async def gone(self, within: float = PATIENCE) -> None:
        """Wait until the client has closed it."""
        async with asyncio.timeout(within):
            while self.open:
                self._news.clear()
                await self._news.wait()

    def close(self) -> None:
        """An orderly end."""
        self._writer.close()

    def reset(self) -> None:
        """RST: everything on its way is lost."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    def deaf(self) -> None:
        """Read no more, so that the client's octets pile up."""
        # COMPAT uvloop: its transports are asyncio.Transport by behaviour, not by class.
        cast("asyncio.Transport", self._writer.transport).pause_reading()

    async def serve(self) -> None:
        """Read until the end, running a script for each PDU."""
        framer = smpp.Framer()
        try:
            while data := await self._reader.read(1 << 16):
                for frame in framer.feed(data):
                    pdu = smpp.decode(frame)
                    self.pdus.append(pdu)
                    self._news.set()
                    script = self._smsc.scripts.get(type(pdu))
                    if script is not None and (work := script(self, pdu)) is not None:
                        await work
        except ConnectionError:
            pass
        finally:
            self.open = False
            self._news.set()
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()


class ScriptedSmsc:
    """`scripts` maps a kind of PDU to what is done about it: by default what a good SMSC does."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.scripts: dict[type, Script] = {
            smpp.Bind: accept_bind,
            smpp.SubmitSm: accept_submit,
            smpp.EnquireLink: lambda conn, pdu: conn.send(smpp.EnquireLinkResp(pdu.sequence)),
            smpp.Unbind: _accept_unbind,
        }
        self.port = 0
        self.connections: list[Connection] = []
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    async def start(self) -> None:
        """Listen; on the same port as before, if it was stopped."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and all connections."""
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def connection(self, number: int = 1, within: float = PATIENCE) -> Connection:
        """The n-th connection ever made, once it is there. TimeoutError."""
        async with asyncio.timeout(within):
            while len(self.connections) < number:
                self._news.clear()
                await self._news.wait()
        return self.connections[number - 1]

    async def bound(self, number: int = 1) -> Connection:
        """The n-th connection, once it has asked to bind."""
        connection = await self.connection(number)
        await connection.got(smpp.Bind)
        return connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        self._news.set()
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await connection.serve()


# --- scripts -------------------------------------------------------------------------------------------------


def accept_bind(connection: Connection, pdu: smpp.Bind) -> None:
    connection.send(smpp.BindResp(pdu.command | numbers.RESPONSE, pdu.sequence, 0, "smsc"))


def accept_submit(connection: Connection, pdu: smpp.SubmitSm) -> None:
    """The id is the sequence, in hexadecimal."""
    connection.send(smpp.SubmitSmResp(pdu.sequence, f"{pdu.sequence:x}"))


def silent(_connection: Connection, _pdu: smpp.Pdu) -> None:
    """Says nothing."""


def refusing_bind(status: int) -> Script:
    def script(connection: Connection, pdu: smpp.Bind) -> None:
        connection.send(smpp.BindResp(pdu.command | numbers.RESPONSE, pdu.sequence, status))

    return script


def refusing_submit(*statuses: int) -> Script:
    """One after the other; then accepts."""
    left = list(statuses)

    def script(connection: Connection, pdu: smpp.SubmitSm) -> None:
        if left:
            connection.send(smpp.SubmitSmResp(pdu.sequence, status=left.pop(0)))
        else:
            accept_submit(connection, pdu)

    return script


def _accept_unbind(connection: Connection, pdu: smpp.Unbind) -> None:
    connection.send(smpp.UnbindResp(pdu.sequence))
    connection.close()
