"""Phones that do not register here: texts go to where they are, at once, and no more is said than is known."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from support.fakes import FakeClock, NoDispatcher
from support.forwarding import SIP, FakeForwarder, Stage, opened
from support.world import ACME, PHONE, TWO_WAY, to_send
from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND
from voip_sms.core.directory import Fallback, SipAccount, Via
from voip_sms.core.failures import Accepted, Permanent, Temporary
from voip_sms.core.identity import Rules
from voip_sms.core.model import Message, Submission
from voip_sms.engine.chores.expiry import PATIENCE, NoReceipt
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.messages import Messages
from voip_sms.engine.submit import Submit

HANDED = Accepted("sip:101@pbx", handed_to="PBX")


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    async with opened(database_url, clock) as made:
        made.rules(SIP)
        yield made


@pytest.fixture
def pbx() -> FakeForwarder:
    return FakeForwarder(HANDED)


async def start(stage: Stage, pbx: FakeForwarder | None, via: Via = "asterisk", **account: Any) -> None:
    """Account 101 is there; 102 registers here."""
    phones = {"101": SipAccount(PHONE, {}, via=via, **account), "102": SipAccount(TWO_WAY, {})}
    stage.scene.directory = replace(stage.scene.directory, sip=phones)
    elsewhere = {} if pbx is None else {via: pbx}
    forwarding = Forwarding(stage.scene.context, stage.scene.signals, stage.out, elsewhere=elsewhere)
    await forwarding.start()
    stage.running.append(forwarding)


async def test_a_phone_on_a_pbx_gets_it_without_a_register_here(stage: Stage, pbx: FakeForwarder) -> None:
    await start(stage, pbx)
    await stage.text("Hej")
    job = await stage.settled("done")
    assert job["cause"] == "handed to PBX"
    [attempt] = await stage.scene.rows("forward_attempt")
    assert (attempt["outcome"], attempt["cause"]) == ("accepted", "handed to PBX")
    [tried] = pbx.jobs
    assert (tried.via, tried.target, tried.bindings) == ("asterisk", "101", ())
    assert stage.out["sip"].jobs == []


async def test_a_register_here_changes_nothing_for_a_phone_on_a_pbx(stage: Stage, pbx: FakeForwarder) -> None:
    await stage.register()
    await start(stage, pbx)
    await stage.text("Hej")
    await stage.settled("done")
    assert (len(pbx.jobs), stage.out["sip"].jobs) == (1, [])


async def test_the_pbx_is_away_and_it_goes_when_it_is_back(stage: Stage, pbx: FakeForwarder) -> None:
    pbx.planned = [Temporary("unreachable")]
    await start(stage, pbx)
    await stage.text("1", "2")
    await stage.until(lambda: len(pbx.jobs) == 1)

    async def waits() -> bool:
        first = (await stage.scene.rows("forward_job"))[0]
        return bool(first["state"] == "queued" and first["attempts"] == 1)

    await stage.until(waits)
    due_at = (await stage.scene.rows("forward_job"))[0]["due_at"]
    assert 30 * SECOND <= due_at - stage.clock.now() <= 33 * SECOND, "not until somebody registers"
    stage.at(due_at)
    await stage.until(stage.all_done)
    assert pbx.texts == ["1", "1", "2"], "in order"


async def test_without_a_pbx_it_waits_and_says_why(stage: Stage) -> None:
    await start(stage, None)
    await stage.text("Hej")
    assert (await stage.settled("queued"))["cause"] == "no_asterisk"


@pytest.mark.parametrize("via", ["asterisk", "proxy"])
async def test_each_goes_where_its_account_is(stage: Stage, pbx: FakeForwarder, via: Via) -> None:
    await start(stage, pbx, via)
    await stage.text("Hej")
    await stage.settled("done")
    assert pbx.jobs[0].via == via


async def test_what_nobody_takes_in_time_goes_to_the_fallback(stage: Stage, pbx: FakeForwarder) -> None:
    pbx.usual = Temporary("unreachable")
    await start(stage, pbx, fallback=Fallback(5 * MINUTE, "mail", "boss@acme.test"))
    await stage.text("Hej")
    begun = stage.clock.now()
    for after in (0, 31, 34 + 60, 5 * 60):
        stage.at(begun + after * SECOND)
        await stage.until(lambda: not stage.running[0].under_way)
    await stage.until(lambda: stage.out["mail"].jobs)
    assert [one["state"] for one in await stage.scene.rows("forward_job", kind="sip")] == ["fell_back"]


async def test_a_text_that_no_pbx_ever_takes_expires(stage: Stage, pbx: FakeForwarder) -> None:
    pbx.usual = Temporary("unreachable")
    await start(stage, pbx)
    await stage.text("Hej")
    await stage.settled("queued")
    stage.at(stage.clock.now() + 3 * DAY + HOUR)
    assert (await stage.settled("expired", attempts=2))["cause"] == "unreachable"


# --- from extension to extension ----------------------------------------------------------------------------


async def sent(stage: Stage) -> Message:
    door = Submit(stage.scene.context, NoDispatcher(), Rules())
    submission: Submission = to_send("sip:101", text="Hej", account=TWO_WAY, door="sip")
    (item,) = (await door.submit(submission)).items
    assert item.message is not None, item.refused
    return item.message


async def becomes(stage: Stage, message: Message, status: str) -> Message:
    async def reached() -> bool:
        return (await Messages(stage.scene.reader).get(ACME, message.id)).status == status

    await stage.until(reached)
    return await Messages(stage.scene.reader).get(ACME, message.id)


async def test_what_a_pbx_took_is_sent_and_not_delivered(stage: Stage, pbx: FakeForwarder) -> None:
    await start(stage, pbx)
    message = await sent(stage)
    then = await becomes(stage, message, "sent")
    assert [(event.status, event.cause) for event in then.events][-1] == ("sent", "handed to PBX")


async def test_it_ends_as_one_that_nobody_reported_on_and_the_writer_is_not_told_that_it_failed(
    stage: Stage, pbx: FakeForwarder
) -> None:
    await start(stage, pbx)
    message = await sent(stage)
    await becomes(stage, message, "sent")
    stage.clock.moment += 30 * DAY + PATIENCE
    assert await NoReceipt().run(stage.scene.context) == 1
    ended = await becomes(stage, message, "expired")
    assert ended.error_code == "no_receipt"
    assert await stage.scene.count("forward_job") == 1


async def test_a_proxy_that_knows_says_so(stage: Stage) -> None:
    proxy = FakeForwarder(Accepted("sip:101@kamailio"))
    await start(stage, proxy, "proxy")
    await becomes(stage, await sent(stage), "delivered")


async def test_a_proxy_that_refuses_for_good(stage: Stage) -> None:
    proxy = FakeForwarder(Permanent("415"))
    await start(stage, proxy, "proxy")
    assert (await becomes(stage, await sent(stage), "undelivered")).events[-1].cause == "415"
