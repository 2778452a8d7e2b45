"""Submitting over a real database: what is stored, what it costs, who it comes from, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from support.fakes import FakeClock, NoDispatcher
from support.world import (
    ACME,
    CREDIT,
    KEY,
    OTHER,
    OWN,
    PHONE,
    POOL,
    PRICE,
    STRANGER,
    TWO_WAY,
    World,
    to_send,
    world,
)
from voip_sms.core.clock import DAY, HOUR, SECOND
from voip_sms.core.directory import Identity, Pool
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.identity import Rules
from voip_sms.core.model import Message, Submitted
from voip_sms.engine.submit import Submit
from voip_sms.store.writer import Writer

PEER = "+48601123456"


@pytest.fixture
async def scene(database_url: str, clock: FakeClock) -> AsyncIterator[World]:
    made = world(database_url, clock)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def door(scene: World) -> Submit:
    return Submit(scene.context, NoDispatcher(), Rules())


def only(submitted: Submitted) -> Message:
    (item,) = submitted.items
    assert item.message is not None, item.refused
    return item.message


def refused(submitted: Submitted) -> str:
    (item,) = submitted.items
    assert item.refused is not None
    return item.refused.code.name


async def balance(scene: World) -> tuple[int, int, int]:
    row = await scene.row("balance", tenant_id=ACME)
    return row["credit"], row["reserved"], row["settled"]


async def test_a_message_is_on_disk_with_its_price_when_the_answer_comes(scene: World, door: Submit) -> None:
    message = only(await door.submit(to_send("601 123 456", text="Dzień dobry", client_ref="r1")))

    assert (message.status, message.to, message.sender) == ("accepted", PEER, "ACME")
    assert (message.price, message.currency, message.encoding, message.parts) == (PRICE, "PLN", "ucs2", 1)
    row = await scene.row("message", id=message.id)
    assert row["status"] == "accepted"
    assert row["client_ref"] == "r1"
    assert row["expires_at"] == scene.clock.now() + 48 * HOUR
    assert (await scene.row("message_text"))["body"] == "Dzień dobry"
    part = await scene.row("part")
    assert (part["state"], part["carrier"], part["pair"]) == ("queued", "sim", f"ACME>{PEER}")
    assert part["due_at"] <= scene.clock.now()
    ledger = await scene.row("ledger")
    assert (ledger["kind"], ledger["amount"]) == ("reserve", PRICE)
    assert await balance(scene) == (CREDIT, PRICE, 0)
    assert await scene.count("message_event") == 0
    assert "parts:sim" in scene.woken


async def test_the_trace_is_kept_with_the_message(scene: World, door: Submit) -> None:
    message = only(await door.submit(to_send(PEER)))

    trace = orjson.loads((await scene.row("message", id=message.id))["trace"])
    assert [step[0] for step in trace] == ["recipient", "screening", "text", "identity", "route", "price"]


async def test_each_part_is_a_row_and_costs(scene: World, door: Submit) -> None:
    message = only(await door.submit(to_send(PEER, text="x" * 400)))

    assert message.price == 3 * PRICE
    parts = await scene.rows("part")
    assert [part["no"] for part in parts] == [1, 2, 3]
    assert (await scene.row("message"))["reference"] != 0
    assert (await scene.row("ledger"))["amount"] == 3 * PRICE


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (to_send("12"), "recipient_invalid"),
        (to_send("112"), "recipient_forbidden"),
        (to_send("+48221234567"), "recipient_forbidden"),
        (to_send("+33612345678"), "no_route"),
        (to_send(PEER, text="  \n"), "text_empty"),
        (to_send(PEER, text="x" * 161, max_parts=1), "text_too_long"),
        (to_send(PEER, text="x" * 1_000_000), "text_too_long"),
        (to_send(PEER, sender="Wait"), "sender_not_allowed"),
        (to_send(PEER, sender="Other"), "sender_not_allowed"),
        (to_send(PEER, sender="+48601000009"), "sender_not_allowed"),
        (to_send(PEER, sender=POOL[0]), "sender_not_allowed"),
        (to_send(PEER, account=replace(KEY, enabled=False)), "forbidden"),
        (to_send(PEER, account=replace(KEY, tenant_id=b"nobody-is-here-1")), "forbidden"),
    ],
)
async def test_what_is_refused_leaves_no_trace(scene: World, door: Submit, asked, code: str) -> None:
    assert refused(await door.submit(asked)) == code

    for table in ("message", "part", "ledger", "message_text", "idempotency", "lease"):
        assert await scene.count(table) == 0
    assert await balance(scene) == (CREDIT, 0, 0)


async def test_a_disabled_tenant_sends_nothing(scene: World, door: Submit) -> None:
    tenants = {**scene.directory.tenants, ACME: replace(scene.directory.tenants[ACME], enabled=False)}
    scene.directory = replace(scene.directory, tenants=tenants)

    assert refused(await door.submit(to_send(PEER))) == "forbidden"


async def test_no_credit_stops_before_anything_is_stored(scene: World, door: Submit) -> None:
    plenty, short = to_send(PEER, text="x" * 400), to_send(PEER)
    await scene.writer.run(lambda c: c.exec_driver_sql(f"UPDATE balance SET credit = {2 * PRICE}"))

    assert refused(await door.submit(plenty)) == "credit_exhausted"
    only(await door.submit(short))
    only(await door.submit(short))
    assert refused(await door.submit(short)) == "credit_exhausted"
    assert await balance(scene) == (2 * PRICE, 2 * PRICE, 0)


async def test_many_at_once_never_reserve_more_than_there_is(scene: World, door: Submit) -> None:
    await scene.writer.run(lambda c: c.exec_driver_sql(f"UPDATE balance SET credit = {7 * PRICE}"))

    results = await asyncio.gather(*(door.submit(to_send(PEER, text=str(n))) for n in range(20)))

    assert sum(result.items[0].message is not None for result in results) == 7
    assert await balance(scene) == (7 * PRICE, 7 * PRICE, 0)


async def test_a_list_has_a_result_for_each_recipient(scene: World, door: Submit) -> None:
    submitted = await door.submit(to_send("601123456", "banana", "601123457", "601123456"))

    codes = [item.refused.code.name if item.refused else item.message.to for item in submitted.items]
    assert codes == [PEER, "recipient_invalid", "+48601123457", PEER]
    rows = await scene.rows("message")
    assert len(rows) == 3
    assert {row["submission_id"] for row in rows} == {submitted.submission_id}
    assert {row["priority"] for row in rows} == {2}
    assert await balance(scene) == (CREDIT, 3 * PRICE, 0)


async def test_a_list_stops_where_the_credit_does(scene: World, door: Submit) -> None:
    await scene.writer.run(lambda c: c.exec_driver_sql(f"UPDATE balance SET credit = {2 * PRICE}"))

    submitted = await door.submit(to_send(*(f"60112345{n}" for n in range(4))))

    assert [item.refused.code.name if item.refused else "ok" for item in submitted.items] == [
        "ok",
        "ok",
        "credit_exhausted",
        "credit_exhausted",
    ]


async def test_too_many_recipients_are_refused_as_a_whole(door: Submit) -> None:
    with pytest.raises(Refusal) as caught:
        await door.submit(to_send(*(["601123456"] * 10_001)))
    assert caught.value.code.name == "invalid"


# --- idempotency ---


async def test_a_repeat_gets_the_same_message_with_its_status_of_now(scene: World, door: Submit) -> None:
    first = only(await door.submit(to_send(PEER, key="k1")))
    await scene.writer.run(lambda c: c.exec_driver_sql("UPDATE message SET status = 'sent'"))

    again = await door.submit(to_send(PEER, key="k1"))

    assert again.replayed
    assert only(again).id == first.id
    assert only(again).status == "sent"
    assert await scene.count("message") == 1
    assert await balance(scene) == (CREDIT, PRICE, 0)


async def test_the_same_key_with_another_body_is_a_mismatch(scene: World, door: Submit) -> None:
    await door.submit(to_send(PEER, key="k1"))

    with pytest.raises(Refusal) as caught:
        await door.submit(to_send(PEER, text="Other", key="k1"))
    assert caught.value.code.name == "idempotency_mismatch"
    assert await scene.count("message") == 1


async def test_concurrent_repeats_store_once(scene: World, door: Submit) -> None:
    results = await asyncio.gather(*(door.submit(to_send(PEER, key="k1")) for _ in range(20)))

    assert len({only(result).id for result in results}) == 1
    assert sum(not result.replayed for result in results) == 1
    assert await scene.count("message") == 1


async def test_a_refusal_is_not_kept(scene: World, door: Submit) -> None:
    assert refused(await door.submit(to_send(PEER, sender="Wait", key="k1"))) == "sender_not_allowed"
    names = {**scene.directory.names}
    names[ACME, "Wait"] = replace(names[ACME, "Wait"], status="approved")
    scene.directory = replace(scene.directory, names=names)

    assert only(await door.submit(to_send(PEER, sender="Wait", key="k1"))).sender == "Wait"


async def test_a_repeated_list_gets_its_results_again(door: Submit) -> None:
    asked = to_send("601123456", "banana", "601123457", key="k1")
    first = await door.submit(asked)
    again = await door.submit(asked)

    assert again.replayed
    assert again.submission_id == first.submission_id
    assert [item.to for item in again.items] == [item.to for item in first.items]
    assert [item.message.id if item.message else None for item in again.items] == [
        item.message.id if item.message else None for item in first.items
    ]
    assert again.items[1].refused.code.name == "recipient_invalid"


# --- identity, 2way, conversations ---


async def test_two_customers_who_text_one_number_at_once_on_two_nodes_are_both_sent(
    scene: World, door: Submit
) -> None:
    """Neither node sees the other's lease before its commit: the second looks once more, at what is free."""
    writer = Writer(scene.database.writer, lambda _topics: None)
    writer.start()
    elsewhere = Submit(replace(scene.context, writer=writer), NoDispatcher(), Rules())
    try:
        for number in range(20):
            peer = f"+4860112{number:04}"
            ours, theirs = await asyncio.gather(
                door.submit(to_send(peer, account=TWO_WAY, door="sip")),
                elsewhere.submit(to_send(peer, account=STRANGER)),
            )
            assert {only(ours).sender, only(theirs).sender} == set(POOL)
    finally:
        await writer.stop()


