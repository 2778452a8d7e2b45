"""Server-sent events: what changes while a page is open, as the parts of the page that are other now.

A screen offers a `View`: given what has changed for the company, the parts to replace (`panel.js` says how)
or nothing. A stream begins with all parts of its page, so whatever happened before it, or while it was lost,
is on the page then; `Last-Event-ID` needs no memory of ours.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.ids import to_text
from voip_sms.core.people import Right
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.engine.live import Changes

HEARTBEAT: Final = 15.0
"""Seconds between signs of life: proxies cut what is silent for a minute."""
GONE_AFTER: Final = 0.5
"""Seconds after which it is noticed that a reader has gone: page follows page, each with its stream."""
LOOKED_AFTER: Final = 5.0
"""Seconds after which, before anything is written, it is looked whether the session still lives."""
LONGEST: Final = 1_800.0
"""Seconds of one stream; the browser opens the next one by itself, maybe at another node."""
WRITING: Final = 10.0
"""Seconds for whoever reads to take what is written."""
OF_SESSION: Final = 4
"""Streams of one session: a browser opens six connections to a service, and needs some for pages."""
SHARE: Final = 4
"""All streams together take one part in so many of the time: their pages are made one after the other, with
pauses, and changes gather meanwhile."""
RETRY_MS: Final = 2_000
"""After which browsers come again."""

log = structlog.get_logger(__name__)

Parts = Callable[[Page, Changes], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class View:
    """What a kind of page shows of changes: `parts` gives HTML, "" where nothing on it is other."""

    right: Right
    parts: Parts


class Events:
    """The streams of all screens."""

    def __init__(self, rooms: Rooms, views: Mapping[str, View]) -> None:
        """`views`: by the name that their pages ask for."""
        self._rooms = rooms
        self._views = views
        self._open: Counter[str] = Counter()
        self._turn = asyncio.Lock()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [Route("GET", f"{ROOT}/events/{{view}}", "events", self.stream, None, stream=True)]

    async def stream(self, page: Page) -> web.StreamResponse:
        """Until its reader goes, the session ends, or `LONGEST` has passed."""
        view = self._views.get(page.request.match_info["view"])
        if view is None:
            raise web.HTTPNotFound
        if not page.may(view.right):
            return web.Response(status=401 if page.present is None else 403)
        if self._open[page.token] >= OF_SESSION:
            return web.Response(status=429)
        listener = self._rooms.live.listen(page.tenant_id)
        token = page.token
        self._open[token] += 1
        try:
            response = await _begun(page)
            with suppress(TimeoutError, ConnectionError):
                await self._tell(_Stream(page, view, response), listener.wait)
        finally:
            listener.close()
            self._open[token] -= 1
            if not self._open[token]:
                del self._open[token]
        return response

    async def _tell(self, stream: "_Stream", wait: Callable[[float], Awaitable[Changes | None]]) -> None:
        now = asyncio.get_running_loop().time
        end, beat, look = now() + LONGEST, now() + HEARTBEAT, now() + LOOKED_AFTER
        while now() < end and stream.is_read:
            changes = await wait(GONE_AFTER)
            if changes is None and now() < beat:
                continue
            if now() >= look:
                if not await self._may(stream):
                    return
                look = now() + LOOKED_AFTER
            await stream.write("" if changes is None else await self._made(stream, changes), changes)
            beat = now() + HEARTBEAT

    async def _may(self, stream: "_Stream") -> bool:
        """Whether whoever reads still may."""
        page = stream.page
        with suppress(StoreUnavailableError):  # then nothing new is read either
            page.present = await self._rooms.sessions.look(page.token)
        return page.may(stream.view.right)

    async def _made(self, stream: "_Stream", changes: Changes) -> str:
        """The parts, in turn with all other streams'."""
        loop = asyncio.get_running_loop()
        await self._turn.acquire()
        began = loop.time()
        try:
            stream.page.now = self._rooms.clock.now()
            return await stream.view.parts(stream.page, changes)
        except StoreUnavailableError:
            return ""
        except Refusal as refusal:  # it is nothing of theirs any more
            raise ConnectionResetError from refusal
        except Exception:  # an answer has begun: nobody else would write down what is wrong
            log.exception("live_page_fault", path=stream.page.request.path)
            raise ConnectionResetError from None
        finally:
            loop.call_later((loop.time() - began) * (SHARE - 1), self._turn.release)


@dataclass(frozen=True, slots=True)
class _Stream:
    page: Page
    view: View
    response: web.StreamResponse

    @property
    def is_read(self) -> bool:
        """Whether the connection is still there."""
        transport = self.page.request.transport
        return transport is not None and not transport.is_closing()

    async def write(self, parts: str, changes: Changes | None) -> None:
        """One event; without parts, a sign of life. TimeoutError, ConnectionError: nobody takes it."""
        if not parts.strip():
            await _write(self.response, ": alive\n\n")
            return
        upto = None if changes is None else changes.upto
        named = f"id: {to_text(MESSAGE, upto)}\n" if upto is not None else ""
        data = "".join(f"data: {line}\n" for line in parts.splitlines() if line.strip())
        await _write(self.response, f"{named}event: parts\n{data}\n")


async def _begun(page: Page) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    )
    page.dress(response)
    await response.prepare(page.request)
    await _write(response, f"retry: {RETRY_MS}\n\n")
    return response


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITING):
        await response.write(text.encode())
