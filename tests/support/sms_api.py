"""A stand-in for POST /v1/messages that answers as it is told to, and remembers who asked what."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

from aiohttp import web

from voip_sms.demo.recorder import Recorder

ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its body as JSON (None if it was none), and the values of each header by its name."""

    body: Any
    octets: bytes
    headers: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """`code`: ACCEPTED, or that of a problem with `status`; `octets`: something else instead; after `delay` s."""

    code: str = ACCEPTED
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY
    delay: float = 0.0
    octets: bytes | None = None


class SmsApi:
    """Listens on 127.0.0.1 at a given port for as long as the block lasts; `plan` is how it answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.plan = Plan()
        self.asked: Recorder[Asked] = Recorder()
        self._runner: web.AppRunner | None = None
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/v1/messages", self._take)
        self._runner = web.AppRunner(application, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        octets = await request.read()
        headers = {name.lower(): request.headers.getall(name) for name in request.headers}
        self.asked.add(Asked(_json(octets), octets, headers))
        plan = self.plan
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), plan.delay)
        if plan.octets is not None:
            return web.Response(status=plan.status, body=plan.octets)
        if plan.code == ACCEPTED:
            return web.json_response(
                {"id": f"msg_{len(self.asked)}", "status": ACCEPTED}, status=HTTPStatus.ACCEPTED
            )
        problem = {"title": "no", "status": plan.status, "code": plan.code, "detail": 'one, "two"\nthree'}
        return web.json_response(problem, status=plan.status, content_type="application/problem+json")


def _json(octets: bytes) -> Any:
    try:
        return json.loads(octets)
    except ValueError:
        return None