async def test_2way_takes_a_pool_number_and_keeps_it(scene: World, door: Submit) -> None:
    first = only(await door.submit(to_send(PEER, account=TWO_WAY, door="sip")))
    second = only(await door.submit(to_send(PEER, account=TWO_WAY, door="sip")))

    assert first.sender in POOL
    assert second.sender == first.sender
    lease = await scene.row("lease")
    assert (lease["tenant_id"], lease["account"]) == (ACME, "sip:102")
    assert lease["until"] == scene.clock.now() + 48 * HOUR + 7 * DAY


async def test_another_tenant_never_shares_a_pair_and_an_empty_pool_refuses(
    scene: World, door: Submit
) -> None:
    mine = only(await door.submit(to_send(PEER, account=TWO_WAY)))
    theirs = only(await door.submit(to_send(PEER, account=STRANGER)))
    third = await door.submit(to_send(PEER, account=KEY, sender="2way"))

    assert {mine.sender, theirs.sender} == set(POOL)
    assert refused(third) == "pool_exhausted"
    assert only(await door.submit(to_send("+48601123457", account=KEY, sender="2way"))).sender in POOL
    assert await scene.count("lease") == 3


async def test_two_tenants_at_the_same_moment_get_different_numbers(door: Submit) -> None:
    mine, theirs = await asyncio.gather(
        door.submit(to_send(PEER, account=TWO_WAY)), door.submit(to_send(PEER, account=STRANGER))
    )
    assert only(mine).sender != only(theirs).sender


