"""A web server that keeps every request it gets, and answers as it was told to."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from aiohttp import web
from multidict import MultiMapping

from voip_sms.demo.recorder import Recorder

# The service's webhook bodies stay far below this; a larger one is a defect that should show.
MAX_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Hook:
    """One request as it came."""

    method: str
    path: str
    query: MultiMapping[str]
    headers: MultiMapping[str]
    body: bytes
    at: datetime

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; `delay` in seconds; status 0 cuts the connection instead."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0


class HookSink:
    """An HTTP server on loopback: records first, then answers what was planned, or else `usual`."""

    def __init__(self, usual: Answer | None = None) -> None:
        self.hooks: Recorder[Hook] = Recorder()
        self.usual = usual or Answer()
        self._planned: list[Answer] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1; 0 picks a port. A sink that was stopped comes back on the port it had."""
        application = web.Application(client_max_size=MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Close the door; what was recorded stays."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        return self._port

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    def answer_next(self, *answers: Answer | int) -> None:
        """Plan the answers to the next requests, one each; a bare number is a status."""
        self._planned.extend(Answer(answer) if isinstance(answer, int) else answer for answer in answers)

    async def hook_of(self, kind: str, within: float = 10.0, after: int = 0) -> Hook:
        """Wait for an event of this type (`message.received`, …) past index `after`."""
        return await self.hooks.first(lambda hook: _kind(hook) == kind, within, after)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.hooks.add(
            Hook(
                request.method,
                request.path,
                request.query,
                request.headers,
                body,
                datetime.now(UTC),
            )
        )
        answer = self._planned.pop(0) if self._planned else self.usual
        await asyncio.sleep(answer.delay)
        if answer.status == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer.status or 500, body=answer.body, headers=dict(answer.headers))


def _kind(hook: Hook) -> str:
    try:
        parsed = hook.json
    except orjson.JSONDecodeError:
        return ""
    return str(parsed.get("type", "")) if isinstance(parsed, dict) else ""
