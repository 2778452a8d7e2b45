"""Many phones at once, each on a socket of its own, that owe nothing to the product's SIP code: they register
over UDP, and take texts.
"""

import asyncio
import hashlib
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Self, cast

DOMAIN: Final = "sms.test"
T1: Final = 0.5
TIMER_F: Final = 32.0
_BRANCH: Final = re.compile(r"branch=(z9hG4bK[^;\s,]+)")
_NONCE: Final = re.compile(
    r'^WWW-Authenticate: Digest [^\r]*nonce="([^"]+)"[^\r]*MD5', re.IGNORECASE | re.MULTILINE
)


@dataclass(slots=True)
class Got:
    """What one phone was handed: how often each Call-ID came in a transaction of its own, and the texts."""

    calls: Counter[str] = field(default_factory=Counter)
    texts: list[str] = field(default_factory=list)


class _Phone(asyncio.DatagramProtocol):
    """One user. Requests are repeated after 0.5, 1, 2, 4, 4 … s (RFC 3261 17.1.2.2)."""

    def __init__(self, user: str, password: str) -> None:
        self.user, self.got = user, Got()
        self._password = password
        self._transport: asyncio.DatagramTransport | None = None
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._taken: dict[str, bytes] = {}
        self._cseq = 0
        self._call_id = secrets.token_hex(8)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens yet: it is sent again."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        text = data.decode()
        branch = _BRANCH.search(text)
        if branch is None:
            return
        if text.startswith("SIP/2.0"):
            waiting = self._answers.get(branch[1])
            if waiting is not None and not waiting.done():
                waiting.set_result(text)
        elif text.startswith("MESSAGE"):
            self._take(branch[1], text)

    def _take(self, branch: str, text: str) -> None:
        if branch not in self._taken:
            head, _, body = text.partition("\r\n\r\n")
            kept = [
                line
                for line in head.split("\r\n")
                if line.lower().startswith(("via", "from", "call-id", "cseq"))
            ]
            to = next(line for line in head.split("\r\n") if line.lower().startswith("to:"))
            lines = ["SIP/2.0 200 OK", *kept, f"{to};tag=fleet", "Content-Length: 0", "", ""]
            self._taken[branch] = "\r\n".join(lines).encode()
            call_id = next(line for line in kept if line.lower().startswith("call-id"))
            self.got.calls[call_id.partition(":")[2].strip()] += 1
            self.got.texts.append(body)
        self._send(self._taken[branch])

    def _send(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(octets)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def register(self, expires: int = 300) -> float:
        """Seconds until the 200; `expires` 0 leaves. TimeoutError when a transaction has no end, RuntimeError for a refusal."""
        began = time.monotonic()
        answer = await self._request("", expires)
        if answer.startswith("SIP/2.0 401"):
            answer = await self._request(self._credentials(answer), expires)
        if not answer.startswith("SIP/2.0 200"):
            raise RuntimeError(answer.partition("\r\n")[0])
        return time.monotonic() - began

    def _credentials(self, answer: str) -> str:
        nonce = _NONCE.search(answer)
        assert nonce, answer
        uri = f"sip:{DOMAIN}"
        ha1, ha2 = _md5(f"{self.user}:{DOMAIN}:{self._password}"), _md5(f"REGISTER:{uri}")
        proof = _md5(f"{ha1}:{nonce[1]}:00000001:c:auth:{ha2}")
        return (
            f'Authorization: Digest username="{self.user}", realm="{DOMAIN}", nonce="{nonce[1]}", uri="{uri}",'
            f' response="{proof}", algorithm=MD5, cnonce="c", nc=00000001, qop=auth\r\n'
        )

    async def _request(self, credentials: str, expires: int) -> str:
        assert self._transport is not None
        self._cseq += 1
        host, port = self._transport.get_extra_info("sockname")
        branch = "z9hG4bK" + secrets.token_hex(8)
        octets = (
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};rport;branch={branch}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@{DOMAIN}>;tag=f\r\nTo: <sip:{self.user}@{DOMAIN}>\r\n"
            f"Call-ID: {self._call_id}\r\nCSeq: {self._cseq} REGISTER\r\n"
            f"Contact: <sip:{self.user}@{host}:{port}>\r\nExpires: {expires}\r\n{credentials}Content-Length: 0\r\n\r\n"
        ).encode()
        answer = self._answers[branch] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(TIMER_F):
                return await self._repeated(octets, answer)
        finally:
            del self._answers[branch]

    async def _repeated(self, octets: bytes, answer: asyncio.Future[str]) -> str:
        pause = T1
        while True:
            self._send(octets)
            done, _ = await asyncio.wait([answer], timeout=pause)
            if done:
                return answer.result()
            pause = min(2 * pause, 4.0)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _itself(phone: _Phone) -> _Phone:
    return phone


class Fleet:
    """`async with Fleet(port, users, password_of) as fleet`; all on 127.0.0.1, as behind one NAT."""

    def __init__(self, port: int, users: Sequence[str], password: Callable[[str], str]) -> None:
        self._port = port
        self.phones = [_Phone(user, password(user)) for user in users]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for phone in self.phones:
            await loop.create_datagram_endpoint(
                partial(_itself, phone), remote_addr=("127.0.0.1", self._port)
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        for phone in self.phones:
            phone.close()
        await asyncio.sleep(0)

    async def register(self, window: float = 0.0) -> list[float]:
        """Everybody registers, begun evenly over `window` seconds; how long each took, in order."""
        pause = window / len(self.phones)

        async def one(number: int, phone: _Phone) -> float:
            await asyncio.sleep(number * pause)
            return await phone.register()

        return sorted(await asyncio.gather(*(one(number, phone) for number, phone in enumerate(self.phones))))

    @property
    def without(self) -> int:
        """Phones that have no text yet."""
        return sum(not phone.got.texts for phone in self.phones)

    @property
    def twice(self) -> list[str]:
        """Users who were handed one message more than once."""
        return [phone.user for phone in self.phones if any(count > 1 for count in phone.got.calls.values())]
