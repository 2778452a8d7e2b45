"""There and back: what the engine queues for mailboxes, as the reader's mail server gets it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from support.fakes import FakeClock
from support.mailing import OFFICE, PEER, PostOffice, post_office
from support.world import ACME, OWN
from voip_sms.core.directory import ForwardRule, Quota
from voip_sms.demo.mail_sink import Mail, MailSink
from voip_sms.engine.forwarding import Forwarding
from voip_sms.forwards.mail import MailForwarder
from voip_sms.wire.mail.reading import read_mail


@dataclass(frozen=True)
class Identity:
    relay: str
    domain: str = "sms.test"
    sender: str = "sms@sms.test"


@dataclass
class Stage:
    office: PostOffice
    sink: MailSink

    async def mail(self, number: int) -> Mail:
        """The last of `number` mails."""
        self.office.scene.signals.wake(("forwards",))
        return (await self.sink.mails.count(number, within=10))[number - 1]


@pytest.fixture
async def stage(database_url: str, clock: FakeClock, mail_sink: MailSink) -> AsyncIterator[Stage]:
    office = post_office(database_url, clock)
    await office.scene.start()
    forwarding = Forwarding(
        office.scene.context, office.scene.signals, {"mail": MailForwarder(Identity(mail_sink.url))}
    )
    await forwarding.start()
    yield Stage(office, mail_sink)
    await forwarding.stop(1)
    await office.scene.stop()


async def test_the_whole_conversation_is_one_thread(stage: Stage) -> None:
    await stage.office.post(
        "601123456",
        text="Kiedy?",
        message_id="<first@acme.test>",
        subject="Żaba",
        references=("<zero@acme.test>",),
    )
    await stage.office.answer("Jutro, ż")
    first = await stage.mail(1)
    assert first.recipients == (OFFICE,)
    assert (first.subject, first.text) == ("Re: Żaba", "Jutro, ż")
    assert first.message["In-Reply-To"] == "<first@acme.test>"
    assert first.message["References"].split() == ["<zero@acme.test>", "<first@acme.test>"]
    (author,) = first.message["From"].addresses
    ours = first.message["Message-ID"]
    await stage.office.post(
        author.username, text="Dobrze", message_id="<second@acme.test>", subject="Re: Żaba",
        in_reply_to=ours, references=("<zero@acme.test>", "<first@acme.test>", ours),
    )  # fmt: skip
    await stage.office.answer("Do jutra")
    second = await stage.mail(2)
    assert second.subject == "Re: Żaba"
    assert second.message["In-Reply-To"] == "<second@acme.test>"
    assert set(second.message["References"].split()) > {"<first@acme.test>", ours}


@pytest.mark.parametrize("message_id", ["", "<" + "x" * 400 + "@acme.test>"], ids=["none", "endless"])
async def test_an_answer_comes_back_though_the_mail_had_no_usable_id(stage: Stage, message_id: str) -> None:
    await stage.office.post("601123456", message_id=message_id, subject="Alarm")
    await stage.office.answer("Tak")
    mail = await stage.mail(1)
    assert (mail.recipients, mail.subject, mail.text) == ((OFFICE,), "Re: Alarm", "Tak")
    assert mail.message["In-Reply-To"] is None


async def test_sms_that_answer_nothing_are_one_thread(stage: Stage) -> None:
    rule = ForwardRule(b"rule-mail-000001", ACME, OWN, "mail", (OFFICE,))
    stage.office.refresh(forwards={OWN: (rule,)})
    await stage.office.answer("One")
    first = await stage.mail(1)
    await stage.office.answer("Two")
    second = await stage.mail(2)
    assert first.message["In-Reply-To"] is None
    assert second.message["In-Reply-To"] == first.message["Message-ID"]
    assert first.subject == second.subject == f"SMS from {PEER} to {OWN}"


async def test_info_is_answered_with_limits_and_use(stage: Stage) -> None:
    stage.office.change(OFFICE, limits=Quota(500, None))
    await stage.office.post("601123456")
    await stage.office.post("info", text="", message_id="<q@acme.test>")
    mail = await stage.mail(1)
    assert mail.sender == "<>"
    assert mail.message["In-Reply-To"] == "<q@acme.test>"
    assert "1 of 500" in mail.text
    assert "no limit" in mail.text


async def test_a_limit_that_is_used_up_is_told(stage: Stage) -> None:
    stage.office.change(OFFICE, limits=Quota(1, None))
    await stage.office.post("601123456")
    mail = await stage.mail(1)
    assert mail.recipients == (OFFICE,)
    assert "1 of 1" in mail.text
    assert mail.subject == "The SMS limit for today is used up"


async def test_of_several_recipients_the_writer_hears_who_got_none(stage: Stage) -> None:
    await stage.office.post("601123456", "221234567")
    mail = await stage.mail(1)
    assert "221234567: No SMS can be sent to this number." in mail.text
    assert "601123456" not in mail.text


@pytest.mark.parametrize("mode", ["normal", "premium"])
async def test_autoresponders_answer_only_where_they_may(stage: Stage, mode: str) -> None:
    stage.office.change(OFFICE, mode=mode)
    await stage.office.post("601123456")
    await stage.office.answer()
    mail = await stage.mail(1)
    premium = mode == "premium"
    assert mail.message["Auto-Submitted"] == ("no" if premium else "auto-generated")
    assert mail.sender == ("48601123456@sms.test" if premium else "sms@sms.test")
    assert (read_mail(mail.raw).auto == "") is premium
