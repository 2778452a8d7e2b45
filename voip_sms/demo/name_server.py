"""A name server that knows no name: the demo asks nobody outside who may send for a domain."""

import asyncio
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.rcode


class NameServer:
    """Answers every question over UDP on loopback with NXDOMAIN (RFC 1035 4.1.1)."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(_Answers, local_addr=("127.0.0.1", 0))
        return self

    def stop(self) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()

    @property
    def address(self) -> str:
        """As `[mail] dns` takes it: host:port."""
        assert self._transport is not None, "start it first"
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"


class _Answers(asyncio.DatagramProtocol):
    _transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            answer = dns.message.make_response(dns.message.from_wire(data), recursion_available=True)
        except dns.exception.DNSException:
            return  # no question
        answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), address)
