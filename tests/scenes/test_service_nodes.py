"""Two nodes on one PostgreSQL and one host: they share the queue, and one has the connection to the carrier."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from support.postgres import PostgresServer
from support.service import UNLIMITED, final, opened, submits
from voip_sms.demo.clients import Http, until
from voip_sms.demo.process import Service
from voip_sms.demo.stage import TOKEN, Stage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.peer("postgresql")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(pg_server: PostgresServer) -> AsyncIterator[Stage]:
    async with opened(pg_server.fresh_database(), VOIP_SMS_DISPATCH__RESPONSE_TIMEOUT="30") as stage:
        yield stage


@asynccontextmanager
async def second(stage: Stage, folder: Path) -> AsyncIterator[tuple[Service, Http]]:
    """Another node, with a folder and ports of its own."""
    config = folder / "voip-sms.toml"
    listening = re.compile(r'^((?:listen|udp|tcp|tls) = "127\.0\.0\.1):\d+"', re.MULTILINE)
    config.write_text(listening.sub(r'\1:0"', stage.config.read_text()))
    service = Service("serve", "--config", str(config), log=folder / "serve.log", environment=UNLIMITED)
    await service.start()
    api = Http(service.ready["http"], TOKEN)
    try:
        yield service, api
    finally:
        await api.close()
        if service.running:
            await service.stop()


async def carrier_of(api: Http) -> tuple[str, str]:
    (carrier,) = (await api.get("/v1/carriers"))["data"]
    return carrier["state"], carrier["detail"]


async def test_a_second_node_takes_nothing_from_the_first_and_sends_through_it(
    stage: Stage, tmp_path: Path
) -> None:
    await stage.handsets.fault("latency", ms=8000, count=1)
    under_way = await stage.api.post("/v1/messages", {"to": "+48601000501", "text": "slow"})
    await until(lambda: _submitted(stage, 1), "it never left")
    async with second(stage, tmp_path) as (_, api):
        state, detail = await carrier_of(api)
        assert state == "connecting"
        assert re.fullmatch(r"node \S+-[0-9a-f]{8} has the connection", detail)
        sent = await api.post("/v1/messages", {"to": "+48601000502", "text": "from the second"})
        messages = await final(stage, [under_way["id"], sent["id"]])
    assert [message["status"] for message in messages] == ["delivered", "delivered"]
    assert [message["possible_duplicate"] for message in messages] == [False, False]
    assert len(await submits(stage)) == 2


async def test_the_second_takes_over_when_the_first_stops(stage: Stage, tmp_path: Path) -> None:
    async with second(stage, tmp_path) as (_, api):
        assert (await carrier_of(api))[0] == "connecting"
        waiting = await api.post("/v1/messages", {"to": "+48601000503", "text": "before"})
        assert await stage.serve.stop() == 0

        async def bound() -> bool:
            return (await carrier_of(api))[0] == "bound"

        await until(bound, "the second never bound", 15.0)
        await stage.handsets.received("+48601000503", "before")
        sent = await api.post("/v1/messages", {"to": "+48601000504", "text": "after"})
        await stage.handsets.received("+48601000504", "after")
        await stage.serve.start()  # it comes back beside the second, and finds everything
        for one in (waiting, sent):
            assert (await stage.api.get(f"/v1/messages/{one['id']}"))["to"] == one["to"]


async def _submitted(stage: Stage, count: int) -> bool:
    return len(await submits(stage)) >= count
