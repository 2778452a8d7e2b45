"""The process's one SIP endpoint: listeners, connections and transactions, with handlers per method."""

import asyncio
import hashlib
import hmac
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from voip_sms.core.sites import site_of
from voip_sms.net.sip.client import ClientTransactions
from voip_sms.net.sip.connections import MAX_CONNECTIONS, Connections
from voip_sms.net.sip.server import HANDLER_DEADLINE, RETRY_AFTER, ServerTransactions, unavailable
from voip_sms.net.sip.strangers import SHUNNED, Rarely, Strangers
from voip_sms.net.sip.tls import TlsContexts
from voip_sms.net.sip.traffic import Address, Ending, Handler, Incoming, Outgoing, Path, Reply, Result, Target
from voip_sms.net.sip.transports import PING, UdpListener, joined, resolve, udp_socket
from voip_sms.wire.sip.content import ACCEPT, ACCEPT_ENCODING
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.messages import Malformed, Message, Request
from voip_sms.wire.sip.rules import METHODS, Refused, read, top_via
from voip_sms.wire.sip.statuses import reason

log = structlog.get_logger(__name__)

SWEEP: Final = 0.2
"""Seconds between looks at deadlines: they are then met to a fifth of a second."""
_ENDING: Final = frozenset({"BYE", "CANCEL"})
_SHOWN: Final = 20
"""Characters of a method that the log shows."""
_TAG_OCTETS: Final = 8


@dataclass(frozen=True, slots=True)
class Listen:
    """One listener to open; port 0 picks a free one."""

    transport: str
    host: str
    port: int


