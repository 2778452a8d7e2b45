"""Receipts both ways over a real database: what a phone asked to hear, and what a phone tells of its messages."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from support.fakes import FakeClock
from support.links import FakeLink, silent
from support.waiting import eventually
from support.world import ACME, DIRECTORY, OTHER, OWN, PHONE, TWO_WAY, World, to_send, world
from voip_sms.core.clock import DAY, HOUR, SECOND
from voip_sms.core.directory import Account, Fallback, ForwardRule, SipAccount
from voip_sms.core.failures import Accepted, Outcome, Permanent, StoreUnavailableError, Temporary, Uncertain
from voip_sms.core.identity import Rules
from voip_sms.core.ids import Ids, to_text
from voip_sms.core.model import Binding, CarrierReceipt, ForwardJob, InboundPart, PhoneSource, ReceiptRequest
from voip_sms.engine.chores.purge import KEPT, Purge
from voip_sms.engine.dispatch import Dispatch
from voip_sms.engine.dispositions import StoredDispositions
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.receipts import Receipts
from voip_sms.engine.receive import Receiver
from voip_sms.engine.registrations import StoredRegistrations
from voip_sms.engine.submit import Submit
from voip_sms.wire.sip.imdn import Disposition, Receipt

PEER = "+48601123456"
ALL: tuple[Disposition, ...] = ("delivered", "failed", "displayed")
IMDN = ("imdn.delivered", "imdn.failed", "imdn.displayed")
SIP = ForwardRule(b"rule-sip-0000009", ACME, OWN, "sip", ("101",))
STRANGE = Account(b"account-sip-0201", OTHER, "sip", "201", PHONE.identity)


@dataclass
class FakePhone:
    """`ports.Forwarder`: records, and answers what is planned, then yes."""

    jobs: list[ForwardJob] = field(default_factory=list)
    planned: list[Outcome] = field(default_factory=list)

    async def deliver(self, job: ForwardJob) -> Outcome:
        self.jobs.append(job)
        return self.planned.pop(0) if self.planned else Accepted("sip:101@h")


@dataclass
class Stage:
    scene: World
    link: FakeLink
    door: Submit
    phone: FakePhone = field(default_factory=FakePhone)
    count: int = 0

    def __post_init__(self) -> None:
        context = self.scene.context
        self.receipts = Receipts(context)
        self.dispositions = StoredDispositions(context)
        self.registrations = StoredRegistrations(context)
        self.receiver = Receiver(context, "PL")
        self.forwarding = Forwarding(context, self.scene.signals, {"sip": self.phone})

    async def write(self, to: str = PEER, wants: tuple[Disposition, ...] = ALL, name: str = "id1") -> bytes:
        """A phone's message that asks for receipts; its id."""
        request = ReceiptRequest(name, wants, "sip:601123456@h")
        asked = to_send(to, account=PHONE, door="sip")._replace(receipts=request)
        message = (await self.door.submit(asked)).items[0].message
        assert message is not None
        return message.id

    async def status(self, message_id: bytes, wanted: str) -> None:
        async def there() -> bool:
            return (await self.scene.row("message", id=message_id))["status"] == wanted

        await eventually(there, f"never {wanted}")

    async def carrier_says(self, status: str, reference: str = "c1") -> None:
        await self.receipts.receipt("sim", CarrierReceipt((reference,), status, status, None, status))

    async def told(self) -> list[str]:
        """The receipts on their way to phones."""
        return [row["event"] for row in await self.scene.rows("forward_job") if row["event"] in IMDN]

    async def text(self, body: str) -> bytes:
        """An SMS for the phone; the id of its hand-over."""
        self.count += 1
        part = InboundPart("+48777000001", OWN, body, "gsm7", self.count.to_bytes(32, "big"))
        await self.receiver.receive("sim", part)
        return (await self.scene.rows("forward_job"))[-1]["id"]

    async def register(self, **changes: Any) -> None:
        values: dict[str, Any] = {"transport": "udp", "flow": "udp0", "agent": "Sonde/1", "cseq": 1}
        values |= {"source": "192.0.2.1:5060"} | changes
        expires = self.scene.clock.now() + HOUR
        one = Binding(user="101", contact="sip:101@h", call_id="c", expires_at=expires, **values)
        await self.registrations.register(PHONE, [one])

    async def phone_says(
        self, job_id: bytes, state: Disposition | None = "displayed", account: Account = PHONE
    ) -> None:
        await self.dispositions.take(account, [Receipt(to_text("fwd", job_id), state)])

    async def job(self, job_id: bytes) -> dict[str, Any]:
        return await self.scene.row("forward_job", id=job_id)

    async def done(self, job_id: bytes, state: str = "done") -> None:
        async def there() -> bool:
            return (await self.job(job_id))["state"] == state

        await eventually(there, f"never {state}")

    async def history(self, message_id: bytes) -> list[tuple[str, str]]:
        rows = await self.scene.rows("message_event", message_id=message_id)
        return [(row["status"], row["cause"]) for row in rows]


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    scene = world(database_url, clock)
    sip = {account.name: SipAccount(account, {}) for account in (PHONE, TWO_WAY, STRANGE)}
    scene.directory = replace(DIRECTORY, sip=sip, subscriptions={}, forwards={OWN: (SIP,)})
    await scene.start()
    link = FakeLink()
    dispatch = Dispatch(
        scene.context,
        scene.signals,
        lambda carrier: link if carrier.name == "sim" else FakeLink(carrier.name),
    )
    made = Stage(scene, link, Submit(scene.context, dispatch, Rules()))
    await dispatch.sync()
    yield made
    await made.forwarding.stop(0.1)
    await dispatch.stop(0.1)
    await scene.stop()


