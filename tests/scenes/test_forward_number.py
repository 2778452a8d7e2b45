"""Forwards to a phone number: one paid SMS per inbound, from the number that was texted, or a clear refusal."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from support.fakes import START, FakeClock, NoDispatcher
from support.sip_engine import message
from support.world import ACME, DIRECTORY, OWN, PHONE, POOL, PRICE, TWO_WAY, World, world
from voip_sms.core.directory import Account
from voip_sms.core.failures import Accepted, Permanent, StoreUnavailableError, Temporary
from voip_sms.core.identity import Rules
from voip_sms.core.model import ForwardJob, Submission, Submitted
from voip_sms.engine.submit import Submit
from voip_sms.forwards.number import NumberForwarder

SENDER = "+48777000001"
TARGET = "+48602000001"


@pytest.fixture
async def scene(database_url: str, clock: FakeClock) -> AsyncIterator[World]:
    made = world(database_url, clock)
    yield made
    await made.stop()


async def forwarder(scene: World, **options: Any) -> NumberForwarder:
    await scene.start(**options)
    return NumberForwarder(Submit(scene.context, NoDispatcher(), Rules()))


def job(text: str | None = "Cześć", **changes: Any) -> ForwardJob:
    about = message(sender=SENDER, text=text)._replace(tenant_id=ACME, to=OWN, parts=changes.pop("parts", 1))
    made = ForwardJob(b"j" * 16, ACME, "number", TARGET, "message.received", about, 1, START, verified=True)
    return replace(made, **changes)


async def sent(scene: World) -> list[tuple[str, str, str]]:
    bodies = {row["message_id"]: row["body"] for row in await scene.rows("message_text")}
    return [(row["sender"], row["recipient"], bodies[row["id"]]) for row in await scene.rows("message")]


async def test_the_target_reads_who_texted_and_the_tenant_pays_once(scene: World) -> None:
    forward = await forwarder(scene)
    for attempt in (1, 2, 3):  # an answer that was lost makes the engine try again
        assert isinstance(await forward.deliver(job(attempt=attempt)), Accepted)
    assert await sent(scene) == [(OWN, TARGET, f"{SENDER}: Cześć")]
    row = await scene.row("message")
    assert (row["door"], row["account"], row["cause"]) == ("forward", f"forward:{OWN}", b"j" * 16)
    assert (await scene.row("balance", tenant_id=ACME))["reserved"] == row["price"] > 0


async def test_two_targets_of_one_text_are_two_sms(scene: World) -> None:
    forward = await forwarder(scene)
    await forward.deliver(job())
    await forward.deliver(job(id=b"k" * 16, target="+48602000002"))
    assert {to for _, to, _ in await sent(scene)} == {TARGET, "+48602000002"}


async def test_a_ten_part_text_fits_with_its_sender_before_it(scene: World) -> None:
    forward = await forwarder(scene)
    assert isinstance(await forward.deliver(job("x" * 1530, parts=10)), Accepted)
    row = await scene.row("message")
    assert (row["parts"], row["price"]) == (11, 11 * PRICE)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"verified": False}, "not_verified"),
        ({"target": "+48700123456"}, "recipient_forbidden"),
        ({"target": "112"}, "recipient_forbidden"),
        ({"target": "+48222222222"}, "recipient_forbidden"),
        ({"target": "+33612345678"}, "no_route"),
        ({"target": "rubbish"}, "recipient_invalid"),
    ],
)
async def test_what_is_refused_for_good(scene: World, changes: dict[str, Any], cause: str) -> None:
    outcome = await (await forwarder(scene)).deliver(job(**changes))
    assert isinstance(outcome, Permanent)
    assert outcome.cause == cause
    assert await scene.count("message") == 0


async def test_without_credit_nothing_is_sent(scene: World) -> None:
    outcome = await (await forwarder(scene, credit=PRICE - 1)).deliver(job())
    assert isinstance(outcome, Permanent)
    assert outcome.cause == "credit_exhausted"


async def test_a_number_that_is_no_longer_the_tenants_sends_nothing(scene: World) -> None:
    scene.directory = replace(DIRECTORY, numbers={})
    outcome = await (await forwarder(scene)).deliver(job())
    assert isinstance(outcome, Permanent)
    assert outcome.cause == "sender_not_allowed"


async def test_a_text_that_is_gone_is_not_sent(scene: World) -> None:
    assert await (await forwarder(scene)).deliver(job(None)) == Permanent("text_gone")


async def test_when_the_store_is_away_it_is_tried_again(scene: World) -> None:
    await scene.start()

    class Away:
        async def submit(self, submission: Submission) -> Submitted:
            raise StoreUnavailableError

    outcome = await NumberForwarder(Away()).deliver(job())  # type: ignore[arg-type]
    assert isinstance(outcome, Temporary)
    assert outcome.cause == "store_unavailable"


@pytest.mark.parametrize("account", [PHONE, TWO_WAY], ids=["own number", "2way"])
async def test_in_a_phone_s_place_it_shows_what_the_account_shows_and_says_when(
    scene: World, account: Account
) -> None:
    """The number that was texted may be a pool's: it is the account whose phones did not take it that sends."""
    forward = await forwarder(scene)
    work = job(instead_of=account, timezone="Europe/Warsaw")
    for attempt in (1, 2):
        assert isinstance(await forward.deliver(replace(work, attempt=attempt)), Accepted)
    [(sender, target, text)] = await sent(scene)
    assert sender == OWN if account is PHONE else sender in POOL
    assert (target, text) == (TARGET, f"{SENDER} 1.01 01:00: Cześć")
    assert (await scene.row("message"))["account"] == account.ref
    assert (await scene.row("balance", tenant_id=ACME))["reserved"] > 0
    assert await scene.rows("forward_job") == []
