"""A SIP client of a few lines that owes nothing to the product's SIP code: MESSAGE over UDP with MD5 digest."""

import asyncio
import hashlib
import itertools
import re
import secrets
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class SipAnswer:
    """A final response as a phone shows it; status 0: none came."""

    status: int
    reason: str = ""
    text: str = ""

    def header(self, name: str) -> str:
        """The value of a header, or ''."""
        found = re.search(rf"^{name}:[ \t]*(.*?)\r$", self.text, re.IGNORECASE | re.MULTILINE)
        return found[1] if found else ""


class SipClient(asyncio.DatagramProtocol):
    """One user on one socket. `send` retransmits like RFC 3261 17.1.2 until there is a final response."""

    def __init__(self, user: str, password: str, domain: str, longest_pause: float = 4.0) -> None:
        """`longest_pause`: seconds between retransmissions at most (T2)."""
        self.user, self.password, self.domain = user, password, domain
        self.writes_as = user
        self.display_name = ""
        self._transport: asyncio.DatagramTransport | None = None
        self._answers: dict[str, asyncio.Future[tuple[int, str]]] = {}
        self._cseq = itertools.count(1)
        self._count = itertools.count(1)
        self._challenge: tuple[str, str, int] | None = None
        self._closed = asyncio.Event()
        self._longest_pause = longest_pause

    async def open(self, port: int) -> "SipClient":
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, remote_addr=("127.0.0.1", port))
        return self

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # the loop's own is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at the moment: retransmissions go on."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        text = data.decode()
        match = re.search(r"branch=(z9hG4bK[0-9a-f]+)", text)
        if not text.startswith("SIP/2.0") or match is None:
            return
        future = self._answers.get(match[1])
        status = int(text.split(" ", 2)[1])
        if future is not None and not future.done() and status >= 200:
            future.set_result((status, text))

    async def message(self, to: str, text: str, within: float = 8.0) -> int:
        """Send one MESSAGE, answering a challenge; its final status, 0 when none came within `within` s."""
        return (await self.send(to, text, within)).status

    async def send(self, to: str, text: str, within: float = 8.0) -> SipAnswer:
        """The same, with everything that the answer says."""
        call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
        answer = SipAnswer(401)
        try:
            async with asyncio.timeout(within):
                for _ in range(3):
                    status, octets = await self._request(to, text, call_id, tag)
                    answer = SipAnswer(status, octets.split("\r\n")[0].split(" ", 2)[2], octets)
                    if status != 401:
                        return answer
                    self._take_challenge(octets)
        except TimeoutError:
            return SipAnswer(0)
        return answer

    def octets(self, data: bytes) -> None:
        """Send anything at all, and expect nothing."""
        assert self._transport is not None
        self._transport.sendto(data)

    def _take_challenge(self, answer: str) -> None:
        for line in answer.split("\r\n"):
            if line.lower().startswith("www-authenticate:") and "MD5" in line:
                found = re.search(r'nonce="([^"]+)"', line)
                realm = re.search(r'realm="([^"]+)"', line)
                assert found
                assert realm
                self._challenge = (realm[1], found[1], 0)

    async def _request(self, to: str, text: str, call_id: str, tag: str) -> tuple[int, str]:
        branch = "z9hG4bK" + secrets.token_hex(8)
        packet = self._packet(to, text, call_id, tag, branch)
        future = self._answers[branch] = asyncio.get_running_loop().create_future()
        try:
            pause = 0.5
            while True:
                assert self._transport is not None
                self._transport.sendto(packet)
                try:
                    async with asyncio.timeout(pause):
                        return await asyncio.shield(future)
                except TimeoutError:
                    pause = min(pause * 2, self._longest_pause)
        finally:
            del self._answers[branch]

    def _packet(self, to: str, text: str, call_id: str, tag: str, branch: str) -> bytes:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        uri, body = f"sip:{to}@{self.domain}", text.encode()
        lines = [
            f"MESSAGE {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch={branch}",
            "Max-Forwards: 70",
            f"From: {self.display_name}<sip:{self.writes_as}@{self.domain}>;tag={tag}",
            f"To: <{uri}>",
            f"Call-ID: {call_id}",
            f"CSeq: {next(self._cseq)} MESSAGE",
            "Content-Type: text/plain;charset=UTF-8",
            *self._authorization(uri),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def _authorization(self, uri: str) -> list[str]:
        if self._challenge is None:
            return []
        realm, nonce, used = self._challenge
        self._challenge = (realm, nonce, used + 1)
        count, own = f"{used + 1:08x}", secrets.token_hex(8)
        ha1, ha2 = _md5(f"{self.user}:{realm}:{self.password}"), _md5(f"MESSAGE:{uri}")
        response = _md5(f"{ha1}:{nonce}:{count}:{own}:auth:{ha2}")
        header = (
            f'Authorization: Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc={count}, cnonce="{own}"'
        )
        return [header]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