# --- what the phone asked to hear -----------------------------------------------------------------------------


async def test_the_wish_is_stored_with_the_message(stage: Stage) -> None:
    message_id = await stage.write(wants=("delivered", "displayed"))
    row = await stage.scene.row("disposition")
    assert (row["message_id"], row["tenant_id"], row["imdn_id"]) == (message_id, ACME, "id1")
    assert row["wants"] == "delivered displayed"


@pytest.mark.parametrize(
    ("said", "event"),
    [
        ("delivered", "imdn.delivered"),
        ("undelivered", "imdn.failed"),
        ("expired", "imdn.failed"),
        ("failed", "imdn.failed"),
    ],
)
async def test_what_the_carrier_reports_goes_to_the_phone(stage: Stage, said: str, event: str) -> None:
    message_id = await stage.write()
    await stage.status(message_id, "sent")
    assert await stage.told() == []
    for _ in range(2):
        await stage.carrier_says(said)
    assert await stage.told() == [event]
    job = next(row for row in await stage.scene.rows("forward_job") if row["event"] == event)
    assert (job["kind"], job["target"], job["rule_id"]) == ("sip", "101", None)
    assert job["expires_at"] - job["created_at"] == HOUR
    assert (await stage.scene.row("balance", tenant_id=ACME))["reserved"] == 0
    assert await stage.scene.count("message") == 1, "a receipt is no message, and costs nothing"


@pytest.mark.parametrize(
    ("wants", "said", "events"),
    [
        (("delivered",), "undelivered", []),
        (("failed",), "delivered", []),
        (("failed",), "failed", ["imdn.failed"]),
        (("displayed",), "delivered", []),
        ((), "delivered", []),
    ],
)
async def test_only_what_was_asked_for(
    stage: Stage, wants: tuple[Disposition, ...], said: str, events: list[str]
) -> None:
    await stage.status(await stage.write(wants=wants), "sent")
    await stage.carrier_says(said)
    assert await stage.told() == events


async def test_a_message_of_a_program_is_none_of_it(stage: Stage) -> None:
    submitted = await stage.door.submit(to_send(PEER))
    assert submitted.items[0].message is not None
    await stage.status(submitted.items[0].message.id, "sent")
    await stage.carrier_says("delivered")
    assert (await stage.told(), await stage.scene.count("disposition")) == ([], 0)


@pytest.mark.parametrize(
    "outcome",
    [Permanent("ESME_RINVDSTADR"), Temporary("busy", retry_after=10**6)],
    ids=["refused", "too late"],
)
async def test_a_carrier_that_refuses_fails_it(stage: Stage, outcome: Outcome) -> None:
    stage.link.answer = lambda _: outcome
    await stage.write()

    async def told() -> bool:
        return await stage.told() == ["imdn.failed"]

    await eventually(told)


