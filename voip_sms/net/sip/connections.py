"""Every TCP and TLS connection of the process: who may stay, who goes first, which are made by us."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from voip_sms.core.sites import site_of
from voip_sms.net.sip.flows import TcpFlow, TlsFlow
from voip_sms.net.sip.strangers import Rarely
from voip_sms.net.sip.tls import TlsContexts, TlsLayer
from voip_sms.net.sip.traffic import Address, Path, Target
from voip_sms.net.sip.transports import Sink, numbered, resolve
from voip_sms.wire.sip.messages import Malformed, Message

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT: Final = 4.0
"""Seconds to open a connection: a phone on this network answers in one or it isn't there."""
MAX_CONNECTIONS: Final = 4096
MAX_CONNECTIONS_PER_SITE: Final = 512
"""Connections in all; and those from one address (IPv6: one /64) on which nobody has proven who they are."""
BACKLOG: Final = 1024
"""Connections that wait to be taken: phones that all come back after a restart."""
SWEEP: Final = 0.5
"""Seconds between looks at the deadlines of connections."""
CLOSING: Final = 1.0
"""Seconds that connections get to take their last replies when the endpoint closes."""


class Connections:
    """The table. When it is full, the oldest connection of somebody unknown makes room for a new one."""

    def __init__(
        self,
        sink: Sink,
        *,
        clock: Callable[[], float],
        run: str,
        stats: Counter[str],
        tls: TlsContexts | None,
        most: int = MAX_CONNECTIONS,
    ) -> None:
        """`run` is unguessable and this process's own: an earlier one's names of connections mean nothing."""
        self._sink = sink
        self._clock = clock
        self._stats = stats
        self._tls = tls
        self._most = most
        self._names = numbered(run)
        self._servers: list[asyncio.Server] = []
        self._flows: dict[str, TcpFlow] = {}
        self._unknown: dict[str, TcpFlow] = {}
        self._per_site: Counter[str] = Counter()
        self._made: dict[tuple[str, Address], str] = {}
        self._rarely = Rarely(clock)
        self._watchers: list[Callable[[str], None]] = []
        self._swept = 0.0
        self._closing = False
        self._none = asyncio.Event()
        self._none.set()

    def on_lost(self, watcher: Callable[[str], None]) -> None:
        """Call `watcher` with a connection's name when it is gone."""
        self._watchers.append(watcher)

    def get(self, name: str) -> TcpFlow | None:
        """The live connection of that name."""
        flow = self._flows.get(name)
        return flow if flow is not None and flow.alive else None

    def trust(self, name: str) -> None:
        """Whoever is on this connection has proven who it is: it may stay idle, and makes room for nobody."""
        flow = self._unknown.get(name)
        if flow is not None:
            self._not_unknown(flow)
            flow.proven = True

    def _not_unknown(self, flow: TcpFlow) -> bool:
        """Whether it was until now."""
        if self._unknown.pop(flow.flow, None) is None:
            return False
        site = site_of(flow.source[0])
        self._per_site[site] -= 1
        if not self._per_site[site]:
            del self._per_site[site]
        return True

    async def listen(self, transport: str, host: str, port: int) -> Address:
        """Open a listener on a numeric host; where it is."""
        make = self._accept_tls if transport == "tls" else self._accept_tcp
        loop = asyncio.get_running_loop()
        server = await loop.create_server(make, host, port, backlog=BACKLOG)
        self._servers.append(server)
        name = server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    def _accept_tcp(self) -> TcpFlow:
        return TcpFlow(f"tcp-{next(self._names)}", self, self._clock)

    def _accept_tls(self) -> TlsFlow:
        assert self._tls is not None, "a TLS listener needs a certificate"
        return self._with_tls(TlsLayer(self._tls.server, server_side=True))

    def _with_tls(self, layer: TlsLayer) -> TlsFlow:
        return TlsFlow(f"tls-{next(self._names)}", self, self._clock, layer)

    # --- out ----------------------------------------------------------------------------------------------

    async def reach(self, target: Target) -> TcpFlow | None:
        """The connection named by `target`, or else the one we made to its host and port, or a new one."""
        if target.flow:
            return self.get(target.flow)
        try:
            where = await resolve(target.host, target.port), target.port
        except OSError:
            return None
        made = self.get(self._made.get((target.transport, where), ""))
        if made is not None:
            return made
        flow = await self._connect(target, where)
        if flow is not None:
            self._made[target.transport, where] = flow.flow
            self.trust(flow.flow)
        return flow

    async def _connect(self, target: Target, where: Address) -> TcpFlow | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                if target.transport != "tls":
                    return (await loop.create_connection(self._accept_tcp, *where))[1]
                if self._tls is None:
                    return None
                layer = TlsLayer(self._tls.client, server_side=False, host=target.host.strip("[]"))
                _, flow = await loop.create_connection(lambda: self._with_tls(layer), *where)
                return flow if await flow.up else None
        except (OSError, TimeoutError):
            return None

    # --- what connections call (flows.Keeper) ---------------------------------------------------------------

    def message(self, message: Message, path: Path) -> None:
        """Passed on."""
        self._sink.message(message, path)

    def malformed(self, error: Malformed, path: Path) -> None:
        """Passed on."""
        self._sink.malformed(error, path)

    def deaf(self, host: str) -> bool:
        """Passed on."""
        return self._sink.deaf(host)

    def in_vain(self, source: Address) -> None:
        """Passed on."""
        self._sink.in_vain(source)

    def admit(self, flow: TcpFlow) -> bool:
        """Whether a new connection may stay."""
        site = site_of(flow.source[0])
        if self.deaf(flow.source[0]):
            return False
        if self._closing or self._per_site[site] >= MAX_CONNECTIONS_PER_SITE or not self._room():
            self._stats["flow_refused"] += 1
            return False
        self._flows[flow.flow] = self._unknown[flow.flow] = flow
        self._per_site[site] += 1
        self._none.clear()
        return True

    def _room(self) -> bool:
        if len(self._flows) < self._most:
            return True
        oldest = next(iter(self._unknown.values()), None)
        if oldest is None:
            return False
        self._stats["flow_evicted"] += 1
        if self._rarely.first("full"):
            log.warning("sip_connections_full", most=self._most, known=len(self._flows) - len(self._unknown))
        self._forget(oldest)
        oldest.abort()
        return True

    def tls_failed(self, flow: TcpFlow, why: str) -> None:
        """A phone that doesn't trust our certificate says so here, as `…ALERT_UNKNOWN_CA`; told once."""
        self._stats["tls_failed"] += 1
        if self._rarely.first("tls", site_of(flow.source[0]), why):
            log.info("sip_tls_failed", peer=flow.source[0], why=why)

    def lost(self, flow: TcpFlow) -> None:
        """A connection is gone."""
        self._forget(flow)

    def _forget(self, flow: TcpFlow) -> None:
        if self._flows.pop(flow.flow, None) is None:
            return
        if self._not_unknown(flow) and not self._closing:
            self._sink.in_vain(flow.source)
        if not self._flows:
            self._none.set()
        key = flow.transport, flow.source
        if self._made.get(key) == flow.flow:
            del self._made[key]
        for watcher in self._watchers:
            watcher(flow.flow)

    # --- life -----------------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Cut what is overdue, and look whether the certificate was renewed; call it often."""
        now = self._clock()
        if now - self._swept < SWEEP:
            return
        self._swept = now
        if self._tls is not None:
            self._tls.refresh()
        for flow in [flow for flow in self._flows.values() if flow.overdue(now)]:
            self._stats["flow_overdue"] += 1
            flow.abort()

    def refuse_new(self) -> None:
        """Take no more connections."""
        self._closing = True
        for server in self._servers:
            server.close()

    async def close(self) -> None:
        """End every connection; what waits to be written gets `CLOSING` seconds."""
        self.refuse_new()
        for flow in list(self._flows.values()):
            flow.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), CLOSING)
        for flow in list(self._flows.values()):
            flow.abort()
