"""A SIP phone over TLS of a few lines, in sipp's place where that speaks no TLS; owes nothing to the product."""

import asyncio
import contextlib
import hashlib
import re
import secrets
import ssl
from typing import Final, Self

from voip_sms.demo.phone import ANSWER, Inbox, Incoming, PhoneAccount, Sent
from voip_sms.demo.recorder import Recorder

Head = dict[str, str]
_COPIED: Final = ("via", "from", "call-id", "cseq")


class RawPhone(Inbox):
    """One account on one connection; `messages` keeps what came in. Requests leave one by one."""

    def __init__(self, account: PhoneAccount) -> None:
        super().__init__()
        self.account = account
        self._answers: Recorder[tuple[int, str, Head]] = Recorder()
        self._cseq = 0
        self._turn = asyncio.Lock()
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        """Connect."""
        account = self.account
        context = ssl.create_default_context(cafile=account.root_ca) if account.transport == "tls" else None
        self._stream = await asyncio.open_connection(account.host, account.port, ssl=context)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def register(self, within: float = ANSWER) -> Sent:
        """REGISTER, after the 401 with credentials."""
        if self._stream is None:
            await self.start()
        uri, own = f"sip:{self.account.domain}", f"sip:{self.account.user}@{self.account.domain}"
        async with asyncio.timeout(within):
            return await self._ask("REGISTER", uri, own, [f"Expires: {self.account.expires}"])

    async def unregister(self, within: float = ANSWER) -> Sent:
        """REGISTER with Expires: 0."""
        uri, own = f"sip:{self.account.domain}", f"sip:{self.account.user}@{self.account.domain}"
        async with asyncio.timeout(within):
            return await self._ask("REGISTER", uri, own, ["Expires: 0"])

    async def send(self, to: str, text: str, within: float = ANSWER) -> Sent:
        """Send a MESSAGE; its final answer."""
        uri = f"sip:{to}@{self.account.domain}"
        kind = ["Content-Type: text/plain;charset=UTF-8"]
        async with asyncio.timeout(within):
            return await self._ask("MESSAGE", uri, uri, kind, text.encode())

    async def close(self) -> None:
        """Hang up; the binding goes with the connection."""
        task, self._listening = self._listening, None
        stream, self._stream = self._stream, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if stream is not None:
            stream[1].close()
            with contextlib.suppress(OSError):
                await stream[1].wait_closed()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(self, method: str, uri: str, to: str, headers: list[str], body: bytes = b"") -> Sent:
        call = secrets.token_hex(8)
        async with self._turn:
            status, reason, head = await self._round(method, uri, to, [f"Call-ID: {call}", *headers], body)
            if status == 401:
                proof = self._proof(method, uri, head["www-authenticate"])
                status, reason, head = await self._round(
                    method, uri, to, [f"Call-ID: {call}", *headers, f"Authorization: {proof}"], body
                )
        return Sent(status, reason)

    async def _round(
        self, method: str, uri: str, to: str, headers: list[str], body: bytes
    ) -> tuple[int, str, Head]:
        assert self._stream is not None
        account, seen = self.account, len(self._answers)
        here = "{}:{}".format(*self._stream[1].get_extra_info("sockname"))
        self._cseq += 1
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{account.transport.upper()} {here};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{account.user}@{account.domain}>;tag={secrets.token_hex(4)}",
            f"To: <{to}>",
            f"CSeq: {self._cseq} {method}",
            f"Contact: <sip:{account.user}@{here};transport={account.transport}>",
            *headers,
            f"Content-Length: {len(body)}",
        ]
        self._stream[1].write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return await self._answers.first(lambda one: one[0] >= 200, ANSWER, after=seen)

    def _proof(self, method: str, uri: str, challenge: str) -> str:
        """MD5 with qop=auth (RFC 7616 3.4.1)."""
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        own = secrets.token_hex(8)
        account = self.account
        ha1 = _md5(f"{account.user}:{given['realm']}:{account.password}")
        answer = _md5(f"{ha1}:{given['nonce']}:00000001:{own}:auth:{_md5(f'{method}:{uri}')}")
        return (
            f'Digest username="{account.user}", realm="{given["realm"]}", nonce="{given["nonce"]}", '
            f'uri="{uri}", response="{answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{own}"'
        )

    async def _listen(self) -> None:
        assert self._stream is not None
        reader, writer = self._stream
        while True:
            octets = await reader.readuntil(b"\r\n\r\n")
            first, *lines = octets.decode().strip("\r\n").split("\r\n")
            if not first:  # a keep-alive
                continue
            headers = [
                (name.strip(), value.strip()) for name, _, value in (one.partition(":") for one in lines)
            ]
            head = {name.lower(): value for name, value in reversed(headers)}  # the first of a name stays
            body = await reader.readexactly(int(head.get("content-length", "0")))
            if first.startswith("SIP/2.0 "):
                _, status, reason = first.split(" ", 2)
                self._answers.add((int(status), reason, head))
                continue
            copied = "".join(f"{name}: {value}\r\n" for name, value in headers if name.lower() in _COPIED)
            to = f"To: {head['to']};tag={secrets.token_hex(4)}\r\n"
            writer.write(f"SIP/2.0 200 OK\r\n{copied}{to}Content-Length: 0\r\n\r\n".encode())
            if first.startswith("MESSAGE "):
                self.messages.add(
                    Incoming(
                        sender=head.get("from", ""),
                        to=head.get("to", ""),
                        contact=head.get("contact", ""),
                        body=body.decode(),
                        content_type=head.get("content-type", ""),
                        headers=tuple(headers),
                    )
                )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