async def test_a_receipt_that_overtakes_the_carrier_s_answer(stage: Stage) -> None:
    stage.link.answer = silent
    message_id = await stage.write()
    await eventually(lambda: len(stage.link.sent) == 1)
    await stage.carrier_says("delivered")
    stage.link.end(stage.link.sent[0], Accepted("c1"))
    await stage.status(message_id, "delivered")
    assert await stage.told() == ["imdn.delivered"]


async def test_a_receipt_in_the_same_breath_as_the_carrier_s_answer(stage: Stage) -> None:
    stage.link.answer = silent
    ids = [await stage.write(f"+4860112345{n}", name=f"id{n}") for n in range(10)]
    await eventually(lambda: len(stage.link.sent) == 10)
    for number, part in enumerate(stage.link.sent):
        stage.link.end(part, Accepted(f"c{number}"))
    await asyncio.gather(*(stage.carrier_says("delivered", f"c{number}") for number in range(10)))
    for message_id in ids:
        await stage.status(message_id, "delivered")
    assert await stage.told() == ["imdn.delivered"] * 10


async def test_the_receipt_reaches_the_phone_with_the_name_it_gave(stage: Stage) -> None:
    await stage.register(agent="Linphone Desktop/5")
    await stage.forwarding.start()
    await stage.status(await stage.write(name="HjFsonRLpkim"), "sent")
    await stage.carrier_says("delivered")
    await eventually(lambda: len(stage.phone.jobs) == 1)
    [job] = stage.phone.jobs
    assert (job.event, job.imdn_id, job.imdn_peer) == ("imdn.delivered", "HjFsonRLpkim", "sip:601123456@h")
    assert job.bindings[0].agent == "Linphone Desktop/5"


async def test_a_receipt_whose_hour_is_over_is_not_sent(stage: Stage) -> None:
    await stage.status(await stage.write(), "sent")
    await stage.carrier_says("delivered")
    stage.scene.clock.advance(3601)
    await stage.register()
    await stage.forwarding.start()
    job = next(row for row in await stage.scene.rows("forward_job") if row["event"] in IMDN)
    await stage.done(job["id"], "expired")
    assert stage.phone.jobs == []
    assert await stage.told() == ["imdn.delivered"], "and nobody is told that it came to nothing"


async def test_the_wish_is_forgotten_when_nothing_can_come_of_it_any_more(stage: Stage) -> None:
    (purge,) = [Purge(kept) for kept in KEPT if kept.table == "disposition"]
    made = Ids(stage.scene.clock, random.Random(1).randbytes).new()
    await stage.scene.insert(
        "disposition",
        {"message_id": made, "tenant_id": ACME, "imdn_id": "id1", "peer": "", "wants": "failed"},
    )
    stage.scene.clock.advance(30 * DAY / SECOND)
    assert await purge.run(stage.scene.context) == 0
    stage.scene.clock.advance(0.002)
    assert await purge.run(stage.scene.context) == 1
    assert await stage.scene.count("disposition") == 0


# --- what the phone tells -------------------------------------------------------------------------------------


async def test_a_phone_that_showed_it_says_so_once(stage: Stage) -> None:
    await stage.register()
    await stage.forwarding.start()
    job_id = await stage.text("Cześć")
    await stage.done(job_id)
    stage.scene.clock.advance(60)
    shown_at = stage.scene.clock.now()
    await stage.phone_says(job_id, "delivered")
    assert (await stage.job(job_id))["displayed_at"] is None
    await stage.phone_says(job_id)
    stage.scene.clock.advance(60)
    await stage.phone_says(job_id)
    await stage.phone_says(job_id, "delivered")
    job = await stage.job(job_id)
    assert (job["state"], job["displayed_at"]) == ("done", shown_at)
    assert await stage.history(job["message_id"]) == [("displayed", "sip:101")]


@pytest.mark.parametrize("account", [TWO_WAY, STRANGE], ids=["another phone", "another customer"])
async def test_nobody_tells_of_what_another_was_given(stage: Stage, account: Account) -> None:
    job_id = await stage.text("Cześć")
    await stage.phone_says(job_id, account=account)
    job = await stage.job(job_id)
    assert (job["state"], job["displayed_at"]) == ("queued", None)
    assert await stage.history(job["message_id"]) == []


