"""A phone that registers at a proxy in front: what waits for it goes at once, and nothing is kept of where it is."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from support.fakes import FakeClock
from support.forwarding import SIP, FakeForwarder, Stage, opened
from support.world import PHONE, TWO_WAY
from voip_sms.core.clock import SECOND
from voip_sms.core.directory import SipAccount
from voip_sms.core.failures import Accepted, Permanent, Temporary
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.registrations import StoredRegistrations


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    async with opened(database_url, clock) as made:
        made.rules(SIP)
        phones = {"101": SipAccount(PHONE, {}, via="proxy"), "102": SipAccount(TWO_WAY, {}, via="proxy")}
        made.scene.directory = replace(made.scene.directory, sip=phones)
        yield made


@pytest.fixture
async def proxy(stage: Stage) -> FakeForwarder:
    forwarder = FakeForwarder()
    forwarding = Forwarding(
        stage.scene.context, stage.scene.signals, stage.out, elsewhere={"proxy": forwarder}
    )
    await forwarding.start()
    stage.running.append(forwarding)
    return forwarder


async def test_what_waits_is_due_at_once_and_the_rest_follows(stage: Stage, proxy: FakeForwarder) -> None:
    proxy.planned = [Temporary("sip_480")]
    await stage.text("1")
    await stage.settled("queued")
    await stage.text("2")
    await stage.registrations.announced(TWO_WAY)
    assert len(proxy.jobs) == 1, "somebody else's phone"
    await stage.registrations.announced(PHONE)
    await stage.until(stage.all_done)
    assert proxy.texts == ["1", "1", "2"]
    assert await stage.scene.count("binding") == 0


async def test_who_comes_while_a_try_fails_need_not_wait_for_the_next_one(
    stage: Stage, proxy: FakeForwarder, clock: FakeClock
) -> None:
    proxy.planned = [Temporary("sip_408")]
    proxy.gate.clear()
    await stage.text("Hej")
    await stage.until(lambda: len(proxy.jobs) == 1)
    clock.advance(5)
    await stage.registrations.announced(PHONE)
    clock.advance(5)
    proxy.gate.set()
    await stage.settled("done", attempts=2)
    assert len(proxy.jobs) == 2


@pytest.mark.parametrize(("outcome", "state"), [(Accepted(), "done"), (Permanent("sip_415"), "failed")])
async def test_what_has_ended_is_not_begun_again(
    stage: Stage, proxy: FakeForwarder, clock: FakeClock, outcome: Accepted | Permanent, state: str
) -> None:
    proxy.planned = [outcome]
    proxy.gate.clear()
    await stage.text("Hej")
    await stage.until(lambda: len(proxy.jobs) == 1)
    clock.advance(5)
    await stage.registrations.announced(PHONE)
    proxy.gate.set()
    await stage.settled(state)
    await stage.registrations.announced(PHONE)
    assert (await stage.job())["attempts"] == 1


async def test_a_phone_that_is_there_and_refuses_is_tried_by_the_usual_hours(
    stage: Stage, proxy: FakeForwarder, clock: FakeClock
) -> None:
    proxy.usual = Temporary("sip_486")
    await stage.registrations.announced(PHONE)
    await stage.text("Hej")
    job = await stage.settled("queued")
    assert 30 * SECOND <= job["due_at"] - clock.now() <= 33 * SECOND, "an earlier word changes nothing"


async def test_whoever_listens_hears_of_it(stage: Stage) -> None:
    heard: list[object] = []
    registrations = StoredRegistrations(stage.scene.context, lambda *told: heard.append(told))
    await registrations.announced(PHONE)
    assert heard == [("101", ())]
