"""A small SIP phone of our own with the calls of `demo/phone.py`, for machines that have no PJSIP."""

import asyncio
import contextlib
import secrets
import socket
from dataclasses import replace
from typing import Final, Self

from voip_sms.demo.phone import ANSWER, CLOSE, Inbox, Incoming, PhoneAccount, PhoneFailedError, Sent
from voip_sms.net.sip import traffic
from voip_sms.net.sip.endpoint import Endpoint, Listen
from voip_sms.net.sip.traffic import Ending, Outgoing, Reply, Result, Target
from voip_sms.net.tls import TlsContexts, TlsFiles
from voip_sms.wire.sip import digest
from voip_sms.wire.sip.content import decode_text
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.timers import TIMER_F

LOOPBACK: Final = "127.0.0.1"
AGENT: Final = "voip-sms phone (own)"
# The same number must be free for UDP and TCP: a second try is rarely needed, a tenth never.
PORT_TRIES: Final = 10
# One challenge is usual, a second says that the nonce went stale in between.
CHALLENGES: Final = 2
UNAUTHORIZED: Final = 401
OK: Final = 200
_ENDINGS: Final = {
    Ending.TIMEOUT: Sent(408, "Request Timeout"),
    Ending.UNREACHABLE: Sent(0, "unreachable"),
    Ending.TOO_LARGE: Sent(0, "too large for UDP"),
}


class SoftPhone(Inbox):
    """One phone with one account. Every call is bounded; `messages` keeps what came in."""

    def __init__(self, account: PhoneAccount) -> None:
        super().__init__()
        self.account = account
        self.address = ""
        self._endpoint: Endpoint | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._tag = secrets.token_hex(8)
        self._registration = secrets.token_hex(16)
        self._cseq = 0

    async def start(self) -> Self:
        """Open its sockets: it has an address of its own then, and takes messages."""
        host = LOOPBACK if self.account.host == LOOPBACK else _own_address(self.account)
        trust = TlsContexts(TlsFiles(ca=self.account.root_ca)) if self.account.transport == "tls" else None
        for _ in range(PORT_TRIES):
            port = _free_port(host)
            endpoint = Endpoint(key=secrets.token_bytes(32), new_id=_token, agent=AGENT, tls=trust)
            endpoint.handle("MESSAGE", self._take)
            try:
                await endpoint.start([Listen("udp", host, port), Listen("tcp", host, port)])
            except OSError:
                continue
            self._endpoint, self.address = endpoint, f"{host}:{port}"
            return self
        raise PhoneFailedError("no port is free for UDP and TCP alike")

    async def register(self, within: float = ANSWER) -> Sent:
        """REGISTER and wait for the final answer (after the 401); repeated at half time. Starts first."""
        if self._endpoint is None:
            await self.start()
        answer = await self._register(self.account.expires, within)
        if answer.status == OK and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
        return answer

    async def unregister(self, within: float = ANSWER) -> Sent:
        """REGISTER with Expires: 0."""
        await self._stop_refreshing()
        return await self._register(0, within)

    async def send(self, to: str, text: str, within: float = ANSWER) -> Sent:
        """Send a MESSAGE to a number as typed, or to a URI; its final answer."""
        uri = to if to.startswith(("sip:", "sips:", "tel:")) else f"sip:{to}@{self.account.domain}"
        headers = (("content-type", "text/plain;charset=UTF-8"),)
        outgoing = self._outgoing("MESSAGE", uri, f"<{uri}>", headers)
        return await self._ask(replace(outgoing, call_id=_token(), body=text.encode()), within)

    async def close(self) -> None:
        """Hang up for good, with a REGISTER that removes the binding."""
        if self._endpoint is not None and self._refreshing is not None:
            with contextlib.suppress(TimeoutError, PhoneFailedError):
                await self.unregister(CLOSE)
        await self.kill()

    async def kill(self) -> None:
        """Cut the power: no goodbye, the binding stays with the registrar."""
        await self._stop_refreshing()
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            await endpoint.close(0)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- in ---

    def _take(self, incoming: traffic.Incoming) -> Reply:
        request = incoming.read.request
        self.messages.add(
            Incoming(
                sender=request.headers.get("from"),
                to=request.headers.get("to"),
                contact=request.headers.get("contact"),
                body=decode_text(request.body, "utf-8").text,
                content_type=request.headers.get("content-type"),
                headers=tuple(request.headers),
            )
        )
        return Reply(OK)

    # --- out ---

    async def _register(self, expires: int, within: float) -> Sent:
        account = self.account
        over = "" if account.transport == "udp" else f";transport={account.transport}"
        headers = (("contact", f"<sip:{account.user}@{self.address}{over}>"), ("expires", str(expires)))
        recipient = f"<sip:{account.user}@{account.domain}>"
        outgoing = self._outgoing("REGISTER", f"sip:{account.domain}", recipient, headers)
        return await self._ask(outgoing, within)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self.account.expires / 2)
            with contextlib.suppress(TimeoutError, PhoneFailedError):
                await self._register(self.account.expires, ANSWER)

    async def _stop_refreshing(self) -> None:
        task, self._refreshing = self._refreshing, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _outgoing(
        self, method: str, uri: str, recipient: str, headers: tuple[tuple[str, str], ...]
    ) -> Outgoing:
        account = self.account
        sender = f"<sip:{account.user}@{account.domain}>;tag={self._tag}"
        target = Target(account.transport, account.host, account.port)
        return Outgoing(method, uri, sender, recipient, self._registration, 0, target, headers)

    async def _ask(self, outgoing: Outgoing, within: float) -> Sent:
        """The final answer, after as many challenges as there are; TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            result = await self._send(outgoing)
            for _ in range(CHALLENGES):
                if result.status != UNAUTHORIZED:
                    break
                try:
                    proof = self._proof(result, outgoing)
                except GrammarError:
                    break
                result = await self._send(replace(outgoing, headers=(*outgoing.headers, proof)))
        return _ENDINGS.get(result.ending) or Sent(result.status, result.reason)

    async def _send(self, outgoing: Outgoing) -> Result:
        if self._endpoint is None:
            raise PhoneFailedError("the phone is not running")
        self._cseq += 1
        numbered = replace(outgoing, cseq=self._cseq, timeout=TIMER_F)
        result = await self._endpoint.send(numbered)
        if result.ending is Ending.TOO_LARGE:  # RFC 3261 18.1.1: over to TCP
            result = await self._endpoint.send(
                replace(numbered, target=replace(numbered.target, transport="tcp"))
            )
        return result

    def _proof(self, result: Result, outgoing: Outgoing) -> tuple[str, str]:
        """The Authorization header that answers the first challenge; GrammarError if it is none of ours."""
        challenge = digest.parse_challenge(result.headers.get("www-authenticate"))
        user, password = self.account.user, self.account.password
        answer = digest.answer(
            challenge, outgoing.method, outgoing.uri, user, password, cnonce=secrets.token_hex(8)
        )
        return "authorization", str(answer)


def _token() -> str:
    return secrets.token_hex(16)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _own_address(account: PhoneAccount) -> str:
    """Our address on the way to the registrar; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((account.host, account.port))
        return str(probe.getsockname()[0])