@pytest.mark.parametrize(
    "name", ["", "HjFsonRLpkim", "fwd_", "fwd_" + "z" * 26, "msg_" + "0" * 26, "x" * 255]
)
async def test_what_is_unknown_is_ignored(stage: Stage, name: str) -> None:
    job_id = await stage.text("Cześć")
    await stage.dispositions.take(
        PHONE, [Receipt(name, "displayed"), Receipt(to_text("fwd", b"?" * 16), "displayed")]
    )
    assert (await stage.job(job_id))["displayed_at"] is None


@pytest.mark.parametrize("state", ["failed", None])
async def test_bad_news_of_a_phone_changes_nothing(stage: Stage, state: Disposition | None) -> None:
    job_id = await stage.text("Cześć")
    await stage.phone_says(job_id, state)
    assert (await stage.job(job_id))["state"] == "queued"


async def test_a_phone_whose_answer_got_lost_is_not_tried_again(stage: Stage) -> None:
    await stage.register()
    stage.phone.planned += [Uncertain("timeout")]
    await stage.forwarding.start()
    first = await stage.text("1")

    async def waits() -> bool:
        return (await stage.job(first))["cause"] == "timeout"

    await eventually(waits)
    second = await stage.text("2")

    async def behind() -> bool:
        return (await stage.job(second))["due_at"] > stage.scene.clock.now()

    await eventually(behind)
    await stage.phone_says(first, "delivered")
    await stage.done(first)
    await stage.done(second)
    assert [job.message.text for job in stage.phone.jobs] == ["1", "2"]


@pytest.mark.parametrize("tail", ["@sms.test", "-200@sms.test"])
async def test_a_phone_may_name_a_plain_text_by_its_call_id(stage: Stage, tail: str) -> None:
    job_id = await stage.text("Cześć")
    await stage.dispositions.take(PHONE, [Receipt(to_text("fwd", job_id) + tail, "displayed")])
    assert (await stage.job(job_id))["displayed_at"] == stage.scene.clock.now()


async def test_a_receipt_of_one_piece_does_not_end_the_rest_of_the_text(stage: Stage) -> None:
    job_id = await stage.text("Cześć")
    for tail in ("-0@sms.test", "-200"):
        await stage.dispositions.take(PHONE, [Receipt(to_text("fwd", job_id) + tail, "delivered")])
    assert (await stage.job(job_id))["state"] == "queued"
    await stage.dispositions.take(PHONE, [Receipt(to_text("fwd", job_id) + "@sms.test", "delivered")])
    assert (await stage.job(job_id))["state"] == "done"


async def test_a_phone_that_has_a_piece_is_still_owed_the_rest(stage: Stage) -> None:
    job_id = await stage.text("Cześć")
    await stage.dispositions.take(PHONE, [Receipt(to_text("fwd", job_id) + "-200@sms.test", "delivered")])
    assert (await stage.job(job_id))["state"] == "queued"
    await stage.dispositions.take(PHONE, [Receipt(to_text("fwd", job_id) + "@sms.test", "delivered")])
    assert (await stage.job(job_id))["state"] == "done"


async def test_no_receipt_answers_a_receipt(stage: Stage) -> None:
    await stage.status(await stage.write(), "sent")
    await stage.carrier_says("delivered")
    receipt = next(row for row in await stage.scene.rows("forward_job") if row["event"] in IMDN)
    await stage.phone_says(receipt["id"])
    assert await stage.told() == ["imdn.delivered"]
    assert (await stage.job(receipt["id"]))["displayed_at"] is None


async def test_between_extensions_reading_is_told_too(stage: Stage) -> None:
    await stage.forwarding.start()
    message_id = await stage.write("sip:102", name="from-101")
    job = await stage.scene.row("forward_job", target="102")
    await stage.registrations.register(
        TWO_WAY,
        [
            Binding(
                "102", "sip:102@h", "192.0.2.2:5060", "udp", "udp0", "c", 1, stage.scene.clock.now() + HOUR
            )
        ],
    )
    await stage.status(message_id, "delivered")
    for _ in range(2):
        await stage.phone_says(job["id"], account=TWO_WAY)
    assert sorted(await stage.told()) == ["imdn.delivered", "imdn.displayed"]
    assert await stage.history(message_id) == [("delivered", ""), ("displayed", "sip:102")]
    receipts = [row for row in await stage.scene.rows("forward_job") if row["event"] in IMDN]
    assert {row["target"] for row in receipts} == {"101"}


