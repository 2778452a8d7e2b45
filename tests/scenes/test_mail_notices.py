"""What whoever wrote by mail is told: of failures, of deliveries if asked for; and to whom no mail goes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from support.fakes import FakeClock
from support.forwarding import FakeForwarder
from support.links import FakeLink
from support.mailing import FOREIGN, NAMED, OFFICE, PostOffice, post_office
from support.waiting import eventually
from support.world import ACME, OTHER, PRICE, to_send
from voip_sms.core.directory import Quota
from voip_sms.core.identity import Rules
from voip_sms.core.model import CarrierReceipt, ForwardJob, MailThread
from voip_sms.engine.dispatch import Dispatch
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.mail import Mailing
from voip_sms.engine.receipts import Receipts
from voip_sms.engine.submit import Submit

PEER = "+48601123456"


@dataclass
class Stage:
    """Mails in, a carrier that takes everything, mails out to a forwarder that records them."""

    office: PostOffice
    receipts: Receipts
    out: FakeForwarder
    forwarding: Forwarding

    async def sent(self, **mail: Any) -> None:
        (posted,) = await self.office.post(PEER, **mail)
        assert posted.accepted

        async def there() -> bool:
            return {row["status"] for row in await self.office.scene.rows("message")} == {"sent"}

        await eventually(there)

    async def ends(self, status: str) -> None:
        receipt = CarrierReceipt(("c1",), status, "UNDELIV 069", None, status)
        await self.receipts.receipt("sim", receipt)

    async def mails(self, count: int) -> list[ForwardJob]:
        """The first `count` mails of ours, once there are no more on their way."""

        async def settled() -> bool:
            jobs = await self.office.scene.rows("forward_job")
            return all(job["state"] not in ("queued", "sending") for job in jobs)

        self.office.scene.signals.wake(("forwards",))
        await eventually(settled)
        assert len(self.out.jobs) == count
        return self.out.jobs


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    office = post_office(database_url, clock)
    scene = office.scene
    await scene.start()
    link = FakeLink()
    dispatch = Dispatch(
        scene.context,
        scene.signals,
        lambda carrier: link if carrier.name == "sim" else FakeLink(carrier.name),
    )
    office.submit = Submit(scene.context, dispatch, Rules())
    office.mailing = Mailing(scene.context, office.submit, "PL", office.secrets)
    out = FakeForwarder()
    forwarding = Forwarding(scene.context, scene.signals, {"mail": out})
    await dispatch.sync()
    await forwarding.start()
    yield Stage(office, Receipts(scene.context), out, forwarding)
    await forwarding.stop(1)
    await dispatch.stop(0.1)
    await scene.stop()


@pytest.mark.parametrize("status", ["undelivered", "expired", "failed"])
async def test_a_failure_is_told_to_whoever_wrote_in_their_thread(stage: Stage, status: str) -> None:
    await stage.sent(text="Hello")
    await stage.ends(status)
    (job,) = await stage.mails(1)
    assert (job.target, job.event, job.message.to) == (OFFICE, f"message.{status}", PEER)
    assert (job.message.text, job.message.error_detail) == ("Hello", "UNDELIV 069")
    assert job.thread == MailThread("<1@acme.test>")


async def test_or_to_another_person(stage: Stage) -> None:
    stage.office.change(OFFICE, failure_to="boss@acme.test")
    await stage.sent()
    await stage.ends("undelivered")
    assert [job.target for job in await stage.mails(1)] == ["boss@acme.test"]


@pytest.mark.parametrize(("wanted", "count"), [(True, 1), (False, 0)])
async def test_a_delivery_is_told_with_its_price_on_request(
    stage: Stage,
    wanted: bool,  # noqa: FBT001 - a parameter of the test
    count: int,
) -> None:
    stage.office.change(OFFICE, notify_delivered=wanted, failure_to="boss@acme.test")
    await stage.sent()
    await stage.ends("delivered")
    for job in await stage.mails(count):
        assert (job.target, job.event) == (OFFICE, "message.delivered")
        assert (job.message.price, job.message.currency) == (PRICE, "PLN")


async def test_what_did_not_come_by_mail_is_not_told_by_mail(stage: Stage) -> None:
    await stage.office.submit.submit(to_send(PEER))

    async def sent() -> bool:
        return (await stage.office.scene.row("message"))["status"] == "sent"

    await eventually(sent)
    await stage.ends("undelivered")
    await stage.mails(0)


async def test_a_sender_who_was_removed_gets_no_mails_any_more(stage: Stage) -> None:
    await stage.sent()
    del stage.office.senders[OFFICE]
    stage.office.refresh()
    await stage.ends("undelivered")
    await stage.mails(0)


async def test_a_mail_that_waits_for_a_removed_mailbox_never_leaves(stage: Stage) -> None:
    await stage.forwarding.stop(1)
    await stage.sent()
    await stage.ends("undelivered")
    del stage.office.senders[OFFICE]
    stage.office.refresh()
    again = Forwarding(stage.office.scene.context, stage.office.scene.signals, {"mail": stage.out})
    await again.start()
    await stage.mails(0)
    await again.stop(1)
    job = await stage.office.scene.row("forward_job")
    assert (job["state"], job["cause"]) == ("failed", "mailbox_gone")


async def test_a_mail_about_no_message_arrives_with_what_it_says(stage: Stage) -> None:
    stage.office.change(NAMED, limits=Quota(day=7))
    (posted,) = await stage.office.post("info", by=NAMED, subject="", text="")
    assert posted.accepted
    (job,) = await stage.mails(1)
    assert (job.target, job.event, job.tenant_id) == (NAMED, "mail.info", ACME)
    assert job.payload["uses"][0]["limit"] == 7
    assert job.thread == MailThread("<1@acme.test>")
    assert job.message.text is None


async def test_each_customer_is_told_of_its_own(stage: Stage) -> None:
    await stage.sent(by=FOREIGN)
    await stage.ends("undelivered")
    assert [(job.target, job.tenant_id) for job in await stage.mails(1)] == [(FOREIGN, OTHER)]
