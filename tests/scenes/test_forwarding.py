"""Hand-overs to customers: each target gets its messages, in order where that counts, through every fault."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from support.fakes import FakeClock
from support.forwarding import HOOK, MAIL, SIP, Stage, opened
from support.world import ACME, OWN
from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND
from voip_sms.core.failures import Outcome, Permanent, Temporary, Uncertain
from voip_sms.engine.forward_claims import CLAIM
from voip_sms.engine.forwarding import PER_TARGET, Forwarding


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    async with opened(database_url, clock) as made:
        yield made


# --- the plain way ------------------------------------------------------------------------------------------


async def test_an_inbound_reaches_every_kind_of_target_at_once(stage: Stage) -> None:
    stage.rules(HOOK, MAIL, SIP)
    await stage.register()
    await stage.start()
    await stage.text("Cześć")
    await stage.until(stage.all_done)
    hook, mail, sip = (stage.out[kind].jobs[0] for kind in ("webhook", "mail", "sip"))
    assert (hook.target, hook.secret, hook.event) == ("http://h/1", "whsec_x", "message.received")
    assert (mail.target, mail.verified, mail.message.text) == ("a@example.test", True, "Cześć")
    assert [one.contact for one in sip.bindings] == ["sip:101@h"]
    assert sip.message.sender == "+48777000001"
    assert [row["outcome"] for row in await stage.scene.rows("forward_attempt")] == ["accepted"] * 3


async def test_queued_before_the_start_and_while_stopped(stage: Stage) -> None:
    stage.rules(MAIL)
    await stage.text("before")
    first = await stage.start()
    await stage.until(stage.all_done)
    await first.stop(1)
    await stage.text("between")
    await stage.start()
    await stage.until(stage.all_done)
    assert stage.out["mail"].texts == ["before", "between"]


# --- retries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Temporary("451"), Uncertain("lost"), RuntimeError("a fault")])
async def test_what_failed_for_now_is_tried_again_when_its_time_has_come(
    stage: Stage, outcome: Outcome | Exception
) -> None:
    stage.rules(MAIL)
    stage.out["mail"].planned.append(outcome)
    await stage.start()
    await stage.text("again")
    job = await stage.settled("queued")
    assert MINUTE <= job["due_at"] - stage.clock.now() <= MINUTE * 1.1
    assert job["cause"] in ("451", "lost", "fault")
    stage.at(job["due_at"])
    await stage.settled("done", attempts=2)
    assert [job.attempt for job in stage.out["mail"].jobs] == [1, 2]
    assert stage.out["mail"].jobs[0].id == stage.out["mail"].jobs[1].id
    assert len(await stage.scene.rows("forward_attempt")) == 2


async def test_retry_after_lengthens_the_wait(stage: Stage) -> None:
    stage.rules(HOOK)
    stage.out["webhook"].planned.append(Temporary("503", retry_after=7200))
    await stage.start()
    await stage.text("later")
    assert (await stage.settled("queued"))["due_at"] == stage.clock.now() + 2 * HOUR


async def test_a_webhook_is_given_up_after_ten_tries_over_three_days(stage: Stage) -> None:
    stage.rules(HOOK)
    stage.out["webhook"].usual = Temporary("500")
    await stage.start()
    began = stage.clock.now()
    await stage.text("never")
    for attempt in range(1, 10):
        job = await stage.settled("queued", attempt)
        stage.at(job["due_at"])
    job = await stage.settled("failed", 10)
    assert job["cause"] == "500"
    assert 3 * DAY < stage.clock.now() - began < 4 * DAY
    assert len(stage.out["webhook"].jobs) == 10


async def test_a_mail_expires_when_its_life_is_over(stage: Stage) -> None:
    stage.rules(MAIL)
    stage.out["mail"].usual = Temporary("451")
    await stage.start()
    await stage.text("never")
    job = await stage.settled("queued")
    stage.at(job["expires_at"])
    job = await stage.settled("expired", 2)
    assert job["cause"] == "451"
    assert len(stage.out["mail"].jobs) == 1  # too late is not tried


# --- refusals -----------------------------------------------------------------------------------------------


async def test_a_refusal_for_good_ends_it(stage: Stage) -> None:
    stage.rules(MAIL)
    stage.out["mail"].planned.append(Permanent("550"))
    await stage.start()
    await stage.text("no")
    assert (await stage.settled("failed"))["cause"] == "550"


async def test_gone_switches_the_rule_off_for_everybody(stage: Stage) -> None:
    stage.rules(HOOK)
    row = {
        "id": HOOK.id,
        "tenant_id": ACME,
        "number": OWN,
        "kind": "webhook",
        "targets": ["http://h/1"],
        "secret": "",
        "mode": "standard",
        "events": [],
        "enabled": True,
        "verified": False,
        "created_at": 0,
    }
    await stage.scene.insert("forward", row)
    stage.out["webhook"].planned.append(Permanent("410", disable=True))
    await stage.start()
    await stage.text("gone")
    await stage.settled("failed")
    off = await stage.scene.row("forward")
    assert (off["enabled"], off["disabled_reason"]) == (False, "410")
    assert (await stage.scene.row("generation"))["n"] == 42
    assert "directory" in stage.scene.woken


@pytest.mark.parametrize("gone", [True, False])
async def test_jobs_of_a_rule_that_was_removed_or_switched_off_end(stage: Stage, *, gone: bool) -> None:
    stage.rules(HOOK)
    await stage.text("late")
    stage.rules(*([] if gone else [replace(HOOK, enabled=False)]))
    await stage.start()
    job = await stage.settled("failed")
    assert job["cause"] == ("rule_gone" if gone else "rule_disabled")
    assert stage.out["webhook"].jobs == []


# --- phones -------------------------------------------------------------------------------------------------


async def test_a_phone_that_is_off_gets_everything_in_order_once_it_registers(stage: Stage) -> None:
    stage.rules(SIP)
    await stage.start()
    await stage.text("1", "2", "3")

    async def parked() -> bool:
        return (await stage.scene.rows("forward_job"))[0]["cause"] == "not_registered"

    await stage.until(parked)
    assert stage.out["sip"].jobs == []
    stage.clock.advance(2 * 3600)
    await stage.text("4")
    await stage.register()
    await stage.until(stage.all_done)
    assert stage.out["sip"].texts == ["1", "2", "3", "4"]
    assert stage.out["sip"].most == 1
    assert {job.attempt for job in stage.out["sip"].jobs} == {1}


async def test_a_failing_text_holds_up_those_behind_it_and_register_lets_them_go(stage: Stage) -> None:
    stage.rules(SIP)
    await stage.register()
    stage.out["sip"].planned.append(Temporary("480"))
    await stage.start()
    await stage.text("1", "2")

    async def waiting() -> bool:
        first, second = await stage.scene.rows("forward_job")
        return first["cause"] == "480" and second["due_at"] > stage.clock.now()

    await stage.until(waiting)
    first = (await stage.scene.rows("forward_job"))[0]
    assert 30 * SECOND <= first["due_at"] - stage.clock.now() <= 33 * SECOND
    await stage.register(2)
    await stage.until(stage.all_done)
    assert stage.out["sip"].texts == ["1", "1", "2"]


async def test_a_phone_that_registers_during_a_try_is_tried_again_at_once(stage: Stage) -> None:
    stage.rules(SIP)
    await stage.register()
    stage.out["sip"].planned.append(Temporary("timeout"))

    async def meanwhile() -> None:
        stage.out["sip"].on_deliver = None
        stage.clock.advance(5)
        await stage.register(2)
        stage.clock.advance(27)

    stage.out["sip"].on_deliver = meanwhile
    await stage.start()
    await stage.text("1")
    await stage.until(stage.all_done)
    assert stage.out["sip"].texts == ["1", "1"]


async def test_when_one_expires_the_next_has_its_turn(stage: Stage) -> None:
    stage.rules(SIP)
    await stage.start()
    await stage.text("old")
    stage.clock.advance(24 * 3600)
    await stage.text("new")
    stage.clock.moment = (await stage.scene.rows("forward_job"))[0]["expires_at"]

    async def expired() -> bool:
        return (await stage.states())[0] == "expired"

    await stage.until(expired)
    await stage.register()

    async def delivered() -> bool:
        return (await stage.states())[1] == "done"

    await stage.until(delivered)
    assert stage.out["sip"].texts == ["new"]


async def test_a_removed_account_ends_its_texts(stage: Stage) -> None:
    stage.rules(SIP)
    await stage.text("1")
    stage.scene.directory = replace(stage.scene.directory, sip={})
    await stage.start()
    assert (await stage.settled("failed"))["cause"] == "account_gone"


# --- bounds -------------------------------------------------------------------------------------------------


async def test_a_slow_target_gets_a_few_at_once_and_the_others_are_served(stage: Stage) -> None:
    other = replace(HOOK, id=b"rule-hook-000010", targets=("http://h/2",))
    stage.rules(HOOK)
    gate = stage.out["webhook"].gate
    gate.clear()
    await stage.start()
    await stage.text(*(f"slow {n}" for n in range(3 * PER_TARGET)))
    await stage.until(lambda: len(stage.out["webhook"].jobs) >= PER_TARGET)
    stage.rules(other, HOOK)
    await stage.text("fast")
    await stage.until(lambda: any(job.target == "http://h/2" for job in stage.out["webhook"].jobs))
    assert sum(job.target == "http://h/1" for job in stage.out["webhook"].jobs) == PER_TARGET
    gate.set()
    await stage.until(stage.all_done)  # the clock stands still: each goes as soon as one before it is over


# --- crashes ------------------------------------------------------------------------------------------------


async def test_what_was_under_way_when_the_process_died_is_tried_again_at_the_start(stage: Stage) -> None:
    stage.rules(MAIL)
    stage.out["mail"].gate.clear()
    died = await stage.start()
    await stage.text("once or twice")
    await stage.until(lambda: stage.out["mail"].jobs)
    await died.stop(0)  # the hand-over is cut off and nothing is recorded
    assert (await stage.job())["state"] == "sending"
    stage.out["mail"].gate.set()
    await stage.start()
    await stage.settled("done", attempts=2)
    outcomes = [(row["outcome"], row["cause"]) for row in await stage.scene.rows("forward_attempt")]
    assert outcomes == [("uncertain", "lapsed"), ("accepted", "")]


async def test_what_another_node_left_behind_is_taken_over_when_its_claim_lapses(stage: Stage) -> None:
    stage.rules(MAIL)
    stage.out["mail"].gate.clear()
    other = Forwarding(replace(stage.scene.context, node="node-2"), stage.scene.signals, stage.out)
    await other.start()
    await stage.text("theirs")
    await stage.until(lambda: stage.out["mail"].jobs)
    await other.stop(0)
    stage.out["mail"].gate.set()
    await stage.start()
    stage.clock.advance(CLAIM // SECOND - 1)
    await asyncio.sleep(0)
    assert (await stage.job())["claimed_by"] == "node-2"
    stage.clock.advance(2)
    await stage.settled("done", attempts=2)


async def test_a_clock_that_jumps_does_not_hand_over_twice(stage: Stage) -> None:
    stage.rules(MAIL)
    stage.out["mail"].gate.clear()
    await stage.start()
    await stage.text("once")
    await stage.until(lambda: stage.out["mail"].jobs)
    stage.clock.advance(3600)
    await stage.text("another")  # another look at the queue
    await stage.until(lambda: len(stage.out["mail"].jobs) == 2)
    stage.out["mail"].gate.set()
    await stage.until(stage.all_done)
    assert stage.out["mail"].texts == ["once", "another"]


async def test_stopping_waits_for_what_is_under_way(stage: Stage) -> None:
    stage.rules(MAIL)
    stage.out["mail"].gate.clear()
    forwarding = await stage.start()
    await stage.text("last")
    await stage.until(lambda: stage.out["mail"].jobs)
    stopping = asyncio.create_task(forwarding.stop(10))
    await asyncio.sleep(0)
    stage.out["mail"].gate.set()
    await stopping
    assert (await stage.job())["state"] == "done"


async def test_two_processes_share_the_work_and_keep_the_order(stage: Stage) -> None:
    stage.rules(SIP, MAIL)
    await stage.register()
    second = Forwarding(replace(stage.scene.context, node="node-2"), stage.scene.signals, stage.out)
    await stage.start()
    await second.start()
    stage.running.append(second)
    await stage.text(*(str(n) for n in range(20)))
    await stage.until(stage.all_done)
    assert stage.out["sip"].texts == [str(n) for n in range(20)]
    assert sorted(stage.out["mail"].texts, key=str) == sorted((str(n) for n in range(20)), key=str)
