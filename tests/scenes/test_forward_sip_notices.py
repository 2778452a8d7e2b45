"""A phone hears of each SMS of its own that failed, in its language, once, free, and never in a circle."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from support.fakes import FakeClock
from support.forwarding import Stage, opened
from support.links import FakeLink, script
from support.world import CREDIT, DIRECTORY, KEY, PHONE, PRICE, to_send
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.directory import Account, SipAccount
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.identity import Rules
from voip_sms.core.model import CarrierReceipt, Message
from voip_sms.core.notices import failure
from voip_sms.engine.chores.expiry import Expiry, NoReceipt
from voip_sms.engine.dispatch import Dispatch
from voip_sms.engine.notice_limit import NOTICES, WITHIN
from voip_sms.engine.receipts import Receipts
from voip_sms.engine.submit import Submit

PEER = "+48601123456"


@dataclass
class House:
    """Forwarding, and a carrier that does what it is told."""

    stage: Stage
    link: FakeLink
    dispatch: Dispatch
    door: Submit
    receipts: Receipts

    async def send(
        self, text: str = "Będę o 8", *, account: Account = PHONE, door: str = "sip", to: str = PEER
    ) -> Message:
        submitted = await self.door.submit(to_send(to, text=text, account=account, door=door))
        message = submitted.items[0].message
        assert message is not None
        return message

    async def becomes(self, message: Message, status: str) -> None:
        async def reached() -> bool:
            row = await self.stage.scene.row("message", id=message.id)
            return bool(row["status"] == status)

        await self.stage.until(reached)

    async def told(self, count: int = 1) -> list[str]:
        """What the phone heard, after everything that was to be told has been."""
        await self.stage.until(lambda: len(self.stage.out["sip"].jobs) >= count)
        await self.stage.until(self._quiet)
        jobs = self.stage.out["sip"].jobs
        return [failure(job.message, job.language) for job in jobs]

    async def _quiet(self) -> bool:
        rows = await self.stage.scene.rows("forward_job", kind="sip")
        return all(row["state"] not in {"queued", "sending"} for row in rows)


@asynccontextmanager
async def house_on(database_url: str, clock: FakeClock, uncertain: str) -> AsyncIterator[House]:
    async with opened(database_url, clock) as stage:
        polish = replace(PHONE, language="pl")
        stage.scene.directory = replace(DIRECTORY, sip={"101": SipAccount(polish, {})}, subscriptions={})
        link = FakeLink()
        scene = stage.scene
        dispatch = Dispatch(scene.context, scene.signals, lambda _: link, uncertain=uncertain)  # type: ignore[arg-type]
        made = House(stage, link, dispatch, Submit(scene.context, dispatch, Rules()), Receipts(scene.context))
        await dispatch.sync()
        await stage.register()
        await stage.start()
        yield made
        await dispatch.stop(0.1)


@pytest.fixture
async def house(database_url: str, clock: FakeClock) -> AsyncIterator[House]:
    async with house_on(database_url, clock, "hold") as made:
        yield made


WORDS = {
    "rejected": "Sieć odrzuciła SMS na +48601123456.",
    "undelivered": "SMS na +48601123456 nie został doręczony: odbiorca jest nieosiągalny.",
    "expired": "SMS na +48601123456 nie został doręczony na czas.",
    "uncertain": "Nie wiadomo, czy SMS na +48601123456 został wysłany. Nie został policzony.",
}


@pytest.mark.parametrize(
    ("outcome", "code"), [(Permanent("ESME_RINVDSTADR"), "rejected"), (Uncertain("closed"), "uncertain")]
)
async def test_what_the_carrier_did_not_take(house: House, outcome: Outcome, code: str) -> None:
    house.link.answer = script(outcome)
    message = await house.send()
    await house.becomes(message, "failed")
    assert await house.told() == [f"{WORDS[code]} Treść: „Będę o 8”"]
    [job] = house.stage.out["sip"].jobs
    assert (job.target, job.message.to, job.event) == ("101", PEER, "message.failed")


@pytest.mark.parametrize(
    ("status", "code"), [("undelivered", "undelivered"), ("expired", "expired"), ("failed", "rejected")]
)
async def test_what_the_network_gave_up(house: House, status: str, code: str) -> None:
    message = await house.send()
    await house.becomes(message, "sent")
    await house.receipts.receipt("sim", CarrierReceipt(("c1",), status, "X", None, "x"))
    assert await house.told() == [f"{WORDS[code]} Treść: „Będę o 8”"]


async def test_what_waited_too_long(house: House) -> None:
    house.link.answer = script(then=lambda _: Temporary("ESME_RMSGQFUL"))
    message = await house.send()
    await house.becomes(message, "queued")
    house.stage.clock.advance(49 * 3600)
    await house.stage.register(2)
    await Expiry().run(house.stage.scene.context)
    await house.becomes(message, "expired")
    assert await house.told() == [f"{WORDS['expired']} Treść: „Będę o 8”"]


async def test_nobody_is_told_where_only_the_receipt_is_missing(house: House) -> None:
    message = await house.send()
    await house.becomes(message, "sent")
    house.stage.clock.moment += 4 * DAY
    await NoReceipt().run(house.stage.scene.context)
    await house.becomes(message, "expired")
    assert await house.stage.scene.rows("forward_job") == []


async def test_other_doors_have_their_own_ways(house: House) -> None:
    """A program has webhooks; a forward and what fell back have their own listing."""
    house.link.answer = script(then=lambda _: Permanent("no"))
    for account, door in ((KEY, "api"), (KEY, "forward"), (PHONE, "forward")):
        await house.becomes(await house.send(account=account, door=door), "failed")
    assert await house.stage.scene.rows("forward_job") == []


async def test_a_notice_costs_nothing_and_its_own_failure_is_told_to_nobody(house: House) -> None:
    house.stage.out["sip"].usual = Permanent("sip_415")
    house.link.answer = script(Permanent("no"))
    await house.becomes(await house.send(), "failed")
    await house.told()
    [job] = await house.stage.scene.rows("forward_job")
    assert (job["state"], job["cause"]) == ("failed", "sip_415")
    assert await house.stage.scene.count("message") == 1
    balance = await house.stage.scene.row("balance", tenant_id=PHONE.tenant_id)
    assert (balance["credit"], balance["reserved"], balance["settled"]) == (CREDIT, 0, 0)


async def test_a_phone_that_answers_every_notice_by_itself_stops_being_told(house: House) -> None:
    house.link.answer = script(then=lambda _: Permanent("no"))

    async def answers() -> None:
        await house.send("Jestem teraz zajęty")

    house.stage.out["sip"].on_deliver = answers
    await house.send()

    async def given_up() -> bool:
        return "failed" in await house.stage.states()

    await house.stage.until(given_up)
    assert len(house.stage.out["sip"].jobs) == NOTICES
    rows = await house.stage.scene.rows("forward_job")
    assert [row["cause"] for row in rows if row["state"] == "failed"] == ["too_many_notices"]
    assert await house.stage.scene.count("message") == NOTICES + 1

    house.stage.out["sip"].on_deliver = None
    await house.send(to="+48601123457")
    await house.told(NOTICES + 1)
    assert len(house.stage.out["sip"].jobs) == NOTICES + 1, "another number is another matter"
    house.stage.clock.moment += WITHIN + HOUR
    await house.stage.register(2)
    await house.send()
    await house.told(NOTICES + 2)
    assert len(house.stage.out["sip"].jobs) == NOTICES + 2


async def test_notices_wait_for_a_phone_that_is_off_as_texts_do(house: House) -> None:
    house.stage.clock.moment += 2 * HOUR  # its registration is over
    house.link.answer = script(Permanent("no"), Permanent("no"))
    for text in ("1", "2"):
        await house.becomes(await house.send(text), "failed")
    assert house.stage.out["sip"].jobs == []
    await house.stage.register(2)
    assert [told[-2] for told in await house.told(2)] == ["1", "2"]


async def test_what_was_paid_stays_paid_and_the_notice_says_nothing_else(house: House) -> None:
    house.link.answer = script(Accepted("c1"))
    message = await house.send()
    await house.becomes(message, "sent")
    await house.receipts.receipt("sim", CarrierReceipt(("c1",), "undelivered", "X", None, "x"))
    await house.told()
    balance = await house.stage.scene.row("balance", tenant_id=PHONE.tenant_id)
    assert balance["settled"] == PRICE
