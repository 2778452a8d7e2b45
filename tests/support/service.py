"""The whole service as real processes, shared by the tests of a module: `serve`, `smsc`, and who talks to them."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from support.postgres import PostgresServer
from support.sip_client import SipClient
from voip_sms.demo.clients import Json, until
from voip_sms.demo.stage import SQLITE, Stage

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql")))
Change = Callable[[dict[str, Any]], None]
UNLIMITED = {"VOIP_SMS_SIP__RATE": "0"}
"""One test phone stands for many."""
OPEN = ("accepted", "scheduled", "queued", "sent")


@asynccontextmanager
async def service_on(
    request: pytest.FixtureRequest, change: Change = lambda _: None, **environment: str
) -> AsyncIterator[Stage]:
    """A running service on the database that a parametrized fixture asks for, with a rich customer.

    `change` edits the configuration before it is applied; `environment` overrides settings.
    """
    if request.param == "sqlite":
        database, server = SQLITE, None
    else:
        server = request.getfixturevalue("pg_server")
        database = server.fresh_database()
    failed = request.session.testsfailed
    async with Stage(database, UNLIMITED | environment, change) as stage:
        yield stage
    if request.session.testsfailed == failed:  # else the folder with the logs stays
        stage.forget()
    if isinstance(server, PostgresServer):
        server.drop(database)


@asynccontextmanager
async def opened(
    database: str = SQLITE, change: Change = lambda _: None, **environment: str
) -> AsyncIterator[Stage]:
    """The same on a database of one's own. The folder with the logs stays when the test fails."""
    async with Stage(database, UNLIMITED | environment, change) as stage:
        yield stage
    stage.forget()


@asynccontextmanager
async def phone_of(
    stage: Stage, user: str, password: str = "", domain: str = "sms.test"
) -> AsyncIterator[SipClient]:
    """A phone that sends; registering is not needed for that."""
    client = await SipClient(user, password or f"pw{user}", domain).open(stage.sip_port)
    try:
        yield client
    finally:
        await client.close()


async def final(stage: Stage, ids: Iterable[str], within: float = 30.0) -> list[Json]:
    """Wait until every outbound message has ended; these messages, in the order of `ids`."""

    async def none_open() -> bool:
        for status in OPEN:
            if (await stage.api.get(f"/v1/messages?direction=outbound&status={status}&limit=1"))["data"]:
                return False
        return True

    await until(none_open, "not every message ended", within)
    ended = {message["id"]: message for message in await everything(stage)}
    return [ended[one] for one in ids]


async def everything(stage: Stage, direction: str = "outbound") -> list[Json]:
    """All messages, newest first, page by page."""
    messages: list[Json] = []
    while True:
        after = f"&starting_after={messages[-1]['id']}" if messages else ""
        page = await stage.api.get(f"/v1/messages?direction={direction}&limit=100{after}")
        messages += page["data"]
        if not page["has_more"]:
            return messages


async def submits(stage: Stage, after: int = 0) -> list[Json]:
    """The submit_sm that the carrier got, by its own log, since entry `after`."""
    found: list[Json] = []
    while True:
        entries = (await stage.simulator.get(f"/log?after={after}"))["data"]
        if not entries:
            return found
        after = entries[-1]["n"]
        found += [one for one in entries if one["dir"] == "in" and one["command"] == "submit_sm"]


async def last_entry(stage: Stage) -> int:
    """The number of the newest entry of the carrier's log."""
    after = 0
    while entries := (await stage.simulator.get(f"/log?after={after}"))["data"]:
        after = entries[-1]["n"]
    return after
