"""The sign of life says within its bound that nothing can be stored, also where the database only hangs."""

import asyncio

import pytest

from support.fakes import FakeClock
from support.waiting import eventually
from support.world import world
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.engine.pulse import Pulse


async def gone(_unit: object) -> None:
    raise StoreUnavailableError


async def silent(_unit: object) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("database", [gone, silent])
async def test_an_outage_is_told_and_its_end(
    database_url: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, database: object
) -> None:
    monkeypatch.setattr("voip_sms.engine.pulse.EVERY", 0.01)
    monkeypatch.setattr("voip_sms.engine.pulse.WITHIN", 0.5)
    scene = world(database_url, clock)
    await scene.start()
    told: list[bool] = []
    beating = asyncio.create_task(Pulse(scene.context, told.append).run())
    with monkeypatch.context() as patch:
        patch.setattr(scene.writer, "do", database)
        await eventually(lambda: False in told)
    await eventually(lambda: told[-1])
    beating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beating
    await scene.stop()
