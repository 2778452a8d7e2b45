"""The operator sees traffic pass while it passes, and nothing of what it says or to whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from support.fakes import FakeClock
from support.office import ACME_KEY, FILE, Office
from support.panel_office import PanelOffice, panel_over, person
from voip_sms.core.model import Options, Submission

ANN, ROOT, TRAFFIC = "ann@acme.test", "root@operator.test", "/panel/operator/traffic"
SECRET, TO = "Hasło do sejfu", "+48601123456"


@pytest.fixture
async def panel(database_url: str, clock: FakeClock) -> AsyncIterator[PanelOffice]:
    async with AsyncExitStack() as stack:
        office = await Office.open(database_url, clock)
        stack.push_async_callback(office.close)
        operators = [{"mail": ROOT, "name": "Root", "password": person(ROOT)["password"]}]
        tenants = [{"name": "acme", "users": [person(ANN)]}]
        assert not await office.apply({**FILE, "operators": operators, "tenants": tenants})
        yield await stack.enter_async_context(panel_over(office))


async def send(panel: PanelOffice) -> None:
    office = panel.office
    key = next(one for one in office.holder.current().keys.values() if one.name == "app1")
    sent = await office.submit.submit(Submission(key, "api", (TO,), SECRET, Options(sender="NAME1")))
    assert sent.items[0].refused is None


async def test_what_passes_is_there_at_once_and_says_nothing(panel: PanelOffice) -> None:
    root = await panel.visitor(ROOT)
    assert "Nothing has passed yet" in (await root.get(TRAFFIC)).page.text
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in root.cookies.items())}
    events = f"http://{panel.address}/panel/events/traffic"
    async with aiohttp.ClientSession() as session, session.get(events, headers=cookies) as stream:
        assert stream.status == 200
        await until(stream.content, "Nothing has passed yet")
        await send(panel)
        said = await until(stream.content, "acme")
    page = (await root.get(TRAFFIC)).html
    for shown in (said, page):
        assert "accepted" in shown
        assert SECRET not in shown
        assert TO not in shown.replace("\N{NO-BREAK SPACE}", "")
        assert "NAME1" not in shown
    assert ACME_KEY not in page


async def test_it_is_the_operators_alone(panel: PanelOffice) -> None:
    ann = await panel.visitor(ANN)
    assert (await ann.get(TRAFFIC)).status == 403
    assert (await ann.get("/panel/events/traffic")).status == 403


async def until(content: aiohttp.StreamReader, text: str) -> str:
    """All lines up to the event that has it."""
    said = ""
    async with asyncio.timeout(10):
        while text not in said or not said.endswith("\n\n"):
            said += (await content.readline()).decode()
    return said
