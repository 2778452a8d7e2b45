"""Killed with -9 again and again under load from SIP and HTTP: what was acknowledged ends once, charged once.

The clients do what clients do: a program repeats its request with the same Idempotency-Key until it is
answered, a phone retransmits until there is a response, a carrier delivers until it is answered. So in the end
every text is acknowledged once, and the ledger beside this file says whether each was sent, recorded and charged
once too; what came in is on record once and reaches its webhook.
"""

import asyncio
import itertools
import os
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from decimal import Decimal
from typing import Any

import aiohttp
import psycopg
import pytest
from ledger import Ledger

from support.postgres import PostgresServer
from support.service import everything, final, opened
from support.sip_client import SipClient
from voip_sms.demo.clients import Answered, Http, until
from voip_sms.demo.stage import HOOK_SECRET, SECOND, SQLITE, TOKEN, Stage

KILLS = int(os.environ.get("VOIP_SMS_KILLS", "20"))
"""More before a release: VOIP_SMS_KILLS=1000."""
KILLS_POSTGRESQL = max(5, KILLS // 4)
CRASHES = 3
PRICE = Decimal("0.29")
PROGRAMS, PHONES = 4, 3
TYPIST, TYPING = "+48605555555", 0.05
AWAY = 0.05
"""Seconds before a program tries again when nobody listens."""
LONGEST_PAUSE = 0.5
"""Seconds between a phone's retransmissions at most: 4 in RFC 3261, but the service is back sooner."""


class Clients:
    """All customers. They go on over every kill until `stop`, and then end what they have begun."""

    def __init__(self, stage: Stage, ledger: Ledger, phones: int = PHONES) -> None:
        self._phones = phones
        self.typed: list[str] = []
        """What somebody typed on a handset, and the carrier took."""
        self._stage = stage
        self._ledger = ledger
        self._numbers = itertools.count(1)
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        for _ in range(PROGRAMS):
            api = Http(self._stage.http_address, TOKEN)
            self._stack.push_async_callback(api.close)
            self._tasks.append(asyncio.create_task(self._program(api)))
        for _ in range(self._phones):
            phone = await SipClient("101", "pw101", "sms.test", LONGEST_PAUSE).open(self._stage.sip_port)
            self._stack.push_async_callback(phone.close)
            self._tasks.append(asyncio.create_task(self._phone(phone)))
        self._tasks.append(asyncio.create_task(self._handset()))

    async def stop(self) -> None:
        self._stopping = True
        async with asyncio.timeout(60):
            await asyncio.gather(*self._tasks)
        await self._stack.aclose()

    def look(self) -> None:
        """Raise what ended a client."""
        for task in self._tasks:
            if task.done():
                task.result()

    def _next(self, door: str) -> tuple[str, str]:
        number = next(self._numbers)
        return f"+4860{1_000_000 + number}", f"{door} {number}"

    async def _program(self, api: Http) -> None:
        while not self._stopping:
            to, text = self._next("http")
            self._ledger.acknowledge(text, await self._until_answered(api, to, text))

    async def _until_answered(self, api: Http, to: str, text: str) -> str:
        while True:
            try:
                status, answer, _ = await api.call(
                    "POST", "/v1/messages", {"to": to, "text": text}, {"Idempotency-Key": text}
                )
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(AWAY)
                continue
            if status == 202:
                return str(answer["id"])
            if status != 503:
                raise Answered(f"{text}: {status} {dict(answer)}")

    async def _phone(self, phone: SipClient) -> None:
        while not self._stopping:
            to, text = self._next("sip")
            answer = await phone.send(to, text, within=32)
            if answer.status != 202:
                raise Answered(f"{text}: {answer.status} {answer.reason}")
            self._ledger.acknowledge(text)

    async def _handset(self) -> None:
        while not self._stopping:
            text = f"typed {len(self.typed) + 1}"
            await self._stage.handsets.send(TYPIST, SECOND, text)
            self.typed.append(text)
            await asyncio.sleep(TYPING)


def configured(document: dict[str, Any]) -> None:
    """Credit for a long day; what is texted to the second number goes to a URL."""
    (acme,) = document["tenants"]
    acme["credit"] = "100000.00"
    (hook,) = [one for one in acme["numbers"][0]["forwards"] if one["kind"] == "webhook"]
    assert hook["secret"] == HOOK_SECRET
    acme["numbers"][1]["forwards"] = [hook]


async def all_came_in(stage: Stage, typed: list[str]) -> None:
    """Each once on record, and each at the URL."""
    assert typed

    missing = set(typed)

    async def hooked() -> bool:
        missing.difference_update(hook.json["data"]["text"] for hook in stage.hooks.hooks.items)
        return not missing

    try:
        await until(hooked, "", 90)
    except TimeoutError:
        stored = {one["text"] for one in await everything(stage, "inbound")}
        what = f"{len(missing)} of {len(typed)} not at the URL, {len(missing - stored)} of them not on record"
        raise AssertionError(f"{what}: {sorted(missing)[:5]}") from None
    stored = [one["text"] for one in await everything(stage, "inbound")]
    assert sorted(stored) == sorted(typed)


async def enough(clients: Clients, ledger: Ledger, more: int) -> None:
    """Wait until so many more texts are acknowledged."""
    wanted = len(ledger.acknowledged) + more
    async with asyncio.timeout(30):
        while len(ledger.acknowledged) < wanted:
            clients.look()
            await asyncio.sleep(0.003)


def time_passes(stage: Stage) -> None:
    """What waits for its next try is due: a part that was in flight at three kills would rest for minutes."""
    waits = [f"UPDATE {table} SET due_at = 0 WHERE state = 'queued'" for table in ("part", "forward_job")]
    if stage.database == SQLITE:
        with closing(sqlite3.connect(stage.folder / "var/voip-sms.db")) as file:
            for statement in waits:
                file.execute(statement)
            file.commit()
    else:
        with psycopg.connect(stage.database) as connection:
            for statement in waits:
                connection.execute(statement)


async def kill_again_and_again(stage: Stage, kills: int) -> None:
    ledger = Ledger(stage.simulator)
    clients = Clients(stage, ledger)
    await clients.start()
    for turn in range(kills):
        await enough(clients, ledger, 10 + 7 * (turn % 5))  # another moment of the work each time
        await stage.serve.kill()
        await stage.serve.start()
        await ledger.follow()
    await clients.stop()
    await stage.serve.stop()
    time_passes(stage)
    await stage.serve.start()
    await final(stage, (), within=60)
    await ledger.follow()
    stored = await everything(stage)
    ledger.check(stored, await stage.api.get("/v1/balance"), PRICE)
    assert len(stored) == len(ledger.acknowledged)  # nobody gave up, so nothing else is there
    await all_came_in(stage, clients.typed)
    assert len(stored) > kills * 10
    print(f"{kills} kills, {len(stored)} acknowledged, sent and charged once, {ledger.copies} flagged copies")


async def test_nothing_is_lost_or_charged_twice() -> None:
    async with opened(SQLITE, configured) as stage:
        await kill_again_and_again(stage, KILLS)


@pytest.mark.peer("postgresql")
async def test_nothing_is_lost_or_charged_twice_on_postgresql(pg_url: str) -> None:
    async with opened(pg_url, configured) as stage:
        await kill_again_and_again(stage, KILLS_POSTGRESQL)


@pytest.mark.peer("postgresql")
async def test_the_database_crashes_under_load() -> None:
    """PostgreSQL's processes end without a word, again and again; programs ask until they are answered."""
    server = PostgresServer().start()
    try:
        async with opened(server.fresh_database(), configured) as stage:
            ledger = Ledger(stage.simulator)
            clients = Clients(stage, ledger, phones=0)
            await clients.start()
            for _ in range(CRASHES):
                await enough(clients, ledger, 30)
                await asyncio.to_thread(server.end_process, signal.SIGQUIT)
                await asyncio.to_thread(server.start_again)
            await enough(clients, ledger, 30)
            await clients.stop()
            await final(stage, (), within=90)
            await ledger.follow()
            ledger.check(await everything(stage), await stage.api.get("/v1/balance"), PRICE)
            await all_came_in(stage, clients.typed)
    finally:
        server.stop()
