"""Inbound messages, from the carrier's hand to the rows that forwarding works off: on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from support.fakes import FakeClock
from support.world import ACME, DIRECTORY, OTHER, OWN, POOL, STRANGER, TWO_WAY, World, world
from voip_sms.core import leases
from voip_sms.core.clock import DAY, MINUTE
from voip_sms.core.directory import BlockRule, ForwardRule, SipAccount, Tenant
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.core.leases import Holder, Term
from voip_sms.core.model import InboundPart
from voip_sms.engine.receive import Receiver

PEER = "+48777000001"
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
async def scene(database_url: str, clock: FakeClock) -> AsyncIterator[World]:
    made = world(database_url, clock)
    made.directory = replace(
        DIRECTORY,
        sip={account.name: SipAccount(account, {}) for account in (TWO_WAY,)},
        subscriptions={
            ACME: (ForwardRule(b"rule-all-0000001", ACME, None, "webhook", (HOOK,)),),
        },
    )
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def receiver(scene: World) -> Receiver:
    return Receiver(scene.context, "PL")


def rule(number: int, kind: Any, *targets: str, **more: Any) -> ForwardRule:
    return ForwardRule(f"rule-{number:011}".encode(), ACME, OWN, kind, targets, **more)


def forward(scene: World, *rules: ForwardRule) -> None:
    scene.directory = replace(scene.directory, forwards={OWN: rules})


def part(text: str = "Cześć", no: int = 1, total: int = 1, **changes: Any) -> InboundPart:
    values: dict[str, Any] = {
        "sender": PEER,
        "to": OWN,
        "text": text,
        "encoding": "gsm7",
        "reference": 7 if total > 1 else None,
        "no": no,
        "total": total,
    } | changes
    return InboundPart(**values, digest=sha256(repr(sorted(values.items())).encode()).digest())


async def jobs(scene: World) -> list[tuple[str, str]]:
    return sorted((row["kind"], row["target"]) for row in await scene.rows("forward_job"))


async def texts(scene: World) -> list[str]:
    return [row["body"] for row in await scene.rows("message_text")]


async def lease(scene: World, number: str, holder: Holder, until: int) -> None:
    pool = DIRECTORY.pools["pl"]
    term = Term(until, until + DAY)
    await scene.insert("lease", {"number": number, "peer": PEER} | leases.values(pool, holder, term))


# --- own numbers --------------------------------------------------------------------------------------------


async def test_a_text_to_an_own_number_is_stored_and_queued_for_every_forward(
    scene: World, receiver: Receiver
) -> None:
    forward(
        scene,
        rule(1, "sip", "101", "102"),
        rule(2, "mail", "biuro@example.test"),
        rule(3, "number", "+48602000001", verified=True),
        rule(4, "webhook", "http://127.0.0.1:9/own"),
    )
    await receiver.receive("sim", part())
    message = await scene.row("message")
    assert (message["tenant_id"], message["direction"], message["status"]) == (ACME, "inbound", "received")
    assert (message["sender"], message["recipient"], message["flags"]) == (PEER, OWN, "")
    assert await texts(scene) == ["Cześć"]
    assert await jobs(scene) == [
        ("mail", "biuro@example.test"),
        ("number", "+48602000001"),
        ("sip", "101"),
        ("sip", "102"),
        ("webhook", HOOK),
        ("webhook", "http://127.0.0.1:9/own"),
    ]
    assert "forwards" in scene.woken
    trace = json.loads(message["trace"])
    assert ["forward", "mail biuro@example.test", "queued"] in trace


async def test_a_reply_by_phone_or_mail_will_leave_from_the_number_texted(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    forward(scene, rule(1, "sip", "101"), rule(2, "mail", "biuro@example.test"))
    await receiver.receive("sim", part("a"))
    await receiver.receive("sim", part("b"))
    found = {row["account"]: row for row in await scene.rows("conversation", tenant_id=ACME)}
    assert set(found) == {"sip:101", "mail:biuro@example.test"}
    assert found["sip:101"]["peer"] == PEER
    assert found["sip:101"]["number"] == OWN
    assert found["sip:101"]["until"] == clock.now() + 7 * DAY


@pytest.mark.parametrize("to", ["48601000001", "601000001"])
async def test_numbers_without_plus_are_understood(scene: World, receiver: Receiver, to: str) -> None:
    await receiver.receive("sim", part(to=to, sender="777000001"))
    message = await scene.row("message")
    assert (message["recipient"], message["sender"]) == (OWN, PEER)


async def test_forwarding_switched_off_keeps_the_message_and_the_tenants_own_events(
    scene: World, receiver: Receiver
) -> None:
    forward(scene, rule(1, "sip", "101"))
    off = replace(DIRECTORY.numbers[OWN], forwarding=False)
    scene.directory = replace(scene.directory, numbers={OWN: off})
    await receiver.receive("sim", part())
    assert await jobs(scene) == [("webhook", HOOK)]
    assert await scene.count("message") == 1


async def test_a_disabled_rule_and_a_target_named_twice(scene: World, receiver: Receiver) -> None:
    forward(
        scene, rule(1, "sip", "101"), rule(2, "sip", "101", "102"), rule(3, "mail", "x@y.test", enabled=False)
    )
    await receiver.receive("sim", part())
    assert await jobs(scene) == [("sip", "101"), ("sip", "102"), ("webhook", HOOK)]


async def test_at_most_three_numbers_and_never_back_to_the_sender(scene: World, receiver: Receiver) -> None:
    forward(scene, rule(1, "number", PEER, OWN, *(f"+4860200000{n}" for n in range(5)), verified=True))
    await receiver.receive("sim", part())
    paid = [target for kind, target in await jobs(scene) if kind == "number"]
    assert paid == ["+48602000000", "+48602000001", "+48602000002"]


# --- repeats and parts --------------------------------------------------------------------------------------


async def test_a_repeat_within_a_day_is_one_message_and_later_a_new_one(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    await receiver.receive("sim", part())
    await asyncio.gather(*(receiver.receive("sim", part()) for _ in range(10)))
    assert await scene.count("message") == 1
    clock.advance(24 * 3600)
    await receiver.receive("sim", part())
    assert await scene.count("message") == 2


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
async def test_parts_are_joined_in_any_order_across_a_restart(
    scene: World, order: tuple[int, ...], clock: FakeClock
) -> None:
    pieces = {1: "Zażółć ", 2: "gęślą ", 3: "jaźń 😀"}
    for no in order:  # each by a service that remembers nothing
        fresh = Receiver(scene.context, "PL")
        await fresh.receive("sim", part(pieces[no], no, 3, encoding="ucs2"))
        await fresh.receive("sim", part(pieces[no], no, 3, encoding="ucs2"))
    message = await scene.row("message")
    assert (message["parts"], message["encoding"], message["flags"]) == (3, "ucs2", "")
    assert await texts(scene) == ["Zażółć gęślą jaźń 😀"]
    assert await scene.count("inbound_part") == 0
    assert len(await jobs(scene)) == 1


async def test_parts_arriving_together_are_one_message(scene: World, receiver: Receiver) -> None:
    forward(scene, rule(1, "number", "+48602000001", verified=True), rule(2, "sip", "101"))
    await asyncio.gather(*(receiver.receive("sim", part(f"<{no}>", no, 10)) for no in range(10, 0, -1)))
    assert await texts(scene) == ["".join(f"<{no}>" for no in range(1, 11))]


async def test_a_character_cut_in_two_and_a_nul_are_stored(scene: World, receiver: Receiver) -> None:
    await receiver.receive("sim", part("ok \ud83d", 1, 2, encoding="ucs2"))
    await receiver.receive("sim", part("\ude00", 2, 2, encoding="ucs2"))
    await receiver.receive("sim", part("a\0b\udc00"))
    assert sorted(await texts(scene)) == ["ab\ufffd", "ok 😀"]


async def test_missing_parts_are_given_up_and_the_message_says_so(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    forward(scene, rule(1, "sip", "101"))
    await receiver.receive("sim", part("one ", 1, 3))
    clock.advance(60)
    await receiver.receive("sim", part(" three", 3, 3))
    assert await scene.writer.do(receiver.flush_partial(clock.now())) == 0
    clock.advance(15 * 60)
    assert await scene.writer.do(receiver.flush_partial(clock.now())) == 1
    assert await scene.writer.do(receiver.flush_partial(clock.now())) == 0
    message = await scene.row("message")
    assert message["flags"] == "partial"
    assert await texts(scene) == ["one [...] three"]
    assert ["joining", "partial", "parts 2 of 3 never came"] in json.loads(message["trace"])
    assert ("sip", "101") in await jobs(scene)


async def test_several_incomplete_messages_of_one_sender_are_given_up_at_once(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    forward(scene, rule(1, "sip", "101"), rule(2, "number", "+48602000001", verified=True))
    for reference in range(3):
        await receiver.receive("sim", part("same", 1, 2, reference=reference))
    clock.advance(3600)
    assert await scene.writer.do(receiver.flush_partial(clock.now())) == 3
    assert await scene.count("conversation") == 1
    assert await scene.count("message") == 3


async def test_a_reference_used_again_does_not_mix_two_messages(scene: World, receiver: Receiver) -> None:
    await receiver.receive("sim", part("old one ", 1, 3))
    await receiver.receive("sim", part("old two", 2, 3))
    await receiver.receive("sim", part("new one ", 1, 3))
    assert await texts(scene) == ["old one old two[...]"]
    await receiver.receive("sim", part("new three", 3, 3))
    await receiver.receive("sim", part("new two ", 2, 3))
    assert (await texts(scene))[1] == "new one new two new three"


async def test_a_part_header_without_sense_is_a_message_of_its_own(scene: World, receiver: Receiver) -> None:
    await receiver.receive("sim", part("lost?", 5, 2))
    assert await texts(scene) == ["lost?"]


# --- 2way ---------------------------------------------------------------------------------------------------


async def test_an_answer_reaches_the_phone_that_texted_and_prolongs_the_window(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    await lease(scene, POOL[0], Holder(ACME, "sip:102"), clock.now() + MINUTE)
    await receiver.receive("sim", part(to=POOL[0]))
    message = await scene.row("message")
    assert (message["tenant_id"], message["account"], message["pool"]) == (ACME, "sip:102", "pl")
    assert await jobs(scene) == [("sip", "102"), ("webhook", HOOK)]
    renewed = await scene.row("lease")
    assert renewed["until"] == clock.now() + 7 * DAY
    assert renewed["rest_until"] == renewed["until"] + leases.REST
    assert (await scene.row("conversation"))["number"] == POOL[0]


async def test_answers_on_two_numbers_reach_two_tenants(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    await lease(scene, POOL[0], Holder(ACME, "key:app"), clock.now() + DAY)
    await lease(scene, POOL[1], Holder(OTHER, STRANGER.ref), clock.now() + DAY)
    await receiver.receive("sim", part("to acme", to=POOL[0]))
    await receiver.receive("sim", part("to other", to=POOL[1]))
    owners = {row["recipient"]: (row["tenant_id"], row["account"]) for row in await scene.rows("message")}
    assert owners == {POOL[0]: (ACME, "key:app"), POOL[1]: (OTHER, "key:app")}
    assert await jobs(scene) == [("webhook", HOOK)]  # a program is told by its own subscription only


async def test_an_answer_to_a_mail_goes_to_the_mailbox(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    await lease(scene, POOL[0], Holder(OTHER, "mail:anna@example.test"), clock.now() + DAY)
    await receiver.receive("sim", part(to=POOL[0]))
    assert await jobs(scene) == [("mail", "anna@example.test")]


@pytest.mark.parametrize("late", [False, True])
async def test_a_stranger_or_a_late_answer_is_quarantined(
    scene: World, receiver: Receiver, clock: FakeClock, *, late: bool
) -> None:
    if late:
        await lease(scene, POOL[0], Holder(ACME, "sip:102"), clock.now() - 1)
    await receiver.receive("sim", part("secret", to=POOL[0]))
    kept = await scene.row("quarantine")
    assert (kept["reason"], kept["body"], kept["sender"]) == ("no_conversation", "secret", PEER)
    assert await scene.count("message") == 0
    assert await jobs(scene) == []


async def test_a_number_nobody_has_is_quarantined(scene: World, receiver: Receiver) -> None:
    await receiver.receive("sim", part(to="+48799999999"))
    assert (await scene.row("quarantine"))["reason"] == "unknown_number"


async def test_a_text_and_its_answer_in_one_batch(scene: World, receiver: Receiver, clock: FakeClock) -> None:
    """The decision meets a lease that its predecessor made, and reads what follows from it first."""
    await asyncio.gather(
        lease(scene, POOL[0], Holder(ACME, "sip:102"), clock.now() + DAY),
        receiver.receive("sim", part(to=POOL[0])),
    )
    assert (await scene.row("message"))["account"] == "sip:102"
    assert await scene.count("conversation") == 1


# --- not wanted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["exact", "prefix", "name", "tenant", "disabled"])
async def test_what_is_blocked_is_kept_with_the_reason_and_told_to_nobody(
    scene: World, receiver: Receiver, how: Any
) -> None:
    forward(scene, rule(1, "sip", "101"), rule(2, "number", "+48602000001", verified=True))
    value = {"exact": PEER, "prefix": "+48777", "name": "loteria"}.get(how)
    sender = "Loteria" if how == "name" else PEER
    if value is not None:
        blocks = {ACME: (BlockRule(b"b" * 16, ACME, how, value),)}
        scene.directory = replace(scene.directory, blocks=blocks)
    else:
        tenant = Tenant(ACME, "acme", "std", enabled=how != "disabled", blocked_inbound=how == "tenant")
        scene.directory = replace(scene.directory, tenants={ACME: tenant})
    await receiver.receive("sim", part(sender=sender))
    message = await scene.row("message")
    assert (message["flags"], message["error_code"]) == ("blocked", "blocked")
    assert message["error_detail"]
    assert any(step[1] == "blocked" for step in json.loads(message["trace"]))
    assert await jobs(scene) == []
    assert await scene.count("conversation") == 0
    assert await texts(scene) == ["Cześć"]


async def test_somebody_elses_blacklist_blocks_nothing_here(scene: World, receiver: Receiver) -> None:
    blocks = {OTHER: (BlockRule(b"b" * 16, OTHER, "exact", PEER),)}
    scene.directory = replace(scene.directory, blocks=blocks)
    await receiver.receive("sim", part())
    assert (await scene.row("message"))["flags"] == ""


# --- loops --------------------------------------------------------------------------------------------------


async def test_a_forward_that_comes_back_is_not_paid_for_again(
    scene: World, receiver: Receiver, clock: FakeClock
) -> None:
    forward(scene, rule(1, "number", "+48602000001", verified=True), rule(2, "mail", "a@b.test"))
    await receiver.receive("sim", part("Cześć"))
    await receiver.receive("sim", part(f"{OWN}: {PEER}: CZESC", sender="+48602000001"))
    back = (await scene.rows("message"))[1]
    assert back["flags"] == "loop"
    assert [kind for kind, _ in await jobs(scene)] == ["mail", "mail", "number", "webhook", "webhook"]
    clock.advance(6 * 24 * 3600)
    await receiver.receive("sim", part(f"{PEER}: Cześć", sender="+48602000009"))
    assert [kind for kind, _ in await jobs(scene)].count("number") == 2  # nothing is remembered for ever


async def test_an_autoresponder_is_paid_for_once(scene: World, receiver: Receiver, clock: FakeClock) -> None:
    forward(scene, rule(1, "number", "+48602000001", "+48602000002", verified=True))
    for n in range(20):
        clock.advance(60)
        again = replace(part("Nie ma mnie", sender="+48602000001"), digest=sha256(bytes([n])).digest())
        await receiver.receive("sim", again)
    assert [kind for kind, _ in await jobs(scene)].count("number") == 1


# --- faults -------------------------------------------------------------------------------------------------


async def test_when_the_store_fails_the_carrier_is_not_answered_and_the_repeat_succeeds(
    scene: World, receiver: Receiver
) -> None:
    good = scene.writer
    broken = Receiver(replace(scene.context, writer=Unavailable()), "PL")  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailableError):
        await broken.receive("sim", part())
    assert await scene.count("message") == 0
    assert scene.context.writer is good
    await receiver.receive("sim", part())
    assert await scene.count("message") == 1


class Unavailable:
    async def do(self, unit: object) -> None:
        raise StoreUnavailableError
