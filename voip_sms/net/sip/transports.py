"""SIP over UDP: one socket, the way back for replies, and addresses as text."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Protocol, cast

from voip_sms.net.sip.traffic import Address, Path
from voip_sms.wire.sip.headers import Via
from voip_sms.wire.sip.messages import Malformed, Message, parse_datagram

PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"
MIN_DATAGRAM: Final = 20
"""Anything shorter is a keep-alive of some make, never a SIP message."""
RECEIVE_BUFFER: Final = 4 * 1024 * 1024
"""Octets the kernel may hold for us (it may cap this): half a second of 8,000 requests a second."""


class Sink(Protocol):
    """What a socket hands its input to."""

    def message(self, message: Message, path: Path) -> None: ...

    def malformed(self, error: Malformed, path: Path) -> None: ...

    def deaf(self, host: str) -> bool: ...

    def in_vain(self, source: Address) -> None: ...


class UdpPath:
    """One datagram's way back."""

    __slots__ = ("listener", "source")
    transport = "udp"

    def __init__(self, listener: "UdpListener", source: Address) -> None:
        self.listener = listener
        self.source = source

    @property
    def flow(self) -> str:
        return self.listener.name

    def reply(self, octets: bytes, via: Via) -> None:
        self.listener.send(octets, reply_address(via, self.source))


def reply_address(via: Via, source: Address) -> Address:
    """Where a UDP reply goes: the source's host, and its port if rport asks (RFC 3261 18.2.2, RFC 3581 4).

    COMPAT: a numeric sent-by that differs from the source is behind NAT and can only be reached at the port
    it sent from, whether or not it asked for rport.
    """
    host = via.host.strip("[]")
    if "rport" in via.params or (host != source[0] and _numeric(host)):
        return source
    return source[0], via.reply_port


def _numeric(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


class UdpListener(asyncio.DatagramProtocol):
    """One UDP socket. Datagrams that the kernel has no room for are dropped, as UDP does."""

    transport_name = "udp"

    def __init__(self, name: str, sink: Sink) -> None:
        self.name = name
        self._sink = sink
        self._transport: asyncio.DatagramTransport | None = None
        self._full = False

    @property
    def address(self) -> Address:
        """Where it listens."""
        assert self._transport is not None
        return address_of(self._transport.get_extra_info("sockname"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._sink.deaf(addr[0]):
            return
        path = UdpPath(self, addr[:2])
        if len(data) < MIN_DATAGRAM:
            if data == PING:
                self.send(PONG, path.source)
            return
        try:
            message = parse_datagram(data)
        except Malformed as error:
            self._sink.malformed(error, path)
            return
        self._sink.message(message, path)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error for some earlier datagram."""

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False

    def send(self, octets: bytes, address: Address) -> None:
        if self._transport is not None and not self._full and not self._transport.is_closing():
            self._transport.sendto(octets, address)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def udp_socket(host: str, port: int) -> socket.socket:
    """A socket bound to a numeric address. OSError.

    One for IPv6 leaves IPv4 to others, so that `[::]` and `0.0.0.0` can have the same port, and no source is
    ever an IPv4 address in disguise.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        where = joined((host, port))
        raise OSError(error.errno, f"UDP {where}: {error.strerror}") from None
    return sock


def address_of(name: object) -> Address:
    host, port, *_ = cast(tuple[str, int], name)
    return str(host), int(port)


def joined(address: Address) -> str:
    """`host:port`, IPv6 in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def resolve(host: str, port: int) -> str:
    """A numeric address: uvloop's UDP takes nothing else. OSError when there is none."""
    host = host.strip("[]")
    with suppress(ValueError):
        return str(ipaddress.ip_address(host))
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


def numbered(prefix: str) -> Iterator[str]:
    """Names of connections: `prefix` tells this process's from those of an earlier run."""
    number = 0
    while True:
        number += 1
        yield f"{prefix}-{number}"