async def test_a_number_that_moves_to_another_pool_takes_its_conversations_along(
    scene: World, door: Submit
) -> None:
    mine = only(await door.submit(to_send(PEER, account=TWO_WAY)))
    left = tuple(number for number in POOL if number != mine.sender)
    moved = {"pl": Pool("pl", "sim", 7 * DAY, left), "new": Pool("new", "sim", 7 * DAY, (mine.sender,))}
    scene.directory = replace(
        scene.directory,
        pools=moved,
        pool_of={number: pool.name for pool in moved.values() for number in pool.numbers},
    )

    theirs = await door.submit(to_send(PEER, account=replace(STRANGER, identity=Identity("2way", "new"))))
    assert refused(theirs) == "pool_exhausted"
    again = only(await door.submit(to_send(PEER, account=replace(TWO_WAY, identity=Identity("2way", "new")))))
    assert again.sender == mine.sender
    elsewhere = only(await door.submit(to_send(PEER, account=STRANGER)))
    assert elsewhere.sender in left
    assert await scene.count("lease") == 2


async def test_a_list_to_one_recipient_twice_uses_one_number(scene: World, door: Submit) -> None:
    submitted = await door.submit(to_send(PEER, PEER, account=TWO_WAY))

    assert len({item.message.sender for item in submitted.items}) == 1
    assert await scene.count("lease") == 1


