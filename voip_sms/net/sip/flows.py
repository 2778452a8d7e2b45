"""SIP over TCP and TLS: one connection, bounded in what it buffers, how long it waits, how much it gets."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final, Protocol, cast

from voip_sms.net.sip.tls import TlsLayer
from voip_sms.net.sip.traffic import Address
from voip_sms.net.sip.transports import PING, PONG, Sink, address_of
from voip_sms.wire.sip.framing import Broken, Event, Flawed, Ping, StreamFramer
from voip_sms.wire.sip.headers import Via
from voip_sms.wire.sip.messages import Request

WRITE_LIMIT: Final = 256 * 1024
"""Octets waiting for a peer that doesn't read, about 500 replies: then the connection is cut."""
TURN: Final = 32
"""Messages of one connection served before others get their turn: 3 ms of pipelined ones."""
HANDSHAKE_DEADLINE: Final = 10.0
"""Seconds for a TLS handshake: a phone on a bad mobile network takes three."""
UNPROVEN_IDLE: Final = 30.0
"""Seconds a connection of somebody unknown may stay without a whole message; keep-alives don't count."""
PARTIAL_DEADLINE: Final = 15.0
"""Seconds from the first octet of a message to its last."""
UNPROVEN_PARTIAL: Final = 32 * 1024
"""Octets of a message that has begun, from somebody unknown: 4,096 of them are 128 MB."""
LINGER: Final = 4.0
"""Seconds for the replies that a broken stream is still owed, a little more than handlers take; and as many
for the peer to close."""
IDLE: Final = 1800.0
"""Seconds without traffic on a connection of somebody known: six registrations at the usual 300 s."""
VANISHED: Final = 30
"""Seconds in which a peer's host must confirm what we sent; then the connection is dead (RFC 5482)."""
PROBE_AFTER: Final = 45
PROBE_EVERY: Final = 10
PROBES: Final = 3
"""TCP keep-alive for connections where we send nothing: a dead peer is noticed within 75 s."""


class Keeper(Sink, Protocol):
    """Who keeps the connections, and gets what comes over them."""

    def admit(self, flow: "TcpFlow") -> bool:
        """Whether a new connection may stay; asked before anything is read, for TLS before the handshake."""
        ...

    def lost(self, flow: "TcpFlow") -> None: ...

    def tls_failed(self, flow: "TcpFlow", why: str) -> None: ...


