"""The same request by phone, mail, call, program and panel gets one answer (S1): sender, parts, price, carrier, refusal."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from support.doors import ACCEPTED, DOORS, Doors, all_doors, file
from support.fakes import FakeClock
from support.office import OTHER_KEY
from voip_sms.core.model import InboundPart, Plan
from voip_sms.engine.panel import UNDO
from voip_sms.engine.receive import Receiver
from voip_sms.store.tables import message

NUMBER = {"kind": "number", "value": "+48601000001"}
NAME = {"kind": "name", "value": "NAME1"}
TWO_WAY = {"kind": "2way", "value": "pl"}
DEFAULT = {"kind": "default"}
SAME = (
    "recipient", "status", "sender_kind", "encoding", "parts", "price", "currency", "carrier", "pool",
    "priority", "expires_at", "flags",
)  # fmt: skip
HELLO, POLISH = "Zażółć gęślą jaźń", "Dzień dobry, tu przychodnia. " * 9
TO = "601123456"


@pytest.fixture
async def doors(database_url: str, clock: FakeClock) -> AsyncIterator[Doors]:
    async with all_doors(database_url, clock) as made:
        yield made


async def stored(doors: Doors) -> list[dict[str, Any]]:
    def read(connection: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(select(message).order_by(message.c.id)).mappings()]

    return await doors.office.context.reader.run(read)


def same(row: dict[str, Any]) -> tuple[Any, ...]:
    """What all doors agree on. At the panel one has ten seconds to think again, and so has the message."""
    if row["door"] == "panel":
        assert (row["status"], row["send_at"]) == ("scheduled", row["created_at"] + UNDO)
        row = {**row, "status": "accepted", "expires_at": row["expires_at"] - UNDO}
    return tuple(row[name] for name in SAME)


def decided(plan: Plan) -> list[tuple[str, str]]:
    """What the engine decided step by step; in whose name is each door's own."""
    return [(step.step, step.decision) for step in plan.trace]


@pytest.mark.parametrize("identity", [NUMBER, NAME, DEFAULT], ids=lambda one: one["kind"])
@pytest.mark.parametrize(
    ("to", "text"),
    [(TO, "Hej"), ("+48 601 123 456", HELLO), ("0048601123456", POLISH), ("+447400123456", "Hi")],
)
async def test_what_is_sent(doors: Doors, identity: dict[str, str], to: str, text: str) -> None:
    assert not await doors.office.apply(file(identity))
    to = to.replace(" ", "")
    for door in DOORS:
        assert await doors.say(door, to, text) == ACCEPTED, door
    rows = await stored(doors)
    assert [row["door"] for row in rows] == ["sip", "mail", "ivr", "api", "api", "panel"]
    assert len({same(row) for row in rows}) == 1
    if not (identity is NUMBER and to.startswith("+44")):  # abroad it is a number of a pool, each its own
        assert len({row["sender"] for row in rows}) == 1

    plans = [await doors.plan(door, to, text) for door in DOORS]
    assert len({(plan.to, plan.encoding, plan.parts, plan.price, plan.carrier) for plan in plans}) == 1
    assert {step for step, _ in decided(plans[0])} == {step for plan in plans for step, _ in decided(plan)}
    assert {row["price"] for row in rows} == {plans[0].price}


async def test_replies_wanted(doors: Doors) -> None:
    assert not await doors.office.apply(file(TWO_WAY))
    for door in DOORS:
        assert await doors.say(door, TO, "Hej") == ACCEPTED, door
    rows = await stored(doors)
    assert len({same(row) for row in rows}) == 1
    senders = {row["account"]: row["sender"] for row in rows}
    assert len(set(senders.values())) == len(senders) == 5, "each account has a conversation of its own"


async def test_a_phones_answer_leaves_from_the_number_that_was_texted_also_by_a_pbx(doors: Doors) -> None:
    number = "+48601000001"
    assert not await doors.office.apply(file(NAME))
    receiver = Receiver(doors.office.context, "PL")
    await receiver.receive("sim", InboundPart("+48601123456", number, "Hej?", "gsm7", bytes(32)))
    for door, sender in (("sip", number), ("pbx", number), ("api", "NAME1"), ("ivr", "NAME1")):
        assert await doors.say(door, TO, "Hej!") == ACCEPTED
        assert (await stored(doors))[-1]["sender"] == sender, door


REFUSED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("recipient_forbidden", "222000001", "Hej", {}),
    ("recipient_forbidden", "+48700123456", "Hej", {}),
    ("no_route", "+33612345678", "Hej", {}),
    ("text_too_long", TO, "x" * 1531, {}),
    ("text_too_long", TO, "ż" * 671, {}),
    ("credit_exhausted", TO, "Hej", {"credit": "0.28"}),
    ("sender_not_allowed", TO, "Hej", {"sender_names": [{"name": "NAME1", "status": "rejected"}]}),
)


@pytest.mark.parametrize(("code", "to", "text", "tenant"), REFUSED)
async def test_what_is_refused(doors: Doors, code: str, to: str, text: str, tenant: dict[str, Any]) -> None:
    assert not await doors.office.apply(file(NAME, **tenant))
    for door in DOORS:
        assert await doors.say(door, to, text) == code, door
        assert (refused := (await doors.plan(door, to, text)).refused) is not None
        assert refused.code.name == code
    assert await stored(doors) == []


async def test_no_text(doors: Doors) -> None:
    assert not await doors.office.apply(file(NAME))
    for door in ("ivr", "api", "pbx", "mail", "panel"):
        assert await doors.say(door, TO, " \n") == "text_empty", door
    assert await doors.say("sip", TO, " ") == "text_empty", "a 200: typing notices have no text"
    assert await stored(doors) == []


async def test_no_number_of_the_pool_is_left(doors: Doors) -> None:
    whole = file(TWO_WAY)
    whole["pools"][0]["numbers"] = ["+48799000001"]
    other = {"name": "other", "keys": [{"name": "app2", "identity": TWO_WAY}]}
    assert not await doors.office.apply({**whole, "tenants": [*whole["tenants"], other]})
    theirs = await doors.site.client(OTHER_KEY).call("POST", "/v1/messages", {"to": TO, "text": "Hej"})
    assert theirs.status == 202
    for door in DOORS:
        assert await doors.say(door, TO, "Hej") == "pool_exhausted", door


@pytest.mark.parametrize("door", DOORS)
async def test_the_database_is_away(doors: Doors, door: str) -> None:
    assert not await doors.office.apply(file(NAME))
    await doors.ann()  # is signed in already
    await doors.office.writer.stop()
    assert await doors.say(door, TO, "Hej") == "store_unavailable"
    doors.office.writer = type(doors.office.writer)(doors.office.database.writer, lambda _topics: None)
    doors.office.writer.start()
