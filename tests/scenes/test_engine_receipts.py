"""Receipts in every order, spelling and number, over a real database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from support.fakes import FakeClock
from support.links import FakeLink, script, silent
from support.waiting import eventually
from support.world import ACME, PHONE, PRICE, World, to_send, world
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.failures import Accepted, Permanent, StoreUnavailableError
from voip_sms.core.identity import Rules
from voip_sms.core.model import CarrierReceipt, Message
from voip_sms.engine.dispatch import Dispatch
from voip_sms.engine.receipts import Receipts
from voip_sms.engine.submit import Submit

PEER = "+48601123456"


def says(status: str | None, *references: str, cause: str = "", raw: str = "") -> CarrierReceipt:
    return CarrierReceipt(references, status, cause or (status or "").upper(), None, raw or f"{status}")


@dataclass
class Stage:
    scene: World
    link: FakeLink
    dispatch: Dispatch
    door: Submit
    receipts: Receipts

    async def send(self, text: str = "Hello", *, to: str = PEER) -> Message:
        submitted = await self.door.submit(to_send(to, text=text))
        message = submitted.items[0].message
        assert message is not None
        return message

    async def sent(self, text: str = "Hello", *, to: str = PEER) -> Message:
        message = await self.send(text, to=to)

        async def there() -> bool:
            return (await self.row(message))["status"] == "sent"

        await eventually(there)
        return message

    async def row(self, message: Message) -> dict:
        return await self.scene.row("message", id=message.id)

    async def receipt(self, *args, **kwargs) -> None:
        await self.receipts.receipt("sim", says(*args, **kwargs))

    async def history(self, message: Message, part: int = 0) -> list[str]:
        events = await self.scene.rows("message_event", message_id=message.id)
        return [event["status"] for event in events if event["part"] == part]


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    scene = world(database_url, clock)
    await scene.start()
    link = FakeLink()
    dispatch = Dispatch(
        scene.context,
        scene.signals,
        lambda carrier: link if carrier.name == "sim" else FakeLink(carrier.name),
    )
    made = Stage(scene, link, dispatch, Submit(scene.context, dispatch, Rules()), Receipts(scene.context))
    await dispatch.sync()
    yield made
    await dispatch.stop(0.1)
    await scene.stop()


async def test_a_receipt_delivers_its_message_and_tells_the_customer(stage: Stage) -> None:
    message = await stage.sent()
    stage.scene.clock.advance(3)
    await stage.receipt("delivered", "c1", cause="DELIVRD 000")

    assert (await stage.row(message))["status"] == "delivered"
    assert await stage.history(message) == ["sent", "delivered"]
    event = (await stage.scene.rows("message_event"))[-1]
    assert (event["at"], event["cause"]) == (stage.scene.clock.now(), "DELIVRD 000")
    assert [job["event"] for job in await stage.scene.rows("forward_job")] == [
        "message.sent",
        "message.delivered",
    ]
    balance = await stage.scene.row("balance", tenant_id=ACME)
    assert (balance["reserved"], balance["settled"]) == (0, PRICE)


@pytest.mark.parametrize(
    ("status", "code"), [("undelivered", "undelivered"), ("expired", "expired"), ("failed", "rejected")]
)
async def test_a_bad_end_is_shown_with_its_cause_and_stays_paid(stage: Stage, status: str, code: str) -> None:
    message = await stage.sent()
    await stage.receipt(status, "c1", cause="UNDELIV 069")

    row = await stage.row(message)
    assert (row["status"], row["error_code"], row["error_detail"]) == (status, code, "UNDELIV 069")
    balance = await stage.scene.row("balance", tenant_id=ACME)
    assert (balance["reserved"], balance["settled"]) == (0, PRICE)


@pytest.mark.parametrize("status", ["undelivered", "expired", "failed"])
async def test_the_phone_that_sent_it_is_told_of_a_failure(stage: Stage, status: str) -> None:
    await stage.door.submit(to_send(PEER, account=PHONE, door="sip"))
    await stage.door.submit(to_send("+48601123457", account=PHONE, door="sip"))

    async def sent() -> bool:
        return {row["status"] for row in await stage.scene.rows("message")} == {"sent"}

    await eventually(sent)
    await stage.receipt(status, "c1")
    await stage.receipt("delivered", "c2")

    (job,) = await stage.scene.rows("forward_job", kind="sip")
    assert (job["target"], job["event"], job["rule_id"]) == ("101", f"message.{status}", None)
    assert "forwards" in stage.scene.woken


async def test_a_repeated_receipt_changes_nothing(stage: Stage) -> None:
    message = await stage.sent()
    for _ in range(3):
        await stage.receipt("delivered", "c1")

    assert await stage.history(message) == ["sent", "delivered"]
    assert await stage.scene.count("forward_job") == 2
    assert await stage.scene.count("orphan_receipt") == 0


async def test_nothing_follows_a_final_state(stage: Stage) -> None:
    message = await stage.sent()
    await stage.receipt("delivered", "c1")
    await stage.receipt("undelivered", "c1")
    await stage.receipt(None, "c1")

    assert (await stage.row(message))["status"] == "delivered"
    assert await stage.history(message) == ["sent", "delivered"]


async def test_an_intermediate_notice_changes_nothing(stage: Stage) -> None:
    message = await stage.sent()
    await stage.receipt(None, "c1", cause="ACCEPTD")

    assert (await stage.row(message))["status"] == "sent"
    await stage.receipt("delivered", "c1")
    assert (await stage.row(message))["status"] == "delivered"


@pytest.mark.parametrize("references", [("0C1", "c1"), ("c1", "193"), ("nothing", "c1", "c1")])
async def test_any_spelling_of_the_id_matches(stage: Stage, references: tuple[str, ...]) -> None:
    message = await stage.sent()
    await stage.receipt("delivered", *references)

    assert (await stage.row(message))["status"] == "delivered"


async def test_the_recipient_tells_two_messages_apart_that_share_a_spelling(stage: Stage) -> None:
    """16 is one carrier's id in decimal, and 10 in hexadecimal: which is meant?"""
    references = iter(("16", "10"))
    stage.link.answer = lambda _: Accepted(next(references))
    first, second = await stage.sent(to="+48601000001"), await stage.sent(to="+48601000002")

    receipt = CarrierReceipt(("10", "16"), "delivered", "DELIVRD", recipient="+48601000001")
    await stage.receipts.receipt("sim", receipt)
    assert (await stage.row(first))["status"] == "delivered"
    assert (await stage.row(second))["status"] == "sent"


