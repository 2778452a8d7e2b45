"""Each chore of housekeeping, seen at work on a real database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from support.fakes import FakeClock
from support.links import FakeLink, silent
from support.waiting import eventually
from support.world import ACME, CREDIT, DIRECTORY, PHONE, PRICE, World, to_send, world
from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND
from voip_sms.core.failures import Accepted
from voip_sms.core.identity import Rules
from voip_sms.core.model import CarrierReceipt, Message
from voip_sms.engine.chores import chore, expiry, texts
from voip_sms.engine.dispatch import Dispatch
from voip_sms.engine.housekeeping import Housekeeping
from voip_sms.engine.orphans import orphan_rows
from voip_sms.engine.receipts import Receipts
from voip_sms.engine.receive import Receiver
from voip_sms.engine.submit import Submit
from voip_sms.store.units import Rows, Unit

PEER = "+48601123456"
MANY = 7


@dataclass
class Stage:
    scene: World
    link: FakeLink
    uncertain: str = "resend"
    erased: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        context = self.scene.context
        self.dispatch = Dispatch(
            context,
            self.scene.signals,
            lambda carrier: self.link if carrier.name == "sim" else FakeLink(carrier.name),
        )
        self.door = Submit(context, self.dispatch, Rules())
        self.receipts = Receipts(context)
        self.receiver = Receiver(context, "PL")

    @property
    def keeper(self) -> Housekeeping:
        return Housekeeping(
            self.scene.context,
            self.dispatch.holds,
            self.receiver.flush_partial,
            uncertain=self.uncertain,
            erased=lambda: self.erased.append(1),
        )

    async def send(self, *to: str, **options) -> Message:
        submitted = await self.door.submit(to_send(*(to or (PEER,)), **options))
        message = submitted.items[0].message
        assert message is not None, submitted.items[0].refused
        return message

    async def status(self, message: Message) -> str:
        return (await self.scene.row("message", id=message.id))["status"]

    async def money(self) -> tuple[int, int, int]:
        row = await self.scene.row("balance", tenant_id=ACME)
        return row["credit"], row["reserved"], row["settled"]

    async def sql(self, statement: str) -> None:
        await self.scene.writer.run(lambda connection: connection.exec_driver_sql(statement))

    async def deliver(self, message: Message) -> None:
        await self.sql("UPDATE part SET state = 'sent', carrier_ref = 'r1', sent_at = 1")
        await self.sql("UPDATE message SET status = 'sent'")
        await self.receipts.receipt("sim", CarrierReceipt(("r1",), "delivered", "DELIVRD"))
        assert await self.status(message) == "delivered"

    def later(self, micros: int) -> None:
        self.scene.clock.advance(micros / SECOND)


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    scene = world(database_url, clock)
    await scene.start()
    made = Stage(scene, FakeLink())
    yield made
    await made.dispatch.stop(0.1)
    await scene.stop()


# --- ends ---


async def test_parts_past_their_validity_expire_and_their_money_comes_back(stage: Stage) -> None:
    keeper = stage.keeper
    message = await stage.send(text="x" * 400)
    other = await stage.send(validity=3 * DAY)
    stage.later(48 * HOUR - SECOND)
    await keeper.run("expiry")
    assert await stage.status(message) == "accepted"

    stage.later(SECOND)
    await keeper.run("expiry")
    row = await stage.scene.row("message", id=message.id)
    assert (row["status"], row["error_code"]) == ("expired", "expired")
    assert {part["state"] for part in await stage.scene.rows("part", message_id=message.id)} == {"expired"}
    assert await stage.status(other) == "accepted"
    assert await stage.money() == (CREDIT, PRICE, 0)
    assert await keeper.run("expiry") == 0


@pytest.mark.parametrize("look", ["_QUEUED", "_WAITING"])
async def test_expiry_gets_through_any_number_with_one_moment_of_expiry(
    stage: Stage, monkeypatch, look: str
) -> None:
    monkeypatch.setattr(expiry, look, getattr(expiry, look).limit(3))
    monkeypatch.setattr(expiry, "ROWS", 3)
    monkeypatch.setattr("voip_sms.engine.housekeeping.ROWS", 3)
    keeper = stage.keeper
    if look == "_WAITING":
        monkeypatch.setattr(expiry, "LOOK_FAR", 9 * DAY)
        await keeper.run("expiry")
    await stage.send(*(f"60111111{n}" for n in range(MANY)))
    stage.later(2 * DAY)

    await keeper.run("expiry")
    assert {row["status"] for row in await stage.scene.rows("message")} == {"expired"}
    assert await stage.money() == (CREDIT, 0, 0)


async def test_what_a_carrier_holds_does_not_expire_under_its_hands(stage: Stage) -> None:
    stage.link.answer = silent
    await stage.dispatch.sync()
    message = await stage.send()
    await eventually(lambda: len(stage.link.sent) == 1)
    stage.later(3 * DAY)
    await stage.keeper.run("expiry")
    await stage.keeper.run("lapsed_claims")
    assert (await stage.scene.row("part"))["state"] == "sending"

    stage.link.end(stage.link.sent[0], Accepted("c1"))

    async def sent() -> bool:
        return await stage.status(message) == "sent"

    await eventually(sent)
    assert await stage.money() == (CREDIT, 0, PRICE)


async def test_without_a_receipt_a_message_ends_as_expired_and_later_ones_change_nothing(
    stage: Stage,
) -> None:
    await stage.dispatch.sync()
    message = await stage.send()

    async def sent() -> bool:
        return await stage.status(message) == "sent"

    await eventually(sent)
    stage.later(72 * HOUR - SECOND)
    await stage.keeper.run("no_receipt")
    assert await stage.status(message) == "sent"
    stage.later(SECOND)
    await stage.keeper.run("no_receipt")

    row = await stage.scene.row("message")
    assert (row["status"], row["error_code"]) == ("expired", "no_receipt")
    assert (await stage.scene.rows("message_event"))[-1]["cause"] == "no_receipt"
    await stage.receipts.receipt("sim", CarrierReceipt(("c1",), "delivered", "DELIVRD"))
    assert await stage.status(message) == "expired"
    assert await stage.money() == (CREDIT, 0, PRICE)


async def test_a_network_that_never_reports_makes_no_notices(stage: Stage) -> None:
    await stage.dispatch.sync()
    message = await stage.send(account=PHONE, door="sip")

    async def sent() -> bool:
        return await stage.status(message) == "sent"

    await eventually(sent)
    stage.later(4 * DAY)
    await stage.keeper.run("no_receipt")
    assert await stage.status(message) == "expired"
    assert await stage.scene.rows("forward_job", kind="sip") == []


# --- claims ---


async def dies_while_sending(stage: Stage, text: str = "Hello") -> Message:
    """As kill -9 leaves it: claimed by this node, nothing more known."""
    message = await stage.send(text=text)
    until = stage.scene.clock.now() + 2 * MINUTE
    await stage.sql(f"UPDATE part SET state = 'sending', claimed_by = 'node-1', claimed_until = {until}")
    return message


async def test_after_a_crash_what_was_in_flight_is_sent_again_flagged(stage: Stage) -> None:
    message = await dies_while_sending(stage, "x" * 400)

    assert await stage.keeper.recover() == 3
    parts = await stage.scene.rows("part")
    assert {(part["state"], part["possible_duplicate"]) for part in parts} == {("queued", True)}
    assert (await stage.scene.row("message"))["possible_duplicate"]
    await stage.dispatch.sync()
    stage.later(MINUTE)
    stage.dispatch._lanes["sim"].look()

    async def sent() -> bool:
        return await stage.status(message) == "sent"

    await eventually(sent)
    assert len(stage.link.sent) == 3
    assert await stage.money() == (CREDIT, 0, 3 * PRICE)


async def test_after_a_crash_it_may_be_held_instead(stage: Stage) -> None:
    stage.uncertain = "hold"
    message = await dies_while_sending(stage)
    await stage.keeper.recover()

    assert await stage.status(message) == "failed"
    assert (await stage.scene.row("message_event"))["cause"] == "uncertain"
    assert await stage.money() == (CREDIT, 0, 0)


async def test_another_nodes_claims_are_left_until_they_lapse(stage: Stage) -> None:
    await dies_while_sending(stage)
    await stage.sql("UPDATE part SET claimed_by = 'node-2'")
    assert await stage.keeper.recover() == 0
    await stage.keeper.run("lapsed_claims")
    assert (await stage.scene.row("part"))["state"] == "sending"

    stage.later(2 * MINUTE + 1)
    await stage.keeper.run("lapsed_claims")
    part = await stage.scene.row("part")
    assert (part["state"], part["possible_duplicate"], part["claimed_by"]) == ("queued", True, None)
    assert "parts:sim" in stage.scene.woken


# --- inbound and receipts ---


async def test_a_receipt_that_crossed_with_its_response_is_matched_again(stage: Stage) -> None:
    message = await stage.send()
    await stage.sql("UPDATE part SET state = 'sent', carrier_ref = 'r1', sent_at = 1")
    await stage.sql("UPDATE message SET status = 'sent'")
    receipt = CarrierReceipt(("0r1", "r1"), "delivered", "DELIVRD", None, "id:r1")
    stranger = CarrierReceipt(("r2",), "delivered", "DELIVRD", None, "id:r2")
    for each in (receipt, stranger):
        rows = orphan_rows("sim", each, stage.scene.clock.now(), stage.scene.ids.new)
        await stage.scene.insert("orphan_receipt", *rows)
    await stage.keeper.run("orphan_receipts")

    assert await stage.status(message) == "delivered"
    (left,) = await stage.scene.rows("orphan_receipt")
    assert left["carrier_ref"] == "r2"
    stage.later(6 * DAY)
    await stage.keeper.run("purge_orphan_receipt")
    assert await stage.scene.count("orphan_receipt") == 1
    stage.later(DAY + 1)
    await stage.keeper.run("purge_orphan_receipt")
    assert await stage.scene.count("orphan_receipt") == 0


async def test_the_receivers_partial_messages_get_their_turn(stage: Stage) -> None:
    left = [3, 1, 0]
    stage.receiver.flush_partial = lambda _: Unit(lambda _: Rows(result=left.pop(0)))

    await stage.keeper.run("partial_inbound")
    assert left == []


# --- records ---


@pytest.mark.parametrize(
    ("table", "column", "life", "row"),
    [
        (
            "idempotency",
            "created_at",
            DAY,
            {"key": b"k" * 32, "fingerprint": b"f" * 32, "submission_id": b"s" * 16, "items": "[]"},
        ),
        ("inbound_seen", "seen_at", DAY, {"digest": b"d" * 32}),
        ("loop_guard", "until", 0, {"digest": b"d" * 32}),
        (
            "quarantine",
            "received_at",
            90 * DAY,
            {
                "id": b"q" * 16,
                "carrier": "sim",
                "sender": PEER,
                "recipient": "+1",
                "body": "x",
                "reason": "r",
            },
        ),
        ("lease", "rest_until", 0, {"number": "+1", "peer": PEER, "account": "a", "pool": "pl", "until": 0}),
        ("conversation", "until", 0, {"account": "a", "peer": PEER, "number": "+1"}),
    ],
)
async def test_records_go_when_they_have_served(
    stage: Stage, table: str, column: str, life: int, row
) -> None:
    if table in {"idempotency", "lease", "conversation"}:
        row = {**row, "tenant_id": ACME}
    await stage.scene.insert(table, {**row, column: stage.scene.clock.now()})
    stage.later(life)
    await stage.keeper.run(f"purge_{table}")
    assert await stage.scene.count(table) == 1

    stage.later(1)
    await stage.keeper.run(f"purge_{table}")
    assert await stage.scene.count(table) == 0


async def test_after_a_day_a_key_may_be_used_again(stage: Stage) -> None:
    first = await stage.send(key="k1")
    stage.later(DAY + 1)
    await stage.keeper.run("purge_idempotency")

    assert (await stage.send(key="k1")).id != first.id


async def test_more_than_one_unit_of_records_goes_in_one_turn(stage: Stage) -> None:
    rows = [{"digest": n.to_bytes(32, "big"), "seen_at": 0} for n in range(chore.ROWS + 10)]
    await stage.scene.insert("inbound_seen", *rows)

    await stage.keeper.run("purge_inbound_seen")
    assert await stage.scene.count("inbound_seen") == 0


# --- texts ---


async def received(stage: Stage, name: bytes) -> None:
    """An inbound message as the receiver stores it, made from an outbound one."""
    message = await stage.send()
    (row,) = await stage.scene.rows("message", id=message.id)
    await stage.scene.insert(
        "message", {**row, "id": name.ljust(16, b"-"), "direction": "inbound", "status": "received"}
    )
    await stage.scene.insert(
        "message_text", {"message_id": name.ljust(16, b"-"), "tenant_id": ACME, "body": "Answer"}
    )


async def bodies(stage: Stage) -> list[str]:
    return sorted(row["body"] for row in await stage.scene.rows("message_text"))


async def test_received_texts_go_after_ninety_days(stage: Stage) -> None:
    await received(stage, b"in")
    stage.later(90 * DAY)
    await stage.keeper.run("texts")
    assert await bodies(stage) == ["Answer", "Hello"]

    stage.later(1)
    await stage.keeper.run("texts")
    assert await bodies(stage) == ["Hello"]
    assert stage.erased == [1, 1]


def forgets(stage: Stage, *, hooks: bool) -> None:
    """The tenant doesn't keep what it sent."""
    tenants = {**DIRECTORY.tenants, ACME: replace(DIRECTORY.tenants[ACME], keep_sent_text=False)}
    subscriptions = DIRECTORY.subscriptions if hooks else {}
    stage.scene.directory = replace(DIRECTORY, tenants=tenants, subscriptions=subscriptions)


