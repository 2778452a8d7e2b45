"""Somebody's browser, without a screen: it keeps cookies, reads forms, fills them in, and hears events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

import aiohttp

WAIT_SECONDS = 20.0
OK = 200
_LINES_MOST = 10_000
"""Of events that are remembered: a list of messages has hundreds, and comes anew with each change."""


class Astray(Exception):  # noqa: N818 - what a page said, where the story expected another one
    """A page with an unexpected status, or without the form that should be there."""


@dataclass(slots=True)
class Form:
    """A form as it stands: where it goes, and what a browser would post."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: where it led, its visible text, its forms."""

    path: str
    text: str
    forms: list[Form]

    def form(self, action: str = "") -> Form:
        """The form that posts there; without `action` the page's own."""
        wanted = action or self.path
        for one in self.forms:
            if urlsplit(one.action or self.path).path == urlsplit(wanted).path:
                return one
        raise Astray(f"no form to {wanted} at {self.path}: {self.text[:200]}")


class Browser:
    """One person's. `close` it."""

    def __init__(self, address: str) -> None:
        """`address`: host:port of the service."""
        self._base = f"http://{address}"
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # the host is a bare address
            timeout=aiohttp.ClientTimeout(total=30),
            headers={"Accept-Language": "en"},
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def open(self, path: str) -> Shown:
        """Go to a page of the service, given by its path or whole address."""
        url = path if path.startswith("http") else self._base + path
        async with self._session.get(url) as answer:
            return await _shown(answer)

    async def send(self, shown: Shown, action: str = "", **fields: str) -> Shown:
        """Fill in a form of this page and send it; the page that it leads to."""
        form = shown.form(action)
        url = self._base + (form.action or shown.path)
        async with self._session.post(
            url, data={**form.fields, **fields}, headers={"Origin": self._base}
        ) as answer:
            return await _shown(answer)

    @asynccontextmanager
    async def listening(self, path: str) -> AsyncIterator["Events"]:
        """A page that stays open: what its events say from now on."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=WAIT_SECONDS)
        async with self._session.get(self._base + path, timeout=timeout) as answer:
            if answer.status != OK:
                raise Astray(f"GET {path}: {answer.status}")
            events = Events()
            reader = asyncio.create_task(events.read(answer.content))
            try:
                yield events
            finally:
                reader.cancel()


class Events:
    """What a stream of server-sent events has said."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._more = asyncio.Event()

    async def read(self, content: aiohttp.StreamReader) -> None:
        """Take lines for as long as they come."""
        async for line in content:
            text = line.decode().rstrip("\n")
            if text.startswith("data:"):
                self._said = [*self._said, text.removeprefix("data:")][-_LINES_MOST:]
                self._more.set()

    def said(self, text: str) -> bool:
        """Whether an event had this text in it."""
        return any(text in one for one in self._said)

    async def say(self, text: str, within: float = WAIT_SECONDS) -> None:
        """Wait until an event has this text in it."""
        async with asyncio.timeout(within):
            while not self.said(text):
                self._more.clear()
                await self._more.wait()


async def _shown(answer: aiohttp.ClientResponse) -> Shown:
    reader = _Reader()
    reader.feed(await answer.text())
    text = " ".join(" ".join(reader.texts).split())
    if answer.status != OK:
        raise Astray(f"{answer.method} {answer.url.path}: {answer.status} {text[:200]}")
    return Shown(answer.url.path, text, reader.forms)


class _Reader(HTMLParser):
    """Forms with their fields, and what can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: list[str] = []
        self._area = ""
        self._select = ""
        self._mute = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        name, value = said.get("name", ""), said.get("value", "")
        self._mute = tag in ("script", "style")
        if tag == "form":
            self.forms.append(Form(said.get("action", "")))
        elif not self.forms:
            return
        elif tag == "textarea":
            self._area = name
        elif tag == "select":
            self._select = name
        elif tag == "option" and (self._select not in self.forms[-1].fields or "selected" in said):
            self.forms[-1].fields[self._select] = value
        elif tag == "input" and name and (said.get("type") not in _TICKED or "checked" in said):
            self.forms[-1].fields[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        self._mute = False

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1].fields[self._area] = data.removeprefix("\n")
        elif not self._mute:
            self.texts.append(data)


_TICKED = ("checkbox", "radio")
