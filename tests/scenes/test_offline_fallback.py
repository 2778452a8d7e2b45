"""A text that no phone took in time goes to a mailbox or a number: once, and never back to the phone as well."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from support.fakes import FakeClock
from support.forwarding import MAIL, SIP, Stage, opened
from support.world import OWN, PHONE, TWO_WAY
from voip_sms.core import loops
from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.directory import Fallback, SipAccount
from voip_sms.core.failures import Accepted, ContactResult, Permanent, Temporary
from voip_sms.core.model import InboundPart
from voip_sms.core.notices import fallen_back

MAILBOX = Fallback(HOUR, "mail", "boss@example.test")
MOBILE = Fallback(HOUR, "number", "+48602000009")
PEER = "+48777000001"


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    async with opened(database_url, clock) as made:
        made.rules(SIP)
        falls_to(made, MAILBOX)
        yield made


def falls_to(stage: Stage, *fallbacks: Fallback | None) -> None:
    accounts = [SipAccount(PHONE, {}), SipAccount(TWO_WAY, {})]
    entries = (replace(one, fallback=to) for one, to in zip(accounts, fallbacks, strict=False))
    stage.scene.directory = replace(
        stage.scene.directory, sip={entry.account.name: entry for entry in entries}
    )


async def jobs(stage: Stage) -> list[tuple[str, str, str]]:
    """Each hand-over: kind, state, cause; phones' first."""
    rows = await stage.scene.rows("forward_job")
    return sorted(
        ((row["kind"], row["state"], row["cause"]) for row in rows), key=lambda one: one[0] != "sip"
    )


async def come_to(stage: Stage, *wanted: tuple[str, str, str]) -> None:
    async def reached() -> bool:
        return await jobs(stage) == list(wanted)

    await stage.until(reached)


def counted(stage: Stage, kind: str) -> dict[str, float]:
    """What an operator's dashboard shows of the tries of one kind, by what came of them."""
    read = stage.scene.context.metrics.registry.get_sample_value
    states = ("queued", "done", "failed", "expired", "fell_back")
    found = {state: read("voip_sms_forwards_total", {"kind": kind, "state": state}) for state in states}
    return {state: number for state, number in found.items() if number}


FELL = ("sip", "fell_back", "not_registered")
WAITS = ("sip", "queued", "not_registered")


async def test_a_text_that_no_phone_took_goes_by_mail_and_to_no_phone_later(stage: Stage) -> None:
    await stage.start()
    await stage.text("Oddzwoń")
    await come_to(stage, WAITS)
    assert (await stage.job())["due_at"] == stage.clock.now() + HOUR, "it is woken when its time has come"
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, FELL, ("mail", "done", ""))
    [mail] = stage.out["mail"].jobs
    assert (mail.target, mail.message.text, mail.message.sender) == ("boss@example.test", "Oddzwoń", PEER)
    assert mail.instead_of == PHONE
    await stage.register()
    await stage.text("Już jestem")
    await stage.until(lambda: stage.out["sip"].jobs)
    assert stage.out["sip"].texts == ["Już jestem"], "nobody reads a text twice"


async def test_a_phone_that_comes_in_time_gets_it_and_the_mailbox_does_not(stage: Stage) -> None:
    await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS)
    stage.clock.advance(3599)
    await stage.register()
    await come_to(stage, ("sip", "done", ""))
    stage.at(stage.clock.now() + 2 * HOUR)
    await stage.text("2")
    await stage.until(lambda: stage.scene.count("forward_job"))
    assert stage.out["mail"].jobs == []


async def test_each_goes_at_its_own_time_and_in_order(stage: Stage) -> None:
    await stage.start()
    for text in ("1", "2", "3"):
        await stage.text(text)
        stage.clock.advance(60)
    began = stage.clock.now() - 3 * MINUTE
    for count in (1, 2, 3):
        stage.at(began + (count - 1) * MINUTE + HOUR)

        async def fallen(count: int = count) -> bool:
            return (await stage.states()).count("fell_back") == count

        await stage.until(fallen)
        await stage.until(lambda count=count: len(stage.out["mail"].jobs) == count)
    assert stage.out["mail"].texts == ["1", "2", "3"]