async def test_a_sent_text_that_is_not_kept_goes_with_the_end_of_its_message(stage: Stage) -> None:
    forgets(stage, hooks=False)
    message = await stage.send()
    await stage.keeper.run("texts")
    assert await bodies(stage) == ["Hello"]
    await stage.deliver(message)

    assert await bodies(stage) == []


async def test_a_text_that_a_webhook_still_needs_goes_when_it_was_told(stage: Stage) -> None:
    forgets(stage, hooks=True)
    message = await stage.send()
    await stage.deliver(message)
    await stage.keeper.run("texts")
    assert await bodies(stage) == ["Hello"]

    await stage.sql("UPDATE forward_job SET state = 'done'")
    await stage.keeper.run("texts")
    assert await bodies(stage) == []


async def test_the_walk_through_texts_sees_all_of_them(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(texts, "_NEXT", texts._NEXT.limit(2))
    monkeypatch.setattr(texts, "ROWS", 2)
    monkeypatch.setattr("voip_sms.engine.housekeeping.ROWS", 2)
    await stage.send(*(f"60111111{n}" for n in range(MANY)))
    await stage.sql("UPDATE message SET status = 'delivered'")
    forgets(stage, hooks=False)

    await stage.keeper.run("texts")
    assert await bodies(stage) == []


# --- the keeper itself ---


async def test_it_works_by_itself_and_a_failing_chore_stops_nobody(stage: Stage, monkeypatch) -> None:
    async def fails(_self, _context) -> int:
        raise RuntimeError("a fault")

    monkeypatch.setattr(expiry.NoReceipt, "run", fails)
    message = await stage.send()
    await stage.scene.insert("inbound_seen", {"digest": b"d" * 32, "seen_at": 0})
    stage.later(3 * DAY)
    keeper = stage.keeper
    keeper.start()

    async def done() -> bool:
        return await stage.status(message) == "expired" and await stage.scene.count("inbound_seen") == 0

    await eventually(done)
    await keeper.stop()


async def test_what_waits_is_counted_for_the_metrics(stage: Stage) -> None:
    """Due parts by carrier, not those of tomorrow; then the oldest one's time."""
    stage.link.bind(False)
    await stage.send()
    stage.later(30 * SECOND)
    await stage.send(PEER, "+48601123457")
    await stage.send(send_at=stage.scene.clock.now() + HOUR)
    await stage.keeper.run("backlog")

    backlog = stage.scene.context.metrics.backlog
    assert {name: (one.count, one.seconds) for name, one in backlog.parts.items()} == {"sim": (3, 30.0)}
    assert backlog.forwards == {}