async def test_random_replies_are_nobodys(scene: World, door: Submit) -> None:
    account = replace(KEY, identity=Identity("random", "pl"))
    only(await door.submit(to_send(PEER, account=account)))

    lease = await scene.row("lease")
    assert lease["until"] < scene.clock.now()
    assert lease["rest_until"] > scene.clock.now()
    assert only(await door.submit(to_send(PEER, account=TWO_WAY))).sender != lease["number"]


async def test_a_reply_from_the_phone_leaves_from_the_number_that_was_texted(
    scene: World, door: Submit
) -> None:
    now = scene.clock.now()
    talk = {"tenant_id": ACME, "account": "sip:102", "peer": PEER, "number": OWN, "until": now + DAY}
    await scene.insert("conversation", talk)

    assert only(await door.submit(to_send(PEER, account=TWO_WAY, door="sip"))).sender == OWN
    assert only(await door.submit(to_send(PEER, account=TWO_WAY, door="api"))).sender == OWN  # by its PBX
    program = replace(KEY, identity=TWO_WAY.identity)
    assert only(await door.submit(to_send(PEER, account=program, door="api"))).sender in POOL
    assert only(await door.submit(to_send(PEER, account=TWO_WAY, door="sip", sender="ACME"))).sender == "ACME"
    scene.clock.advance(2 * DAY / SECOND)
    assert only(await door.submit(to_send(PEER, account=TWO_WAY, door="sip"))).sender in POOL


async def test_a_conversation_over_a_pool_number_holds_only_with_its_lease(
    scene: World, door: Submit
) -> None:
    now = scene.clock.now()
    talk = {"tenant_id": ACME, "account": "sip:101", "peer": PEER, "number": POOL[0], "until": now + DAY}
    await scene.insert("conversation", talk)
    assert only(await door.submit(to_send(PEER, account=PHONE, door="sip"))).sender == OWN

    lease = {"number": POOL[0], "peer": PEER, "tenant_id": ACME, "account": "sip:101", "pool": "pl"}
    await scene.insert("lease", {**lease, "until": now + DAY, "rest_until": now + 2 * DAY})
    assert only(await door.submit(to_send(PEER, account=PHONE, door="sip"))).sender == POOL[0]
    assert (await scene.row("lease"))["until"] > now + 7 * DAY


async def test_a_number_taken_away_no_longer_carries_the_conversation(scene: World, door: Submit) -> None:
    talk = {"tenant_id": ACME, "account": "sip:101", "peer": PEER, "number": "+48601000009"}
    await scene.insert("conversation", {**talk, "until": scene.clock.now() + DAY})

    assert only(await door.submit(to_send(PEER, account=PHONE, door="sip"))).sender == OWN


# --- time ---


async def test_what_is_scheduled_waits_and_can_be_cancelled(scene: World, door: Submit) -> None:
    at = scene.clock.now() + HOUR
    message = only(await door.submit(to_send(PEER, send_at=at)))

    assert message.status == "scheduled"
    part = await scene.row("part")
    assert part["due_at"] == at
    assert part["expires_at"] == at + 48 * HOUR

    canceled = await door.cancel(ACME, message.id)
    assert canceled.status == "canceled"
    assert [event.status for event in canceled.events] == ["scheduled", "canceled"]
    assert (await scene.row("part"))["state"] == "canceled"
    assert await balance(scene) == (CREDIT, 0, 0)
    with pytest.raises(Refusal) as caught:
        await door.cancel(ACME, message.id)
    assert caught.value.code.name == "too_late"