class Endpoint:
    """Register handlers, `start`, `send`, `close`. Everything runs on one event loop.

    `key` (secret, stable over restarts) makes To-tags; `new_id` gives unguessable tokens of at least 16
    characters; `agent` is shown in Server and User-Agent. `tls` is needed to listen on `tls`, and to connect.
    """

    def __init__(
        self,
        *,
        key: bytes,
        new_id: Callable[[], str],
        agent: str = "voip-sms",
        deadline: float = HANDLER_DEADLINE,
        tls: TlsContexts | None = None,
        connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.stats: Counter[str] = Counter()
        self._key = key
        self._handlers: dict[str, Handler] = {}
        self._server = ServerTransactions(
            clock=self._now, tag=self._tag, stats=self.stats, server=agent, deadline=deadline
        )
        self._client = ClientTransactions(new_id=new_id, stats=self.stats, agent=agent)
        self._connections = Connections(
            self, clock=self._now, run=new_id()[:12], stats=self.stats, tls=tls, most=connections
        )
        self._connections.on_lost(self._client.lost)
        self._strangers = Strangers(self._now)
        self._rarely = Rarely(self._now)
        self._udp: list[UdpListener] = []
        self._sweeper: asyncio.Task[None] | None = None
        self._closing = False

    # --- for doors, forwards and carriers ---------------------------------------------------------------

    def handle(self, method: str, handler: Handler) -> None:
        """Serve `method` with `handler`; one per method."""
        assert method not in self._handlers, method
        self._handlers[method] = handler

    def on_flow_lost(self, watcher: Callable[[str], None]) -> None:
        """Call `watcher` with a connection's name when it is gone."""
        self._connections.on_lost(watcher)

    def trust(self, flow: str) -> None:
        """Whoever sent over `flow` (from Incoming) has proven who it is; for UDP that changes nothing."""
        self._connections.trust(flow)

    def spare(self, known: Callable[[str], bool]) -> None:
        """Always listen to addresses of which `known` says that somebody we know is there."""
        self._strangers.spare(known)

    def flow_alive(self, flow: str) -> bool:
        """Whether `flow` (from Incoming) still leads somewhere; UDP does as long as its listener is open."""
        return self._connections.get(flow) is not None or any(one.name == flow for one in self._udp)

    async def send(self, outgoing: Outgoing) -> Result:
        """Send a request and wait for the end of its transaction, at most `outgoing.timeout` seconds."""
        target = outgoing.target
        if target.transport == "udp":
            return await self._send_udp(outgoing)
        flow = await self._connections.reach(target)
        if flow is None or not flow.alive:
            return Result(Ending.UNREACHABLE)
        via = f"{flow.transport.upper()} {joined(flow.local)}"
        return await self._client.run(outgoing, via, flow.flow, flow.send, reliable=True)

    def keep_alive(self, target: Target) -> None:
        """Send an empty line pair so that NATs on the way keep their mapping (RFC 5626 3.5.1)."""
        if target.transport == "udp":
            listener = self._udp_for(target)
            if listener is not None:
                listener.send(PING, (target.host, target.port))
        elif (flow := self._connections.get(target.flow)) is not None:
            flow.ping()

    # --- life -------------------------------------------------------------------------------------------

    async def start(self, listeners: Sequence[Listen]) -> list[Listen]:
        """Open the listeners; what was bound, in order. OSError when one can't be; none stays open then."""
        bound: list[Listen] = []
        try:
            for listen in listeners:
                address = await self._open(listen)
                bound.append(Listen(listen.transport, *address))
        except BaseException:
            await self.close(0)
            raise
        self._sweeper = asyncio.create_task(self._sweep())
        return bound

    def refuse_new(self) -> None:
        """Answer new requests with 503 from now on; what is under way, and our own requests, go on."""
        self._closing = True
        self._connections.refuse_new()

    async def close(self, drain: float = 5.0) -> None:
        """`refuse_new`, wait up to `drain` seconds for handlers, then close every socket."""
        self.refuse_new()
        await self._server.drain(drain)
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        await self._connections.close()
        for listener in self._udp:
            listener.close()
        self._udp.clear()
        await asyncio.sleep(0)  # the loop closes sockets at its next turn: then their ports are free

    async def _open(self, listen: Listen) -> Address:
        host = await resolve(listen.host, listen.port)
        if listen.transport != "udp":
            return await self._connections.listen(listen.transport, host, listen.port)
        listener = UdpListener(f"udp{len(self._udp)}", self)
        sock = udp_socket(host, listen.port)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: listener, sock=sock)
        self._udp.append(listener)
        return listener.address

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self._server.sweep()
            self._connections.sweep()

    # --- what sockets call (transports.Sink) --------------------------------------------------------------

    def deaf(self, host: str) -> bool:
        """Whether what comes from `host` isn't even read."""
        if not self._strangers.shunned(site_of(host)):
            return False
        self.stats["shunned"] += 1
        return True

    def in_vain(self, source: Address) -> None:
        """What came was of no use to anybody; beyond a rate its source isn't heard for a while."""
        site = site_of(source[0])
        if self._strangers.charge(site) and self._rarely.first("shunned", site):
            log.warning("sip_flood", source=site, seconds=SHUNNED)

    def message(self, message: Message, path: Path) -> None:
        """A whole message came in."""
        if isinstance(message, Request):
            self._request(message, path)
        elif not self._client.receive(message):
            self.in_vain(path.source)

    def malformed(self, error: Malformed, path: Path) -> None:
        """Octets that are no message; answered where that is possible and allowed."""
        self.stats["malformed"] += 1
        self.in_vain(path.source)
        request = error.request
        if request is None or request.method == "ACK":
            return
        with suppress(GrammarError, ValueError):
            phrase = f"{reason(error.status)} ({error.reason})"
            self._server.refuse(request, path, top_via(request.headers), Reply(error.status, phrase))

    # --- requests in --------------------------------------------------------------------------------------

    def _request(self, request: Request, path: Path) -> None:
        self.stats["requests"] += 1
        if request.method == "ACK":  # ends an INVITE that we refused; it is never answered
            return
        try:
            via = top_via(request.headers)
        except GrammarError:
            self.stats["malformed"] += 1
            self.in_vain(path.source)
            return
        transaction = self._server.open(request, via, path)
        if transaction is None:
            return
        result = self._dispatch(request, path)
        if isinstance(result, Reply):
            self._server.answer(transaction, result)
            if not result.keep:
                self.in_vain(path.source)
        elif result is not None:
            self._server.run(transaction, result)
        else:
            self.in_vain(path.source)

    def _dispatch(self, request: Request, path: Path) -> Reply | Awaitable[Reply | None] | None:
        try:
            incoming = Incoming(read(request), path.transport, path.source, path.flow)
        except Refused as refused:
            refusal = refused.refusal
            return Reply(refusal.status, refusal.reason, refusal.headers, keep=False)
        if self._closing:
            return unavailable()
        handler = self._handlers.get(request.method)
        if handler is None:
            return self._unhandled(request.method, path)
        try:
            return handler(incoming)
        except Exception:
            log.exception("sip_handler_failed", method=request.method)
            return Reply(500, headers=(("retry-after", str(RETRY_AFTER)),), keep=False)

    def _unhandled(self, method: str, path: Path) -> Reply:
        """OPTIONS is answered; outside of a call there is nothing to cancel or end (RFC 3261 9.2, 15.1.2).

        A method that is known but not served is 405, any other 501 (8.2.1, 21.5.2).
        """
        allow = ("allow", ", ".join(sorted({*self._handlers, "OPTIONS"})))
        if method == "OPTIONS":
            accept = ("accept", ", ".join(ACCEPT))
            return Reply(
                200, headers=(allow, accept, ("accept-encoding", ", ".join(ACCEPT_ENCODING))), keep=False
            )
        site = site_of(path.source[0])
        if self._rarely.first("method", site):
            log.info("sip_method_not_served", source=site, method=ascii(method[:_SHOWN])[1:-1])
        if method in _ENDING:
            return Reply(481, keep=False)
        return Reply(405 if method in METHODS else 501, headers=(allow,), keep=False)

    # --- requests out -------------------------------------------------------------------------------------

    async def _send_udp(self, outgoing: Outgoing) -> Result:
        target = outgoing.target
        listener = self._udp_for(target)
        if listener is None:
            return Result(Ending.UNREACHABLE)
        try:
            host = await resolve(target.host, target.port)
        except OSError:
            return Result(Ending.UNREACHABLE)
        address = host, target.port
        via = f"UDP {joined(self._own_address(listener, address))}"
        return await self._client.run(
            outgoing, via, listener.name, lambda octets: listener.send(octets, address), reliable=False
        )

    def _udp_for(self, target: Target) -> UdpListener | None:
        named = [listener for listener in self._udp if listener.name == target.flow]
        family = ":" in target.host
        fitting = [listener for listener in self._udp if (":" in listener.address[0]) == family]
        return next(iter(named + fitting + self._udp), None)

    @staticmethod
    def _own_address(listener: UdpListener, address: tuple[str, int]) -> tuple[str, int]:
        """Our address as the peer sees it: a wildcard listener asks the kernel which one it would use."""
        host, port = listener.address
        if host not in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            return host, port
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.connect(address)
            return str(probe.getsockname()[0]), port
        return host, port

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _tag(self, text: str) -> str:
        mac = hmac.digest(self._key, text.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return mac[:_TAG_OCTETS].hex()
