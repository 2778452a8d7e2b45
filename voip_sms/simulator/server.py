"""The simulator as a whole: an SMPP listener and an HTTP listener over one message centre."""

import asyncio
import contextlib
import itertools
from typing import Final

import structlog
from aiohttp import web

from voip_sms.core.clock import Clock
from voip_sms.simulator.centre import MessageCentre
from voip_sms.simulator.http import application
from voip_sms.simulator.session import Session
from voip_sms.simulator.settings import SimulatorSettings, endpoint

log = structlog.get_logger(__name__)

# Seconds between looks at what has timed out.
_TICK: Final = 1.0
# Seconds that peers may take to answer our unbind when we stop.
_UNBIND_TIME: Final = 2.0
# Seconds that HTTP requests may take to end when we stop.
_HTTP_SHUTDOWN: Final = 2.0
# Connections that wait to be accepted; a service reconnects a handful at once.
_BACKLOG: Final = 128


class Simulator:
    """Runs in its own process (`voip-sms smsc`) or inside `serve`; all of it on one loop.

    `start` raises OSError when it can't listen, with errno EADDRINUSE for a port in use.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connections = itertools.count(1)
        self._smpp: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None
        self.centre = MessageCentre(settings, clock)

    @property
    def smpp_address(self) -> str | None:
        """`host:port` of the SMPP server; None while it is off."""
        return _shown(self._smpp.sockets[0].getsockname()) if self._smpp and self._smpp.sockets else None

    @property
    def http_address(self) -> str | None:
        """`host:port` of the HTTP API; None while it is off."""
        return _shown(self._runner.addresses[0]) if self._runner and self._runner.addresses else None

    async def start(self) -> None:
        """Open the listeners whose addresses aren't empty."""
        try:
            if self._settings.smpp:
                await self._start_smpp(*endpoint(self._settings.smpp))
            if self._settings.http:
                await self._start_http(*endpoint(self._settings.http))
        except BaseException:
            await self.stop()
            raise
        self._ticking = asyncio.create_task(self._tick())
        log.info("simulator_up", smpp=self.smpp_address, http=self.http_address)

    async def stop(self) -> None:
        """Close the listeners, unbind the sessions, forget everything that waits. May be called twice."""
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
            self._ticking = None
        if self._smpp is not None:
            self._smpp.close()
            await self._close_sessions()
            self._smpp = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.centre.deliveries.stop()

    async def _start_smpp(self, host: str, port: int) -> None:
        def session() -> Session:
            return Session(next(self._connections), self.centre)

        loop = asyncio.get_running_loop()
        self._smpp = await loop.create_server(session, host, port, backlog=_BACKLOG)

    async def _start_http(self, host: str, port: int) -> None:
        self._runner = web.AppRunner(
            application(self.centre), access_log=None, shutdown_timeout=_HTTP_SHUTDOWN
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def _close_sessions(self) -> None:
        for session in tuple(self.centre.sessions):
            session.unbind()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_UNBIND_TIME):
                await self.centre.deserted()
        for session in tuple(self.centre.sessions):
            session.abort()
        await asyncio.sleep(0)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK)
            for session in tuple(self.centre.sessions):
                session.tick(loop.time())


def _shown(name: tuple[str, int]) -> str:
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