async def test_another_spelling_for_another_recipient_is_kept_until_its_own_id_comes(stage: Stage) -> None:
    stage.link.answer = lambda _: Accepted("16")
    message = await stage.sent(to="+48601000001")
    for references, orphans in ((("10", "16"), 2), (("16", "22"), 2)):
        receipt = CarrierReceipt(references, "delivered", "DELIVRD", recipient="+48601000002")
        await stage.receipts.receipt("sim", receipt)
        assert await stage.scene.count("orphan_receipt") == orphans

    # The likeliest spelling is believed: some carriers rewrite the recipient.
    assert (await stage.row(message))["status"] == "delivered"


async def test_other_carriers_ids_are_not_ours(stage: Stage) -> None:
    message = await stage.sent()
    await stage.receipts.receipt("alt", says("delivered", "c1"))

    assert (await stage.row(message))["status"] == "sent"
    assert await stage.scene.count("orphan_receipt") == 1


async def test_a_receipt_before_its_response_is_kept_and_applied(stage: Stage) -> None:
    stage.link.answer = silent
    message = await stage.send()
    await eventually(lambda: len(stage.link.sent) == 1)
    await stage.receipt("delivered", "0c9", "c9", raw="id:0c9")
    assert await stage.scene.count("orphan_receipt") == 2
    stage.link.end(stage.link.sent[0], Accepted("c9"))

    async def there() -> bool:
        return (await stage.row(message))["status"] == "delivered"

    await eventually(there)
    assert await stage.scene.count("orphan_receipt") == 0
    part = await stage.scene.row("part")
    assert (part["state"], part["carrier_ref"]) == ("delivered", "c9")
    balance = await stage.scene.row("balance", tenant_id=ACME)
    assert (balance["reserved"], balance["settled"]) == (0, PRICE)
    assert [job["event"] for job in await stage.scene.rows("forward_job")] == ["message.delivered"]


async def test_a_receipt_and_its_response_in_one_batch_meet(stage: Stage) -> None:
    stage.link.answer = silent
    for order in ("receipt first", "response first"):
        message = await stage.send(order)
        await eventually(lambda: bool(stage.link.open))
        ((part, done),) = stage.link.open.values()
        if order == "receipt first":
            receipt = asyncio.create_task(stage.receipt("delivered", order))
            await asyncio.sleep(0)
            done(part, Accepted(order))
        else:
            done(part, Accepted(order))
            receipt = asyncio.create_task(stage.receipt("delivered", order))
        await receipt
        stage.link.open.clear()

        async def there(message: Message = message) -> bool:
            return (await stage.row(message))["status"] == "delivered"

        await eventually(there, order)
        assert await stage.scene.count("orphan_receipt") == 0


