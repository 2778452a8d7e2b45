"""The panel's door: around every page stand session, language, right, form token, time and headers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from voip_sms.core.failures import RETRY_AFTER_SECONDS, Refusal
from voip_sms.core.people import Language
from voip_sms.doors.panel.frame import errors
from voip_sms.doors.panel.frame.cookies import Cookies
from voip_sms.doors.panel.frame.errors import ForeignFormError
from voip_sms.doors.panel.frame.headers import dress
from voip_sms.doors.panel.frame.page import Frame, Page
from voip_sms.doors.panel.frame.render import Templates
from voip_sms.doors.panel.frame.routes import ROOT, Route, Table
from voip_sms.doors.panel.frame.seal import Seal
from voip_sms.doors.panel.frame.static import Static
from voip_sms.doors.panel.frame.words import LANGUAGES, Catalogues, accepted
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens import screens
from voip_sms.doors.panel.screens.sign_in import again, signing_in
from voip_sms.net.http.origin import is_elsewhere, says_ours
from voip_sms.net.http.server import Handler, HttpServer
from voip_sms.net.http.source import Proxies

DOOR: Final = "panel"
STREAMS: Final = 500
"""Live pages at one time, each a connection and some KB; whoever comes then has pages that aren't live."""
_ASTRAY_SECONDS: Final = 2.0
"""To find out who asked for what isn't there: only for the words it is told in."""


class PanelDoor:
    """Make it, `register` it on the server before that starts, `stop` it before the server stops."""

    def __init__(self, rooms: Rooms, *, key: bytes, proxies: Proxies = (), streams: int = STREAMS) -> None:
        """`key`: 32 secret octets, the same on every node; `proxies`: who says whence one asks;
        `streams`: at one time, a part of the connections that all doors of the server share.
        """
        self.rooms = rooms
        address = urlsplit(rooms.settings.url)
        self._secure, self._known_as = address.scheme == "https", address.netloc
        self._static = Static()
        self.table = Table(route for screen in screens(rooms) for route in screen.routes())
        """Every route, for whoever walks them."""
        self._frame = Frame(
            Templates(self._static.path), self.table, Catalogues.load(), Seal(key), rooms.random, proxies
        )
        self._frame.templates.compile()
        self._streams: set[asyncio.Timeout] = set()
        self._streams_most = streams

    def register(self, server: HttpServer) -> None:
        """Put every route on the server; what is wrong below /panel is told as a page."""
        for route in self.table.routes:
            for method in ("GET", "HEAD") if route.is_page else (route.method,):
                server.add(method, route.path, self._handler(route))
        for method in ("GET", "HEAD"):
            server.add(method, f"{ROOT}/static/{{hash}}/{{name}}", self._static.serve)
            server.add(method, "/", _to_the_panel)
            server.add(method, f"{ROOT}/", _to_the_panel)
        server.answer_errors(ROOT, self._astray)

    async def stop(self) -> None:
        """End what is streamed: its readers come again, and find who serves then."""
        now = asyncio.get_running_loop().time()
        for stream in self._streams:
            stream.reschedule(now)

    # --- around a page --------------------------------------------------------------------------------------

    def _handler(self, route: Route) -> Handler:
        took, seconds = self.rooms.metrics.timer(DOOR, route.name), time.monotonic

        async def serve(request: web.Request) -> web.StreamResponse:
            began, page = seconds(), self._page(request)
            try:
                async with self._bounded(route):
                    await self._find(page, used=not (route.stream or _by_itself(request)))
                    response = await self._gated(route, page)
            except ConnectionError:
                raise  # whoever asked is gone
            except Exception as error:
                if request.writer.output_size:
                    raise ConnectionResetError("an answer has begun already") from error
                response = _failed(page, error, route)
            finally:
                if not route.stream:
                    took(seconds() - began)
            page.dress(response)
            return response

        return serve

    @asynccontextmanager
    async def _bounded(self, route: Route) -> AsyncIterator[None]:
        """Its seconds; for a stream until `stop`. TimeoutError; Refusal for a stream too many."""
        if route.stream and len(self._streams) >= self._streams_most:
            raise Refusal("rate_limited", "too many pages are live")
        async with asyncio.timeout(None if route.stream else route.seconds) as bound:
            if route.stream:
                self._streams.add(bound)
            try:
                yield
            finally:
                self._streams.discard(bound)

    def _page(self, request: web.Request) -> Page:
        """A stranger's, until their session is found."""
        cookies = Cookies(request, self._secure)
        words = self._frame.catalogues.of(_language(request, cookies))
        return Page(request, self.rooms, self._frame, cookies, words, self.rooms.clock.now())

    async def _find(self, page: Page, *, used: bool = True) -> None:
        """Whose page it is. `used`: it counts as a use of the session."""
        token, sessions = page.cookies.get("sms"), self.rooms.sessions
        if not token:
            return
        page.present = await (sessions.find(token, page.visit) if used else sessions.look(token))
        if page.present is not None:
            page.token = token
            page.words = self._frame.catalogues.of(page.present.user.language)

    async def _gated(self, route: Route, page: Page) -> web.StreamResponse:
        """The page itself, if whoever asks may have it and the form was ours."""
        if route.method == "POST" and is_elsewhere(page.request, self._known_as):
            raise ForeignFormError
        if route.right is not None and page.present is None:
            return signing_in(page, await page.form() if route.method == "POST" else None)
        if route.right is not None and not page.may(route.right):
            raise web.HTTPForbidden
        if route.method == "POST":
            posted = await page.form()
            if not page.is_ours(posted):
                if not says_ours(page.request, self._known_as):
                    raise ForeignFormError
                return again(page, posted)  # from before they signed in, or out
        return await route.handle(page)

    async def _astray(self, request: web.Request, error: Exception) -> web.Response:
        """Below /panel, and no page of ours: as if it were one."""
        page = self._page(request)
        try:
            async with asyncio.timeout(_ASTRAY_SECONDS):
                await self._find(page)
        except Exception:  # noqa: BLE001 - then it is told to a stranger
            page.present = None
        response = _failed(page, error, None)
        page.dress(response)
        return response


def _by_itself(request: web.Request) -> bool:
    """Whether a page that lies open asks, as panel.js does every few seconds: nobody need be there."""
    return request.method == "GET" and "X-Parts" in request.headers


def _language(request: web.Request, cookies: Cookies) -> Language:
    """Of a stranger: what they chose, else what their browser asks for."""
    chosen = next((one for one in LANGUAGES if one == cookies.get("sms-language")), None)
    return chosen or accepted(request.headers.get("Accept-Language", ""))


def _failed(page: Page, error: Exception, route: Route | None) -> web.Response:
    """What went wrong as a page, in words."""
    errors.note(error, page.request.method, route.name if route is not None else "")
    told = errors.wrong(error, page.words)
    retry = page.request.path_qs if told.again and page.request.method == "GET" else ""
    response = page.render(
        errors.TEMPLATE, status=told.status, heading=told.heading, text=told.text, retry=retry
    )
    if told.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, web.HTTPException) and "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


async def _to_the_panel(_request: web.Request) -> web.Response:
    response = web.Response(status=303, headers={"Location": ROOT})
    dress(response)
    return response
