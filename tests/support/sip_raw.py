"""A SIP peer that does exactly what the test says: sends octets, shows what comes back, never repeats itself."""

import asyncio
import itertools
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Self

from voip_sms.wire.sip.digest import answer, parse_challenge
from voip_sms.wire.sip.framing import Broken, Flawed, Ping, StreamFramer
from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.messages import Request, Response, parse_datagram
from voip_sms.wire.sip.rules import reply_headers

WAIT = 5.0  # seconds for what must come
QUIET = 0.3  # seconds for what must not

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; `via` and `call_id` are new for each unless given."""

    method: str = "MESSAGE"
    uri: str = "sip:601123456@sms.test"
    body: str | bytes = "hello"
    sender: str = "<sip:101@sms.test>;tag=f1"
    to: str = ""
    via: str = "127.0.0.1"
    call_id: str = ""
    cseq: int = 1
    headers: tuple[str, ...] = ()
    number: int = field(default_factory=lambda: next(_numbers))

    def octets(self, transport: str = "UDP") -> bytes:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        via = (
            self.via
            if "/" in self.via
            else f"SIP/2.0/{transport} {self.via};branch=z9hG4bK-{self.number}-{self.cseq};rport"
        )
        lines = [
            f"{self.method} {self.uri} SIP/2.0",
            f"Via: {via}",
            "Max-Forwards: 70",
            f"From: {self.sender}",
            f"To: {self.to or f'<{self.uri}>'}",
            f"Call-ID: {self.call_id or f'call-{self.number}'}",
            f"CSeq: {self.cseq} {self.method}",
            *self.headers,
        ]
        if body:
            lines += (
                []
                if any(h.lower().startswith("content-type") for h in self.headers)
                else ["Content-Type: text/plain"]
            )
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def authorized(
    ask: Ask, challenge: Response, user: str, password: str, *, which: int = 0, count: int = 1
) -> Ask:
    """The same request again, next CSeq, with credentials for one of the challenges of `challenge`."""
    value = parse_challenge(challenge.headers.all("www-authenticate")[which])
    proof = answer(value, ask.method, ask.uri, user, password, cnonce=f"c{ask.number}", count=count)
    headers = (*(h for h in ask.headers if not h.startswith("Authorization")), f"Authorization: {proof}")
    return replace(ask, cseq=ask.cseq + 1, headers=headers)


class _Peer(ABC):
    """What a peer does with whole messages, over whatever transport."""

    @abstractmethod
    def send(self, what: Ask | Request | Response | bytes) -> None: ...

    @abstractmethod
    async def get(self) -> Request | Response:
        """The next one; TimeoutError when none comes."""

    async def reply(self) -> Response:
        message = await self.get()
        assert isinstance(message, Response), message
        return message

    async def request(self) -> Request:
        message = await self.get()
        assert isinstance(message, Request), message
        return message

    async def ask(self, ask: Ask) -> Response:
        self.send(ask)
        return await self.reply()


class _Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.queue.put_nowait(data)


class RawUdp(_Peer):
    """`async with RawUdp(host, port) as peer`."""

    transport = "UDP"

    def __init__(self, host: str, port: int, local: str = "") -> None:
        """`local`: an address of loopback other than the usual one."""
        self._to = (host, port)
        self._local = local or ("::1" if ":" in host else "127.0.0.1")
        self._inbox = _Inbox()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        made = await loop.create_datagram_endpoint(lambda: self._inbox, local_addr=(self._local, 0))
        self._socket = made[0]
        self.address: tuple[str, int] = self._socket.get_extra_info("sockname")[:2]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._socket.close()
        await asyncio.sleep(0)

    def send(self, what: Ask | Request | Response | bytes, to: tuple[str, int] | None = None) -> None:
        self._socket.sendto(_octets(what, self.transport), to or self._to)

    async def octets(self) -> bytes:
        return await asyncio.wait_for(self._inbox.queue.get(), WAIT)

    async def get(self) -> Request | Response:
        return parse_datagram(await self.octets())

    def drain(self) -> int:
        """Forget what came; how many datagrams that were."""
        number = self._inbox.queue.qsize()
        for _ in range(number):
            self._inbox.queue.get_nowait()
        return number

    async def quiet(self, seconds: float = QUIET) -> bool:
        """Whether nothing came."""
        try:
            await asyncio.wait_for(self._inbox.queue.get(), seconds)
        except TimeoutError:
            return True
        return False


class RawTcp(_Peer):
    """`async with RawTcp(host, port) as peer`."""

    transport = "TCP"

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._framer = StreamFramer()
        self._ready: list[Request | Response] = []

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(*self._to)
        self.address: tuple[str, int] = self.writer.get_extra_info("sockname")[:2]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def send(self, what: Ask | Request | Response | bytes) -> None:
        self.writer.write(_octets(what, self.transport))

    async def get(self) -> Request | Response:
        while not self._ready:
            data = await asyncio.wait_for(self.reader.read(65536), WAIT)
            assert data, "closed by the other side"
            for event in self._framer.feed(data):
                assert not isinstance(event, Ping | Flawed | Broken), event
                self._ready.append(event)
        return self._ready.pop(0)

    async def closed(self) -> bool:
        """Whether the other side closed, in time, without a further octet."""
        try:
            return await asyncio.wait_for(self.reader.read(1), WAIT) == b""
        except ConnectionError:
            return True


def _octets(what: Ask | Request | Response | bytes, transport: str) -> bytes:
    if isinstance(what, bytes):
        return what
    return what.octets(transport) if isinstance(what, Ask) else what.encode()


def ok_to(request: Request, status: int = 200, reason: str = "OK") -> Response:
    """A reply to a request that the service sent."""

    return Response(status, reason, Headers(reply_headers(request, "peer")))