async def test_a_repeated_orphan_is_kept_once(stage: Stage) -> None:
    for _ in range(3):
        await stage.receipt("delivered", "zz", raw="id:zz stat:DELIVRD")
    assert await stage.scene.count("orphan_receipt") == 1


async def test_an_old_orphan_does_not_meet_a_new_message_with_its_id(stage: Stage) -> None:
    await stage.receipt("undelivered", "c1")
    stage.scene.clock.advance(2 * HOUR / 1_000_000)

    message = await stage.sent()
    assert (await stage.row(message))["status"] == "sent"


async def test_a_reused_id_means_the_message_that_waits(stage: Stage) -> None:
    stage.link.answer = lambda _: Accepted("same")
    first = await stage.sent("one")
    await stage.receipt("delivered", "same")
    stage.scene.clock.advance(DAY / 1_000_000)
    second = await stage.sent("two")
    await stage.receipt("undelivered", "same")

    assert (await stage.row(first))["status"] == "delivered"
    assert (await stage.row(second))["status"] == "undelivered"


# --- several parts ---


async def test_a_long_message_is_delivered_when_all_parts_are(stage: Stage) -> None:
    message = await stage.sent("x" * 400)
    await stage.receipt("delivered", "c2")
    await stage.receipt("delivered", "c1")
    assert (await stage.row(message))["status"] == "sent"
    await stage.receipt("delivered", "c3")

    assert (await stage.row(message))["status"] == "delivered"
    assert await stage.history(message) == ["sent", "delivered"]
    assert await stage.history(message, part=2) == ["sent", "delivered"]


async def test_the_worst_part_speaks_for_a_long_message(stage: Stage) -> None:
    message = await stage.sent("x" * 400)
    await stage.receipt("undelivered", "c2", cause="UNDELIV 027")
    assert (await stage.row(message))["status"] == "sent"
    await stage.receipt("delivered", "c1")
    await stage.receipt("delivered", "c3")

    row = await stage.row(message)
    assert (row["status"], row["error_code"]) == ("undelivered", "undelivered")
    assert [job["event"] for job in await stage.scene.rows("forward_job")][-1] == "message.undelivered"


async def test_all_parts_receipted_at_once_combine(stage: Stage) -> None:
    message = await stage.sent("x" * 400)
    await asyncio.gather(*(stage.receipt("delivered", f"c{n}", raw=f"id:c{n}") for n in (1, 2, 3)))

    assert (await stage.row(message))["status"] == "delivered"
    assert await stage.history(message) == ["sent", "delivered"]


async def test_a_refused_part_makes_the_whole_fail_though_the_others_arrive(stage: Stage) -> None:
    stage.link.answer = script(Accepted("a"), Permanent("no"), Accepted("b"))
    message = await stage.send("x" * 400)

    async def all_ended() -> bool:
        return {row["state"] for row in await stage.scene.rows("part")} == {"sent", "failed"}

    await eventually(all_ended)
    await stage.receipt("delivered", "a")
    await stage.receipt("delivered", "b")
    assert (await stage.row(message))["status"] == "failed"
    balance = await stage.scene.row("balance", tenant_id=ACME)
    assert (balance["reserved"], balance["settled"]) == (0, 2 * PRICE)


async def test_a_receipt_that_cannot_be_stored_is_not_acknowledged(stage: Stage, monkeypatch) -> None:
    message = await stage.sent()
    with monkeypatch.context() as away:
        away.setattr("voip_sms.store.writer.QUEUE_UNITS", 0)
        with pytest.raises(StoreUnavailableError):
            await stage.receipt("delivered", "c1")

    await stage.receipt("delivered", "c1")
    assert (await stage.row(message))["status"] == "delivered"


async def test_garbage_from_a_carrier_is_stored_harmlessly(stage: Stage) -> None:
    await stage.receipt("delivered", "\0\ud800" + "9" * 5000, cause="\0" * 9999, raw="\ud800\0" * 9999)
    await stage.receipt("delivered")
    for row in await stage.scene.rows("orphan_receipt"):
        assert len(row["raw"]) <= 1000
