"""SIP sockets: a UDP listener and a TCP connection, each bounded in what it buffers and how long it waits."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Final, Protocol, cast

from voip_sms.net.sip.traffic import Address
from voip_sms.wire.sip.framing import Broken, Flawed, Ping, StreamFramer
from voip_sms.wire.sip.headers import Via
from voip_sms.wire.sip.messages import Malformed, Message, parse_datagram

PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"
MIN_DATAGRAM: Final = 20
"""Anything shorter is a keep-alive of some make, never a SIP message."""
RECEIVE_BUFFER: Final = 4 * 1024 * 1024
"""Octets the kernel may hold for us (it may cap this): half a second of 8,000 requests a second."""
WRITE_LIMIT: Final = 256 * 1024
"""Octets waiting for a TCP peer that doesn't read, about 500 replies: then the connection is cut."""
UNPROVEN_IDLE: Final = 30.0
"""Seconds a connection may stay without a single whole request."""
PARTIAL_DEADLINE: Final = 15.0
"""Seconds from the first octet of a message to its last."""
IDLE: Final = 1800.0
"""Seconds without traffic on a connection that has been used: six registrations at the usual 300 s."""


class Sink(Protocol):
    """What a socket hands its input to."""

    def message(self, message: Message, path: "UdpPath | TcpFlow") -> None: ...

    def malformed(self, error: Malformed, path: "UdpPath | TcpFlow") -> None: ...

    def admit(self, flow: "TcpFlow") -> bool: ...

    def lost(self, flow: "TcpFlow") -> None: ...


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
        return _address(self._transport.get_extra_info("sockname"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
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


class TcpFlow(asyncio.Protocol):
    """One TCP connection, accepted or made. A broken stream, an idle or a deaf peer ends it."""

    transport = "tcp"

    def __init__(self, flow: str, sink: Sink, clock: Callable[[], float]) -> None:
        self.flow = flow
        self.source: Address = ("", 0)
        self.proven = False
        self._sink = sink
        self._clock = clock
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._last = self._began = clock()

    @property
    def local(self) -> Address:
        """Our end."""
        assert self._transport is not None
        return _address(self._transport.get_extra_info("sockname"))

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self.source = _address(transport.get_extra_info("peername") or ("", 0))
        if not self._sink.admit(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why doesn't matter
        self._sink.lost(self)

    def data_received(self, data: bytes) -> None:
        self._last = self._clock()
        if not self._framer.partial:
            self._began = self._last
        for event in self._framer.feed(data):
            self._began = self._last
            if not self.alive:
                return
            if isinstance(event, Ping):
                self.send(PONG)
            elif isinstance(event, Flawed | Broken):
                self._refuse(event)
            else:
                self.proven = True
                self._sink.message(event, self)

    def _refuse(self, event: Flawed | Broken) -> None:
        self._sink.malformed(event.error, self)
        if isinstance(event, Broken) or event.error.request is None:
            self.close()

    def pause_writing(self) -> None:
        """The peer doesn't read: what it is owed is lost with the connection, as its requests are kept."""
        self.abort()

    def reply(self, octets: bytes, via: Via) -> None:  # noqa: ARG002 - the answer goes where the request came from
        self.send(octets)

    def send(self, octets: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def overdue(self, now: float) -> bool:
        """Whether one of the deadlines above has passed."""
        if self._framer.partial and now - self._began > PARTIAL_DEADLINE:
            return True
        return now - self._last > (IDLE if self.proven else UNPROVEN_IDLE)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _address(name: object) -> Address:
    host, port, *_ = cast(tuple[str, int], name)
    return str(host), int(port)


def joined(address: Address) -> str:
    """`host:port`, IPv6 in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def numbered(prefix: str) -> Iterator[str]:
    """Names of connections: `prefix` tells this process's from those of an earlier run."""
    number = 0
    while True:
        number += 1
        yield f"{prefix}-{number}"
