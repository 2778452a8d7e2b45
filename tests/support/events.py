"""Server-sent events as a browser reads them: from one connection, event by event."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from support.waiting import SOON


@dataclass(frozen=True, slots=True)
class Event:
    """`data` is empty for a sign of life."""

    name: str
    data: str
    id: str


class Stream:
    """One connection. `status` before anything is read."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers = answer.headers

    async def next(self) -> Event | None:
        """The next event that says something; None when the stream has ended."""
        fields: dict[str, list[str]] = {}
        async with asyncio.timeout(SOON):
            while True:
                try:
                    line = (await self._answer.content.readline()).decode()
                except aiohttp.ClientError:
                    return None
                if not line:
                    return None
                name, colon, value = line.rstrip("\n").partition(":")
                if name and colon:
                    fields.setdefault(name, []).append(value.removeprefix(" "))
                elif not name and fields.get("data"):
                    return Event(
                        fields.get("event", ["message"])[-1],
                        "\n".join(fields["data"]),
                        fields.get("id", [""])[-1],
                    )
                elif not line.strip():
                    fields = {}

    async def until(self, text: str) -> Event:
        """The first event with this in it; AssertionError when the stream ends before."""
        while True:
            event = await self.next()
            assert event is not None, f"the stream ended without {text!r}"
            if text in event.data:
                return event


@asynccontextmanager
async def listening(
    address: str, path: str, cookies: dict[str, str], last: str = ""
) -> AsyncIterator[Stream]:
    """Open a stream; `last`: the id of the event that was read before the connection was lost."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.get(
            f"http://{address}{path}",
            headers={**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())},
            timeout=aiohttp.ClientTimeout(total=None),
            allow_redirects=False,
        ) as answer,
    ):
        yield Stream(answer)
