"""The one HTTP server of the process: a listener with bounds, on which doors register their routes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import structlog
from aiohttp import web

from voip_sms.net.http import problems
from voip_sms.net.http.addresses import read_listen, show_listen
from voip_sms.net.http.connection import Connection, Way
from voip_sms.net.http.direct import DirectHandler
from voip_sms.net.http.settings import HttpSettings

BODY_MOST: Final = 1024 * 1024
"""Octets of a body (`docs/contract.md`): ten thousand recipients with a long text fit."""
BODY_SECONDS: Final = 10.0
"""For a whole body to arrive: 1 MiB over a slow mobile line; who trickles is not waited for."""
_LINGER_SECONDS: Final = 2.0
"""How long the rest of a refused body is still read, so that its sender sees the answer."""
_BACKLOG: Final = 1024
"""Connections that wait to be taken: a burst of clients after a restart."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Astray = Callable[[web.Request, Exception], Awaitable[web.StreamResponse]]
"""Answers what has no route, or the wrong method, in its own way."""

log = structlog.get_logger(__name__)


class HttpServer:
    """Register routes with `add`, then `start`. What a handler raises is answered as a problem document:
    a Refusal by its code, anything unexpected as a 500 that tells nothing and is logged.
    """

    def __init__(self, settings: HttpSettings, drain: float = 10.0) -> None:
        """`drain`: seconds that `stop` waits for handlers that are at work."""
        self._settings = settings
        self._app = web.Application(client_max_size=BODY_MOST, middlewares=[self._guard])
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=drain)
        self._ways: dict[str, Way] = {}
        self._astray: dict[str, Astray] = {}
        self._listener: asyncio.Server | None = None
        self._address = ""

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Serve `method` at `path` (aiohttp's form: `/v1/messages/{id}`); before `start`."""
        self._app.router.add_route(method, path, handler)

    def add_direct(self, path: str, handler: DirectHandler, seconds: float) -> None:
        """Serve POST at `path` past aiohttp where the request is a usual one (`net/http/direct.py`).

        Before `start`. The route must be there too, for all other requests, with the same answers.
        """
        self._ways[path] = Way(handler, seconds)

    def answer_errors(self, prefix: str, answer: Astray) -> None:
        """Below `prefix`, what no handler answered is told by `answer` and not as a problem document."""
        self._astray[prefix] = answer

    @property
    def address(self) -> str:
        """Where it listens, as `127.0.0.1:41231`; '' before `start`."""
        return self._address

    async def start(self) -> str:
        """Listen; the address. OSError when that can't be (port in use, no such address)."""
        host, port = read_listen(self._settings.listen)
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._accept, host, port, backlog=_BACKLOG)
        except OSError:
            await self._runner.cleanup()
            raise
        self._address = show_listen(*self._listener.sockets[0].getsockname()[:2])
        return self._address

    async def stop(self) -> None:
        """Take no more; let running requests end, at most `drain` seconds; close every connection."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Nothing leaves here but answers: the only middleware, since every one costs each request."""
        try:
            return await handler(request)
        except ConnectionError:
            raise  # the client is gone
        except Exception as error:  # noqa: BLE001 - nothing else leaves here
            for prefix, answer in self._astray.items():
                if request.path == prefix or request.path.startswith(prefix + "/"):
                    return await answer(request, error)
            if isinstance(error, web.HTTPException):
                return _of_status(error)
            return problems.answer_to(error, request.method, _route_of(request))

    def _accept(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None or len(server.connections) >= self._settings.max_connections:
            return _Full()
        without: Any = None  # no access log: metrics count, and a line per request would cost each of them
        return Connection(
            self._ways,
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=self._settings.idle_timeout,
            lingering_time=_LINGER_SECONDS,
            access_log=without,
            logger=_QUIET,
        )


async def body_of(request: web.Request) -> bytes:
    """The whole body. 413 beyond BODY_MOST, before reading when it is announced; 408 when it trickles."""
    length = request.content_length
    if length is not None and length > BODY_MOST:
        raise web.HTTPRequestEntityTooLarge(BODY_MOST, length)
    if request.content.is_eof():  # the usual case: it came along with the head, nothing is waited for
        return await request.read()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.RequestPayloadError:
        raise web.HTTPBadRequest(text="The body breaks off or is coded wrongly") from None


def _of_status(error: web.HTTPException) -> web.Response:
    if error.status < web.HTTPBadRequest.status_code:
        raise error  # a redirect
    allow = error.headers.get("Allow")
    answer = problems.failed(error.status, {"Allow": allow} if allow else None)
    if isinstance(error, web.HTTPRequestTimeout):
        answer.force_close()
    return answer


def _route_of(request: web.Request) -> str:
    """The registered path, `/v1/messages/{id}`: what was really asked for is the customer's."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


class _Full(asyncio.Protocol):
    """One connection too many: told so, and closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        line = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        line.write(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        line.close()


class _Quiet(logging.Logger):
    """aiohttp's own words go to the structured log, without what the client wrote."""

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        del args
        log.warning("http_connection_failed", reason=str(msg), exc_info=kwargs.get("exc_info", True))


_QUIET: Final = _Quiet(__name__)
