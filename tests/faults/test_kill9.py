"""Killed with -9 again and again under load from SIP and HTTP: what was acknowledged ends once, charged once.

The clients do what clients do: a program repeats its request with the same Idempotency-Key until it is
answered, a phone retransmits until there is a response. So in the end every text is acknowledged once, and the
ledger beside this file says whether each was sent, recorded and charged once too.
"""

import asyncio
import itertools
import os
from contextlib import AsyncExitStack
from decimal import Decimal

import aiohttp
import pytest
from ledger import Ledger

from support.service import everything, final, opened
from support.sip_client import SipClient
from voip_sms.demo.clients import Answered, Http
from voip_sms.demo.stage import SQLITE, TOKEN, Stage

KILLS = int(os.environ.get("VOIP_SMS_KILLS", "20"))
"""More before a release: VOIP_SMS_KILLS=1000."""
KILLS_POSTGRESQL = max(5, KILLS // 4)
PRICE = Decimal("0.29")
PROGRAMS, PHONES = 4, 3
AWAY = 0.05
"""Seconds before a program tries again when nobody listens."""
LONGEST_PAUSE = 0.5
"""Seconds between a phone's retransmissions at most: 4 in RFC 3261, but the service is back sooner."""


class Clients:
    """All customers. They go on over every kill until `stop`, and then end what they have begun."""

    def __init__(self, stage: Stage, ledger: Ledger) -> None:
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
        for _ in range(PHONES):
            phone = await SipClient("101", "pw101", "sms.test", LONGEST_PAUSE).open(self._stage.sip_port)
            self._stack.push_async_callback(phone.close)
            self._tasks.append(asyncio.create_task(self._phone(phone)))

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


async def kill_again_and_again(stage: Stage, kills: int) -> None:
    ledger = Ledger(stage.simulator)
    await stage.rich()
    clients = Clients(stage, ledger)
    await clients.start()
    for turn in range(kills):
        wanted = len(ledger.acknowledged) + 10 + 7 * (turn % 5)  # another moment of the work each time
        async with asyncio.timeout(30):
            while len(ledger.acknowledged) < wanted:
                clients.look()
                await asyncio.sleep(0.003)
        await stage.serve.kill()
        await stage.serve.start()
        await ledger.follow()
    await clients.stop()
    await final(stage, (), within=90)
    await ledger.follow()
    stored = await everything(stage)
    ledger.check(stored, await stage.api.get("/v1/balance"), PRICE)
    assert len(stored) == len(ledger.acknowledged)  # nobody gave up, so nothing else is there
    assert len(stored) > kills * 10
    print(f"{kills} kills, {len(stored)} acknowledged, sent and charged once, {ledger.copies} flagged copies")


async def test_nothing_is_lost_or_charged_twice() -> None:
    async with opened(SQLITE) as stage:
        await kill_again_and_again(stage, KILLS)


@pytest.mark.peer("postgresql")
async def test_nothing_is_lost_or_charged_twice_on_postgresql(pg_url: str) -> None:
    async with opened(pg_url) as stage:
        await kill_again_and_again(stage, KILLS_POSTGRESQL)