async def test_nobody_cancels_what_is_not_theirs_or_has_left(scene: World, door: Submit) -> None:
    message = only(await door.submit(to_send(PEER)))

    for tenant, unknown in ((OTHER, message.id), (ACME, b"no-such-message-")):
        with pytest.raises(Refusal) as caught:
            await door.cancel(tenant, unknown)
        assert caught.value.code.name == "not_found"
    await scene.writer.run(lambda c: c.exec_driver_sql("UPDATE part SET state = 'sending'"))
    with pytest.raises(Refusal) as caught:
        await door.cancel(ACME, message.id)
    assert caught.value.code.name == "too_late"
    assert await balance(scene) == (CREDIT, PRICE, 0)


async def test_past_and_far_times_and_validities_are_brought_into_bounds(scene: World, door: Submit) -> None:
    now = scene.clock.now()
    past = only(await door.submit(to_send(PEER, send_at=now - HOUR, validity=SECOND)))
    far = only(await door.submit(to_send(PEER, send_at=now + 1000 * DAY, validity=100 * DAY)))

    assert past.status == "accepted"
    assert (await scene.row("message", id=past.id))["expires_at"] == now + 60 * SECOND
    row = await scene.row("message", id=far.id)
    assert row["send_at"] == now + 365 * DAY
    assert row["expires_at"] == now + 372 * DAY


# --- explain ---


async def test_explain_says_what_submit_would_do_and_stores_nothing(scene: World, door: Submit) -> None:
    (plan,) = await door.explain(to_send(PEER, account=TWO_WAY))
    assert plan.sender.value in POOL
    assert (plan.carrier, plan.price, plan.refused) == ("sim", PRICE, None)
    assert plan.trace[-1].step == "price"

    good, bad = await door.explain(to_send(PEER, "112"))
    assert good.refused is None
    assert bad.refused.code.name == "recipient_forbidden"
    assert bad.trace[-1].decision == "recipient_forbidden"
    for table in ("message", "lease", "ledger"):
        assert await scene.count(table) == 0

    message = only(await door.submit(to_send(PEER, account=TWO_WAY)))
    assert message.sender == plan.sender.value


async def test_explain_shows_missing_credit(scene: World, door: Submit) -> None:
    await scene.writer.run(lambda c: c.exec_driver_sql("UPDATE balance SET credit = 0"))

    (plan,) = await door.explain(to_send(PEER))

    assert plan.refused.code.name == "credit_exhausted"
    assert plan.price == PRICE
    assert plan.trace[-1].decision == "credit_exhausted"


# --- trouble ---


async def test_hostile_characters_harm_nobody(scene: World, door: Submit) -> None:
    odd = "\ud800\0"
    result, fine = await asyncio.gather(
        door.submit(to_send("601123456", odd, text=f"a{odd}b", sender=None, client_ref=odd, key="k")),
        door.submit(to_send(PEER)),
    )
    assert only(fine).status == "accepted"
    assert result.items[0].message is not None
    assert result.items[1].refused.code.name == "recipient_invalid"
    assert refused(await door.submit(to_send(PEER, sender=odd))) == "sender_not_allowed"


async def test_a_full_queue_is_told_at_once(scene: World, door: Submit, monkeypatch) -> None:
    monkeypatch.setattr("voip_sms.store.writer.QUEUE_UNITS", 0)

    with pytest.raises(StoreUnavailableError):
        await door.submit(to_send(PEER))


async def test_a_caller_who_goes_away_loses_nothing(scene: World, door: Submit) -> None:
    task = asyncio.create_task(door.submit(to_send(PEER)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert only(await door.submit(to_send(PEER))).status == "accepted"
    assert await scene.count("message") in {1, 2}
    reserved = (await scene.row("balance", tenant_id=ACME))["reserved"]
    assert reserved == PRICE * await scene.count("message")
