"""The panel's pages over a database full of messages, one by one, beside a page with nothing in it."""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import aiohttp
from sqlalchemy import Connection, select

from bench.panel_rows import Spread, fill
from bench.processes import usage
from support.panel import PanelStage
from support.traffic import OWN
from voip_sms.core import ids
from voip_sms.core.clock import SystemClock
from voip_sms.core.directory import Id
from voip_sms.core.ids import earliest
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.demo.stage import SQLITE
from voip_sms.store.database import open_database
from voip_sms.store.tables import message, tenant

EMPTY: Final = "a page with nothing in it"
BOUND_MS: Final = 100.0
"""What a page may take at the 95th percentile."""
LEAST: Final = 40
"""Requests of each page: the 95th percentile of fewer is their slowest."""
WARM_UP: Final = 3
"""Requests before: statements are compiled, and what everybody opens is in memory."""


@dataclass(frozen=True, slots=True)
class Page:
    """What one kind of page took, milliseconds each; `processor`: of it, with the database's, on average."""

    name: str
    took: list[float]
    processor: float

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.took, n=20)[-1]


class Visit:
    """Somebody who is signed in and opens page after page."""

    def __init__(self, address: str, cookies: Mapping[str, str], pids: Sequence[int], spread: Spread) -> None:
        self._pids = pids
        self._session = aiohttp.ClientSession(
            f"http://{address}", cookies=dict(cookies), cookie_jar=aiohttp.CookieJar(unsafe=True)
        )
        self._spread = spread

    async def close(self) -> None:
        await self._session.close()

    async def page(self, name: str, paths: Iterator[str], seconds: float) -> Page:
        """One after the other, for so long and at least `LEAST` times. RuntimeError: something else came."""
        wanted = 404 if name == EMPTY else 200
        for _ in range(WARM_UP):
            await self._took(next(paths), wanted)
        took: list[float] = []
        before = usage(self._pids).seconds
        until = time.perf_counter() + seconds
        while len(took) < LEAST or time.perf_counter() < until:
            took.append(await self._took(next(paths), wanted))
        return Page(name, took, (usage(self._pids).seconds - before) * 1000 / len(took))

    async def _took(self, path: str, wanted: int) -> float:
        began = time.perf_counter()
        async with self._session.get(path, allow_redirects=False) as answer:
            await answer.read()
            if answer.status != wanted:
                raise RuntimeError(f"{path}: {answer.status}")
        return (time.perf_counter() - began) * 1000

    def kinds(self, known: list[tuple[Id, str]]) -> dict[str, Iterator[str]]:
        """Every kind of page by its name, and where to find one after the other. `known`: some messages."""
        history, talks = "/panel/history", "/panel/conversations"
        return {
            EMPTY: _forever("/panel/nothing"),
            "home": _forever("/panel"),
            "history, first page": _forever(history),
            "history, somewhere deep": self._deep(history),
            "history, what failed": _forever(f"{history}?status=bad"),
            "history, received": _forever(f"{history}?direction=inbound"),
            "history, one door": _forever(f"{history}?door=ivr"),
            "history, a rare account": _forever(f"{history}?account=sip:999"),
            "history, one number": (f"{history}?number=%2B{peer[1:]}" for _, peer in _cycle(known)),
            "conversations": _forever(talks),
            "conversations, unanswered": _forever(f"{talks}?only=unanswered"),
            "conversations, somewhere deep": self._deep(talks),
            "a conversation": (f"{talks}/%2B{peer[1:]}" for _, peer in _cycle(known)),
            "the busiest conversation": _forever(f"{talks}/%2B48600000000"),
            "a message": (f"{history}/{ids.to_text(MESSAGE, one)}" for one, _ in _cycle(known)),
        }

    def _deep(self, path: str) -> Iterator[str]:
        while True:
            yield f"{path}?after={ids.to_text(MESSAGE, earliest(self._spread.moment()))}"


def _forever(path: str) -> Iterator[str]:
    while True:
        yield path


def _cycle(known: list[tuple[Id, str]]) -> Iterator[tuple[Id, str]]:
    while True:
        yield from known


def _known(connection: Connection, tenant_id: Id, spread: Spread) -> list[tuple[Id, str]]:
    """Messages from all over the month, each with its number."""
    found = []
    for _ in range(100):
        wanted = select(message.c.id, message.c.sender, message.c.recipient).where(
            message.c.tenant_id == tenant_id, message.c.id >= earliest(spread.moment())
        )
        one = connection.execute(wanted.order_by(message.c.id).limit(1)).one_or_none()
        if one is not None:
            found.append((one.id, one.recipient if one.sender == OWN else one.sender))
    return found


async def pages(database: str, count: int, seconds: float, server: Sequence[int] = ()) -> list[Page]:
    """What each page takes on a service with so many messages. `server`: the database's processes."""
    spread = Spread(SystemClock().now(), count, random.Random(20261122))
    async with PanelStage(database) as stage:
        url = f"sqlite:///{stage.folder}/var/voip-sms.db" if database == SQLITE else database
        opened = open_database(url)
        try:
            with opened.reader.connect() as connection:
                acme = connection.execute(select(tenant.c.id).where(tenant.c.name == "acme")).scalar_one()
            await asyncio.to_thread(fill, opened, acme, spread)
            with opened.reader.connect() as connection:
                known = _known(connection, acme, spread)
        finally:
            opened.close()
        visitor = await stage.visitor("admin")
        visit = Visit(
            stage.http_address,
            visitor.cookies,
            [stage.serve.pid, *server],
            replace(spread, chance=random.Random(7)),
        )
        try:
            return [await visit.page(name, paths, seconds) for name, paths in visit.kinds(known).items()]
        finally:
            await visit.close()


def table(title: str, found: Sequence[Page]) -> str:
    """All pages beside the empty one."""
    empty = statistics.median(found[0].took)
    lines = [f"{title}", f"  {'':32}{'p50 ms':>8}{'p95 ms':>8}{'max ms':>8}{'CPU ms':>8}{'of empty':>10}"]
    for page in found:
        middle = statistics.median(page.took)
        figures = f"{middle:8.1f}{page.p95:8.1f}{max(page.took):8.1f}{page.processor:8.1f}"
        lines.append(f"  {page.name:32}{figures}{middle / empty:9.1f}x")
    return "\n".join(lines)