async def test_a_phone_that_is_always_busy(stage: Stage) -> None:
    stage.out["sip"].usual = Temporary("sip_486")
    await stage.register()
    await stage.start()
    await stage.text("1")
    while (await jobs(stage))[0][1] != "fell_back":
        job = (await stage.scene.rows("forward_job"))[0]
        assert job["due_at"] <= job["created_at"] + HOUR
        stage.at(max(job["due_at"], stage.clock.now()))
        await asyncio.sleep(0.02)
    await come_to(stage, ("sip", "fell_back", "not_registered"), ("mail", "done", ""))
    assert stage.clock.now() == (await stage.scene.rows("forward_job"))[0]["created_at"] + HOUR


async def test_a_phone_that_will_never_take_it(stage: Stage) -> None:
    await stage.register()
    stage.out["sip"].planned.append(Permanent("sip_488"))
    await stage.start()
    await stage.text("1")
    await come_to(stage, ("sip", "fell_back", "sip_488"), ("mail", "done", ""))


async def test_without_a_fallback_a_text_waits_and_expires(stage: Stage) -> None:
    falls_to(stage, None)
    await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS)
    assert (await stage.job())["expires_at"] == stage.clock.now() + 3 * DAY
    stage.at(stage.clock.now() + 3 * DAY)
    await come_to(stage, ("sip", "expired", "not_registered"))


async def test_a_fallback_that_is_set_later_takes_what_waits_already(stage: Stage) -> None:
    falls_to(stage, None)
    await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS)
    falls_to(stage, MAILBOX)
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, FELL, ("mail", "done", ""))


# --- as an SMS ----------------------------------------------------------------------------------------------


async def test_as_an_sms_with_its_author_and_time_and_remembered_against_loops(stage: Stage) -> None:
    falls_to(stage, MOBILE)
    await stage.start()
    await stage.text("Oddzwoń")
    await come_to(stage, WAITS)
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, FELL, ("number", "done", ""))
    [sms] = stage.out["number"].jobs
    assert (sms.target, sms.verified, sms.instead_of) == ("+48602000009", True, PHONE)
    body = fallen_back(sms.message, "Europe/Warsaw")
    assert body == f"{PEER} 22.11 11:00: Oddzwoń"
    [guard] = await stage.scene.rows("loop_guard")
    assert guard["digest"] == loops.digest(fallen_back(sms.message, sms.timezone))


async def test_what_came_back_is_not_paid_for_again(stage: Stage) -> None:
    falls_to(stage, MOBILE)
    await stage.start()
    await stage.text("Oddzwoń")
    await come_to(stage, WAITS)
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, FELL, ("number", "done", ""))
    [sms] = stage.out["number"].jobs
    back = f"Od {MOBILE.to}: {fallen_back(sms.message, sms.timezone)}"
    await stage.receiver.receive("sim", InboundPart("+48777000002", OWN, back, "gsm7", bytes(32)))
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, FELL, WAITS, ("number", "done", ""))
    assert len(stage.out["number"].jobs) == 1
    await stage.register()
    await stage.until(lambda: stage.out["sip"].jobs)
    assert stage.out["sip"].texts == [back], "it goes on waiting for the phone"


async def test_an_sms_never_goes_to_whom_it_came_from(stage: Stage) -> None:
    falls_to(stage, replace(MOBILE, to=PEER))
    await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS)
    stage.at(stage.clock.now() + HOUR)

    async def parked() -> bool:
        job = await stage.job()
        return bool(job["due_at"] == job["expires_at"])

    await stage.until(parked)
    assert await jobs(stage) == [WAITS]


async def test_a_number_taken_out_of_the_settings_gets_nothing_more(stage: Stage) -> None:
    falls_to(stage, MOBILE)
    stage.out["number"].planned.append(Temporary("credit_exhausted"))
    await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS)
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, FELL, ("number", "queued", "credit_exhausted"))
    falls_to(stage, None)
    stage.out["number"].planned.append(Permanent("not_verified"))  # as `forwards/number.py` does then
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, WAITS, ("number", "failed", "not_verified"))
    assert not stage.out["number"].jobs[-1].verified