class TcpFlow(asyncio.Protocol):
    """One TCP connection, accepted or made. A broken stream, an idle, a deaf or a vanished peer ends it."""

    transport = "tcp"

    def __init__(self, flow: str, keeper: Keeper, clock: Callable[[], float]) -> None:
        self.flow = flow
        self.source: Address = ("", 0)
        self.proven = False
        self._keeper = keeper
        self._clock = clock
        self._framer = StreamFramer()
        self._events: Iterator[Event] = iter(())
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._unread = 0
        self._owed = 0
        self._ending = self._ended = False
        self._heard = self._whole = self._began = clock()

    @property
    def local(self) -> Address:
        """Our end."""
        assert self._transport is not None
        return address_of(self._transport.get_extra_info("sockname"))

    @property
    def alive(self) -> bool:
        return self._transport is not None and not self._ended and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self.source = address_of(transport.get_extra_info("peername") or ("", 0))
        _notice_death(transport.get_extra_info("socket"))
        if not self._keeper.admit(self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why doesn't matter
        self._events = iter(())
        self._keeper.lost(self)

    def data_received(self, data: bytes) -> None:
        self._take(data)

    def _take(self, plain: bytes) -> None:
        if self._ending:
            return
        self._heard = self._clock()
        if not self._framer.partial:
            self._began = self._heard
            self._unread = 0
        self._unread += len(plain)
        self._events = self._framer.feed(plain)
        self._serve()

    def _serve(self) -> None:
        """A turn of what has come; nothing more is read until all of it is served."""
        served = 0
        for event in islice(self._events, TURN):
            served += 1
            self._began = self._heard
            self._unread = 0
            if not self.alive or self._ending:
                return
            self._one(event)
        if self._transport is None or not self.alive:
            return
        if served == TURN:
            if not self._paused:
                self._paused = True
                self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._serve)
        elif self._unread > UNPROVEN_PARTIAL and not self.proven:
            self.abort()
        elif self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _one(self, event: Event) -> None:
        if not self.proven and self._keeper.deaf(self.source[0]):
            self.abort()
        elif isinstance(event, Ping):
            self.send(PONG)
        elif isinstance(event, Flawed | Broken):
            self._refuse(event)
        else:
            self._whole = self._heard
            self._owed += isinstance(event, Request) and event.method != "ACK"
            self._keeper.message(event, self)

    def _refuse(self, event: Flawed | Broken) -> None:
        """A stream that can't go on ends when those in front of the break have their replies."""
        owed = self._owed
        self._keeper.malformed(event.error, self)
        self._owed = owed
        if isinstance(event, Broken) or event.error.request is None:
            self._ending, self._began = True, self._heard
            self._end_when_paid()

    def _end_when_paid(self) -> None:
        if self._ending and self._owed <= 0 and self.alive:
            self._end()

    def _end(self) -> None:
        """Nothing more is sent; what still comes is thrown away until the peer has closed, too.

        Closing at once, on octets that nobody has read, would take the last reply back (RFC 1122 4.2.2.13).
        """
        assert self._transport is not None
        self._ended, self._began = True, self._clock()
        self._transport.write_eof()

    def pause_writing(self) -> None:
        """The peer doesn't read: what it is owed is lost with the connection, as its requests are kept."""
        self.abort()

    def reply(self, octets: bytes, via: Via) -> None:  # noqa: ARG002 - the answer goes where the request came from
        self.send(octets)
        self._owed -= 1
        self._end_when_paid()

    def ping(self) -> None:
        """Keep NATs open, and give the kernel something that must be confirmed (RFC 5626 3.5.1)."""
        self.send(PING)

    def send(self, octets: bytes) -> None:
        self._write(octets)

    def _write(self, octets: bytes) -> None:
        if octets and self._transport is not None and self.alive:
            self._transport.write(octets)

    def overdue(self, now: float) -> bool:
        """Whether one of the deadlines above has passed."""
        if self._ending:
            return now - self._began > LINGER
        if self._framer.partial and now - self._began > PARTIAL_DEADLINE:
            return True
        return now - self._heard > IDLE if self.proven else now - self._whole > UNPROVEN_IDLE

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class TlsFlow(TcpFlow):
    """The same with TLS inside: it is admitted before the handshake, which has a deadline of its own."""

    transport = "tls"

    def __init__(self, flow: str, keeper: Keeper, clock: Callable[[], float], layer: TlsLayer) -> None:
        super().__init__(flow, keeper, clock)
        self.up = asyncio.get_running_loop().create_future()
        """Ends with whether the handshake came to its end."""
        self._layer = layer
        self._opened = clock()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.alive:
            self._layer.begin()
            self._write(self._layer.outgoing())

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(up=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        try:
            plain = self._layer.receive(data)
        except ssl.SSLError as error:
            self._keeper.tls_failed(self, error.reason or str(error))
            self._settle(up=False)
            self._write(self._layer.outgoing())  # the alert
            super().close()
            return
        self._write(self._layer.outgoing())
        if self._layer.ready:
            self._settle(up=True)
        if plain:
            self._take(plain)
        if self._layer.closed:
            self.close()

    def _end(self) -> None:
        self.close()

    def _settle(self, *, up: bool) -> None:
        if not self.up.done():
            self._whole = self._clock()
            self.up.set_result(up)

    def send(self, octets: bytes) -> None:
        if not self.alive or not self._layer.ready:
            return
        try:
            self._layer.send(octets)
        except ssl.SSLError:
            self.abort()
            return
        self._write(self._layer.outgoing())

    def overdue(self, now: float) -> bool:
        if not self._layer.ready:
            return now - self._opened > HANDSHAKE_DEADLINE
        return super().overdue(now)

    def close(self) -> None:
        if self.alive and self._layer.ready:
            self._layer.end()
            self._write(self._layer.outgoing())
        super().close()


def _notice_death(sock: socket.socket | None) -> None:
    """Tell the kernel when to give a silent peer up; where it can't, the deadlines above remain."""
    if sock is None:
        return
    with suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBE_AFTER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_EVERY)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED * 1000)
