"""One client's connection: the usual requests are served directly, the others by aiohttp, in one order."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.net.http import problems
from voip_sms.net.http.direct import Direct, DirectHandler, Reply, read, reply_of, written

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """What serves a path directly, and how many seconds it may take."""

    handler: DirectHandler
    seconds: float


class Connection(web.RequestHandler):
    """Serves `ways` past aiohttp until the first request that isn't usual; from then on all is aiohttp's.

    Answers to what can't be read are in our words, not with the parser's.
    """

    __slots__ = ("_held", "_plain", "_remote", "_serving", "_ways")

    def __init__(self, ways: Mapping[str, Way], manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._ways = ways
        self._plain = bool(ways)
        self._serving: asyncio.Task[None] | None = None
        self._held = b""  # what came while a request was served
        self._remote: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if isinstance(self.peername, tuple):
            self._remote = str(self.peername[0])

    def data_received(self, data: bytes) -> None:
        if self._serving is not None:
            self._hold(data)
        elif not (self._plain and self._begin(data)):
            self._plain = False
            super().data_received(data)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's signature
        if self._serving is not None:
            await asyncio.wait({self._serving}, timeout=timeout)
        if self._serving is not None:
            self._serving.cancel()
        await super().shutdown(timeout)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del message  # quotes what came
        log.info("http_unreadable", peer=request.remote, error=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        answer = problems.failed(status)
        answer.force_close()
        return answer

    # --- directly ---

    def _begin(self, data: bytes) -> bool:
        """Serve this, if it is usual and the client reads its answers."""
        transport = self.transport
        if transport is None or self._close or self._force_close or transport.get_write_buffer_size():
            return False
        request = read(data, self._remote)
        way = None if request is None else self._ways.get(request.path)
        if request is None or way is None:
            return False
        self._serving = self._loop.create_task(self._serve(way, request))
        return True

    async def _serve(self, way: Way, request: Direct) -> None:
        serving = self._serving
        timer = None if serving is None else self._loop.call_later(way.seconds, serving.cancel)
        try:
            self._answer(await way.handler(request))
        except asyncio.CancelledError:
            log.warning("http_handler_too_slow", method="POST", path=request.path)
            self._answer(reply_of(problems.refused(Refusal("store_unavailable"))))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client has an answer
            self._answer(reply_of(problems.answer_to(error, "POST", request.path)))
        finally:
            if timer is not None:
                timer.cancel()

    def _answer(self, reply: Reply) -> None:
        """Write it, if the client is still there; then what came meanwhile is read."""
        self._serving = None
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self.transport is not None:
            self.transport.write(written(reply))
        if self._held:
            held, self._held = self._held, b""
            if self.transport is not None:
                self.transport.resume_reading()
            self.data_received(held)

    def _hold(self, data: bytes) -> None:
        """The next request before the answer to this one (RFC 9112, section 9.3.2): it has to wait."""
        if self.transport is not None and not self._held:
            self.transport.pause_reading()
        self._held += data

    def _process_keepalive(self) -> None:
        if self._serving is None:
            super()._process_keepalive()
        else:  # not idle; its answer sets the time anew
            self._keepalive_handle = self._loop.call_later(self._keepalive_timeout, self._process_keepalive)