# --- faults -------------------------------------------------------------------------------------------------


async def test_a_service_that_was_down_at_the_hour_does_it_once_when_it_is_back(stage: Stage) -> None:
    first = await stage.start()
    await stage.text("1", "2")
    await stage.until(lambda: stage.scene.count("forward_job"))
    await first.stop(1)
    stage.clock.advance(4 * 24 * 3600)  # beyond the time that a text is kept for a phone
    await stage.start()

    async def fallen() -> bool:
        return (await stage.states()).count("fell_back") == 2 and len(stage.out["mail"].jobs) == 2

    await stage.until(fallen)
    assert stage.out["mail"].texts == ["1", "2"]


async def test_a_crash_while_it_goes_elsewhere_makes_no_second_one(stage: Stage) -> None:
    stage.out["mail"].gate.clear()
    died = await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS)
    stage.at(stage.clock.now() + HOUR)
    await stage.until(lambda: stage.out["mail"].jobs)
    await died.stop(0)
    stage.out["mail"].gate.set()
    await stage.start()
    await come_to(stage, FELL, ("mail", "done", ""))
    assert len({job.id for job in stage.out["mail"].jobs}) == 1, "the same Message-ID: one mail to its reader"


async def test_a_fallback_that_fails_leaves_the_text_with_the_phone(stage: Stage) -> None:
    stage.out["mail"].planned.append(Permanent("550"))
    await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS)
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, WAITS, ("mail", "failed", "550"))
    await stage.until(lambda: counted(stage, "mail") == {"failed": 1})
    await stage.register()
    await come_to(stage, ("sip", "done", ""), ("mail", "failed", "550"))
    assert stage.out["sip"].texts == ["1"]


# --- several accounts and contacts --------------------------------------------------------------------------


async def test_each_account_has_its_own_text_and_one_mailbox_gets_it_once(stage: Stage) -> None:
    stage.rules(replace(SIP, targets=("101", "102")), MAIL)
    falls_to(stage, MAILBOX, MAILBOX)
    await stage.register()
    await stage.start()
    await stage.text("1")

    async def delivered_to_one() -> bool:
        return [job.target for job in stage.out["sip"].jobs] == ["101"]

    await stage.until(delivered_to_one)
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, ("sip", "done", ""), FELL, ("mail", "done", ""), ("mail", "done", ""))
    assert sorted(job.target for job in stage.out["mail"].jobs) == ["a@example.test", "boss@example.test"]


async def test_two_accounts_that_fall_back_to_one_mailbox(stage: Stage) -> None:
    stage.rules(replace(SIP, targets=("101", "102")))
    falls_to(stage, MAILBOX, MAILBOX)
    await stage.start()
    await stage.text("1")
    await come_to(stage, WAITS, WAITS)
    stage.at(stage.clock.now() + HOUR)
    await come_to(stage, FELL, FELL, ("mail", "done", ""))
    assert len(stage.out["mail"].jobs) == 1


async def test_each_contact_s_answer_is_kept_and_how_much_of_a_text_it_has(stage: Stage) -> None:
    await stage.register()
    partly = (ContactResult("sip:101@a", "486", 400), ContactResult("sip:101@b", "timeout"))
    stage.out["sip"].planned.append(Temporary("sip_486", contacts=partly))
    stage.out["sip"].usual = Accepted("sip:101@a", contacts=(ContactResult("sip:101@a", "200"),))
    await stage.start()
    await stage.text("1")
    first = await stage.settled("queued")
    assert first["taken"] == {"sip:101@a": 400}
    stage.at(first["due_at"])
    await stage.settled("done", 2)
    assert stage.out["sip"].jobs[1].taken == {"sip:101@a": 400}
    attempts: list[Any] = [row["contacts"] for row in await stage.scene.rows("forward_attempt")]
    assert attempts == [[["sip:101@a", "486"], ["sip:101@b", "timeout"]], [["sip:101@a", "200"]]]
