"""The endpoint and its door without sockets: octets in, replies out, an engine that takes everything."""

import asyncio
import itertools
from functools import cache
from typing import Final

from support.fakes import FakeClock
from support.sip_engine import DOMAIN, FakeEngine, sip_account
from voip_sms.doors.sip.door import Engine, SipDoor
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.net.sip.transports import UdpListener
from voip_sms.wire.sip.framing import Ping, StreamFramer
from voip_sms.wire.sip.messages import MAX_HEAD, Malformed, Request, Response, parse_datagram

BETWEEN: Final = b"\xff--\xff"
"""Stands between datagrams, or between what arrives at once on a stream."""
KEY: Final = bytes(32)
MOST: Final = 16
MOST_ADDED: Final = 1500
"""Octets that a reply may have more than its request: two challenges and the like."""
_TURNS: Final = 8
_PEERS: Final = (("192.0.2.1", 5060), ("198.51.100.1", 5060))
"""One vouches for whoever it names; nobody knows the other."""


class Wire(asyncio.Transport):
    """A socket that keeps what is written to it."""

    def __init__(self, peer: tuple[str, int]) -> None:
        super().__init__({"sockname": ("192.0.2.9", 5060), "peername": peer, "socket": None})
        self.sent: list[bytes] = []
        self.closed = False

    def sendto(self, octets: bytes, address: tuple[str, int]) -> None:
        assert 0 < address[1] < 65536
        self.sent.append(octets)

    def write(self, octets: bytes) -> None:
        self.sent.append(octets)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = write_eof = close

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def pause_reading(self) -> None:
        """What is fed is fed."""

    resume_reading = pause_reading


class Edge:
    """Plays one input on a new endpoint."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.settings = SipSettings.model_validate({"keep_alive": 0, "trusted_peers": [_PEERS[0][0]]})

    def play(self, data: bytes) -> None:
        if data:
            self.loop.run_until_complete(self._play(data[0], data[1:].split(BETWEEN)[:MOST]))

    async def _play(self, choice: int, pieces: list[bytes]) -> None:
        clock = FakeClock()
        engine = FakeEngine(clock.now)
        engine.accounts = {"101": sip_account("101", "pw101")}
        endpoint = Endpoint(key=bytes(32), new_id=lambda: "0123456789abcdef")
        salts = itertools.count()
        door = SipDoor(
            endpoint,
            self.settings,
            Engine(engine, engine, engine, engine),
            nonce_key=KEY,
            now=clock.now,
            random=lambda n: next(salts).to_bytes(n, "big"),
        )
        door.attach()
        peer = _PEERS[choice >> 1 & 1]
        wire = Wire(peer)
        if choice & 1:
            await self._stream(endpoint, wire, pieces)
            replies = _cut(wire.sent)
        else:
            await self._datagrams(endpoint, wire, peer, pieces)
            replies = [octets for octets in wire.sent if octets != b"\r\n"]
        assert sum(map(len, replies)) <= sum(map(len, pieces)) + len(replies) * MOST_ADDED, "an amplifier"
        for octets in replies:
            if octets.find(b"\r\n\r\n") > MAX_HEAD:
                continue
            reply = parse_datagram(octets)
            assert isinstance(reply, Response)
            assert reply.status != 500, "a handler broke"
        assert not endpoint._server._pending, "a request was forgotten"
        for text in [binding.contact for binding in engine.bound.values()]:
            text.encode()
            assert "\0" not in text
        for submission in engine.submissions:
            submission.text.encode()
            assert "\0" not in submission.text
        await door.stop()
        await _settle()

    async def _datagrams(
        self, endpoint: Endpoint, wire: Wire, peer: tuple[str, int], pieces: list[bytes]
    ) -> None:
        listener = UdpListener("udp0", endpoint)
        listener.connection_made(wire)
        for piece in pieces:
            before = len(wire.sent)
            listener.datagram_received(piece, peer)
            await _settle()
            assert not (_is_reply(piece) and len(wire.sent) > before), "a reply was answered"

    async def _stream(self, endpoint: Endpoint, wire: Wire, pieces: list[bytes]) -> None:
        flow = endpoint._connections._accept_tcp()
        flow.connection_made(wire)
        for piece in pieces:
            if not wire.closed:
                flow.data_received(piece)
                await _settle()
        flow.connection_lost(None)


@cache
def shared() -> Edge:
    """The one of this process: a loop is dear."""
    return Edge()


async def _settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def _is_reply(octets: bytes) -> bool:
    try:
        return not isinstance(parse_datagram(octets), Request)
    except Malformed:
        return False


def _cut(sent: list[bytes]) -> list[bytes]:
    events = [e for e in StreamFramer().feed(b"".join(sent)) if not isinstance(e, Ping)]
    for event in events:
        assert isinstance(event, Response), event
    return [event.encode() for event in events if isinstance(event, Response)]


assert SipSettings().domain == DOMAIN
