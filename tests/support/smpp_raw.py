"""A scripted SMPP client over a plain socket: it does what the test says, and nothing by itself."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self, TypeVar

from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers

# Everything here is on loopback: an answer that takes longer isn't coming.
PATIENCE = 3.0
_P = TypeVar("_P")


class RawSmpp:
    """One connection. `heard` keeps every PDU in the order in which it came; `take` waits for one of them."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host, int(port)
        self._sequence = 0
        self.heard: list[smpp.Pdu] = []
        self.closed = asyncio.Event()
        self.broken: smpp.FramingError | None = None
        self._pending: list[smpp.Pdu] = []
        self._news = asyncio.Event()

    async def connect(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._task = asyncio.create_task(self._read())
        return self

    async def bind(self, command: int = numbers.BIND_TRANSCEIVER, password: str = "sim") -> smpp.BindResp:
        await self.connect()
        self._sequence += 1
        sequence = self._sequence
        self.write(smpp.Bind(command, sequence, "sim", password))
        return await self.take(smpp.BindResp, lambda pdu: pdu.sequence == sequence)

    def send(self, make: Callable[..., smpp.Pdu], *first: object, **fields: object) -> int:
        """Send a PDU of this type under the next sequence number, which is returned."""
        self._sequence += 1
        self.write(make(self._sequence, *first, **fields))
        return self._sequence

    def write(self, pdu: smpp.Pdu | bytes) -> None:
        self._writer.write(pdu if isinstance(pdu, bytes) else smpp.encode(pdu))

    async def submit(self, to: str, text: bytes = b"Hej", **fields: object) -> smpp.SubmitSmResp:
        """Send a submit_sm and wait for its response."""
        sequence = self.submit_only(to, text, **fields)
        return await self.take(smpp.SubmitSmResp, lambda pdu: pdu.sequence == sequence)

    def submit_only(self, to: str, text: bytes = b"Hej", **fields: object) -> int:
        source = fields.pop("source", smpp.Address.alphanumeric("ACME"))
        dest = smpp.Address.international(to)
        return self.send(smpp.SubmitSm, source, dest, text, **{"registered_delivery": 1} | fields)

    async def deliver(self, status: int = 0) -> smpp.DeliverSm:
        """Wait for a deliver_sm and answer it."""
        pdu = await self.take(smpp.DeliverSm)
        self.write(smpp.DeliverSmResp(pdu.sequence, status))
        return pdu

    async def take(self, kind: type[_P], wanted: Callable[[_P], bool] = lambda _: True) -> _P:
        """The first PDU of this kind, not taken yet; TimeoutError after PATIENCE."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for pdu in self._pending:
                    if isinstance(pdu, kind) and wanted(pdu):
                        self._pending.remove(pdu)
                        return pdu
                self._news.clear()
                await self._news.wait()

    async def settled(self) -> None:
        """Everything sent until now was handled: an enquire_link came back."""
        sequence = self.send(smpp.EnquireLink)
        await self.take(smpp.EnquireLinkResp, lambda pdu: pdu.sequence == sequence)

    def kinds(self) -> list[type]:
        return [type(pdu) for pdu in self.heard]

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        framer = smpp.Framer()
        try:
            while data := await self._reader.read(65536):
                for frame in framer.feed(data):
                    pdu = smpp.decode(frame)
                    self.heard.append(pdu)
                    self._pending.append(pdu)
                self._news.set()
        except smpp.FramingError as error:
            self.broken = error
        except OSError:
            pass
        self.closed.set()
        self._news.set()