@pytest.mark.parametrize("said", ["delivered", "displayed"])
async def test_an_extension_whose_answer_got_lost_has_it_and_nothing_goes_elsewhere(
    stage: Stage, said: Disposition
) -> None:
    later = Fallback(HOUR, "mail", "boss@example.test")
    sip = {**stage.scene.directory.sip, "102": SipAccount(TWO_WAY, {}, fallback=later)}
    stage.scene.directory = replace(stage.scene.directory, sip=sip)
    contact = Binding(
        "102", "sip:102@h", "192.0.2.2:5060", "udp", "udp0", "c", 1, stage.scene.clock.now() + HOUR
    )
    await stage.registrations.register(TWO_WAY, [contact])
    stage.phone.planned += [Uncertain("timeout")]
    await stage.forwarding.start()
    message_id = await stage.write("sip:102", name="from-101")
    first = await stage.scene.row("forward_job", target="102")

    async def waits() -> bool:
        return (await stage.job(first["id"]))["cause"] == "timeout"

    await eventually(waits)
    await stage.phone_says(first["id"], said, account=TWO_WAY)
    await stage.status(message_id, "delivered")
    heard = [("delivered", ""), ("displayed", "sip:102")] if said == "displayed" else [("delivered", "")]
    assert await stage.history(message_id) == heard
    assert sorted(await stage.told()) == sorted(f"imdn.{status}" for status, _ in heard)
    stage.scene.clock.advance(2 * HOUR / SECOND)
    second = await stage.text("danach")  # whoever has claimed this has looked at the other, too
    await stage.register()
    await stage.done(second)
    assert (await stage.job(first["id"]))["state"] == "done"
    assert await stage.scene.rows("forward_job", kind="mail") == []


async def test_no_acknowledgement_without_the_store(stage: Stage) -> None:
    job_id = await stage.text("Cześć")
    await stage.scene.writer.stop()
    with pytest.raises(StoreUnavailableError):
        await stage.phone_says(job_id)


async def test_a_database_with_too_much_to_do_is_told_to_the_phone_in_time(stage: Stage) -> None:
    job_id = await stage.text("Cześć")
    late = StoredDispositions(stage.scene.context, monotonic=lambda: time.monotonic() - 60)
    with pytest.raises(StoreUnavailableError):
        await late.take(PHONE, [Receipt(to_text("fwd", job_id), "displayed")])
    with pytest.raises(StoreUnavailableError):
        await late.wrote_cpim(PHONE, PhoneSource("192.0.2.1:5060", "udp0", ""))
    assert (await stage.job(job_id))["displayed_at"] is None


# --- who reads it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contact", "writer", "known"),
    [
        ({}, PhoneSource("192.0.2.1:5060", "udp0", ""), True),
        ({}, PhoneSource("192.0.2.1:9999", "udp0", "Sonde/1"), True),
        ({}, PhoneSource("192.0.2.1:9999", "udp0", "Other/1"), False),
        ({"agent": ""}, PhoneSource("192.0.2.1:9999", "udp0", ""), False),
        ({}, PhoneSource("192.0.2.99:5060", "udp0", "Sonde/1"), False),
        ({"transport": "tcp", "flow": "tcp7"}, PhoneSource("192.0.2.9:1", "tcp7", ""), True),
        ({"transport": "tcp", "flow": "tcp7"}, PhoneSource("192.0.2.9:1", "tcp8", ""), False),
    ],
)
async def test_the_contact_that_wrote_is_marked(
    stage: Stage, contact: dict[str, Any], writer: PhoneSource, *, known: bool
) -> None:
    await stage.register(**contact)
    assert await stage.dispositions.wrote_cpim(TWO_WAY, writer) is False
    for _ in range(2):
        assert await stage.dispositions.wrote_cpim(PHONE, writer) is known
    [binding] = await stage.registrations.bindings(PHONE)
    assert binding.cpim is known


async def test_the_mark_stays_with_the_phone_and_goes_with_it(stage: Stage) -> None:
    await stage.register()
    await stage.dispositions.wrote_cpim(PHONE, PhoneSource("192.0.2.1:5060", "udp0", ""))
    await stage.register(cseq=2)
    assert [one.cpim for one in await stage.registrations.bindings(PHONE)] == [True]
    await stage.register(cseq=3, agent="Another/2")
    assert [one.cpim for one in await stage.registrations.bindings(PHONE)] == [False]
