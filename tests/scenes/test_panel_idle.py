"""A page that lies open uses nobody's session: it ends when its person has been away for long enough."""

import aiohttp
import pytest
from sqlalchemy import select, update

from support.events import listening
from support.panel_house import PanelHouse
from support.people import ANN
from voip_sms.core.clock import MINUTE, SystemClock
from voip_sms.core.people import IDLE
from voip_sms.doors.panel.screens import live
from voip_sms.store.tables import panel_session


async def last_used(house: PanelHouse) -> int:
    return await house.ground.reader.run(
        lambda connection: connection.execute(select(panel_session.c.seen_at)).scalar_one()
    )


async def used_at(house: PanelHouse, moment: int) -> None:
    await house.ground.writer.run(
        lambda connection: connection.execute(update(panel_session).values(seen_at=moment)).rowcount
    )


async def test_only_what_a_person_does_counts_as_use(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    long_ago = SystemClock().now() - IDLE + 10 * MINUTE
    await used_at(house, long_ago)
    async with listening(house.address, "/panel/events/conversations", dict(ann.cookies)) as stream:
        assert stream.status == 200
    async with (
        aiohttp.ClientSession(
            cookies=dict(ann.cookies), cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session,
        session.get(f"http://{house.address}/panel", headers={"X-Parts": "1"}) as answer,
    ):
        assert answer.status == 200
    assert await last_used(house) == long_ago
    await ann.get("/panel/conversations")
    assert await last_used(house) > long_ago


async def test_a_stream_ends_with_its_session(house: PanelHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOKED_AFTER", 0.0)
    monkeypatch.setattr(live, "HEARTBEAT", 0.1)
    ann = await house.visitor(ANN)
    async with listening(house.address, "/panel/events/conversations?listed=1", dict(ann.cookies)) as stream:
        assert stream.status == 200
        await used_at(house, SystemClock().now() - IDLE)
        while await stream.next() is not None:
            pass
    async with listening(house.address, "/panel/events/conversations", dict(ann.cookies)) as stream:
        assert stream.status == 401
