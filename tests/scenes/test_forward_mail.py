"""Inbound SMS as mails: what the reader sees, what a hostile text can't do, and what a relay's answers mean."""

import asyncio
from dataclasses import dataclass, replace

import pytest

from support.fakes import START
from support.sip_engine import message, sip_account
from support.tcp import tcp_server
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.model import ForwardJob
from voip_sms.demo.mail_sink import DROP, MailSink
from voip_sms.forwards.mail import MailForwarder, compose
from voip_sms.net.smtp import MailRelay

TO = "biuro@example.test"


@dataclass(frozen=True)
class Identity:
    relay: str
    domain: str = "sms.test"
    sender: str = "sms@sms.test"


def job(
    text: str | None = "Cześć", *, sender: str = "+48777000001", to: str = TO, **changes: object
) -> ForwardJob:
    about = message(sender=sender, text=text)._replace(created_at=START)
    made = ForwardJob(b"j" * 16, b"T" * 16, "mail", to, "message.received", about, 1, START)
    return replace(made, **changes)


async def deliver(sink: MailSink, one: ForwardJob) -> Outcome:
    return await MailForwarder(Identity(sink.url)).deliver(one)


async def test_the_mail_that_the_reader_gets(mail_sink: MailSink) -> None:
    assert isinstance(await deliver(mail_sink, job("Cześć!\n.\n\nZażółć gęślą jaźń 😀\n")), Accepted)
    mail = await mail_sink.mail_to(TO)
    assert mail.sender == "sms@sms.test"
    assert mail.text.replace("\r\n", "\n") == "Cześć!\n.\n\nZażółć gęślą jaźń 😀"
    assert mail.subject == "SMS from +48777000001 to +48601000001"
    assert mail.message["From"] == "+48777000001 <48777000001@sms.test>"
    assert mail.message["To"] == TO
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["X-Loop"] == "sms.test"
    assert mail.message["Date"].datetime.timestamp() == START / 1e6
    assert mail.message.get_content_type() == "multipart/alternative"
    parts = mail.message.get_payload()
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert {part.get_content_charset() for part in parts} == {"utf-8"}
    assert mail.raw.isascii()


async def test_a_repeat_is_the_same_mail_and_another_sms_another(mail_sink: MailSink) -> None:
    await deliver(mail_sink, job())
    await deliver(mail_sink, job(attempt=2))
    await deliver(mail_sink, job(id=b"k" * 16))
    first, second, third = (mail.message["Message-ID"] for mail in mail_sink.mails.items)
    assert first == second != third


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("en", "No phone of 101 took this message of 2026-11-22 11:00."),
        ("pl", "Żaden telefon konta 101 nie odebrał tej wiadomości z 2026-11-22 11:00."),
    ],
)
async def test_in_a_phone_s_place_it_says_why_below_the_text(
    mail_sink: MailSink, language: str, why: str
) -> None:
    account = sip_account("101", "pw").account
    await deliver(mail_sink, job(instead_of=account, timezone="Europe/Warsaw", language=language))
    mail = mail_sink.mails.items[0]
    assert mail.text.replace("\r\n", "\n") == f"Cześć\n\n-- \n{why}"
    assert mail.message["From"] == "+48777000001 <48777000001@sms.test>"
    assert mail.message["Date"].datetime.timestamp() == START / 1e6


async def test_in_the_readers_language_and_from_a_name(mail_sink: MailSink) -> None:
    await deliver(mail_sink, job(sender="Żabka, Bank", language="pl"))
    mail = mail_sink.mails.items[0]
    assert mail.subject == "SMS od Żabka, Bank na +48601000001"
    (author,) = mail.message["From"].addresses
    assert (author.display_name, author.addr_spec) == ("Żabka, Bank", "sms@sms.test")


@pytest.mark.parametrize(
    "sender",
    [
        "X\r\nBcc: victim@example.test",
        "X\nSubject: hacked\n\nbody",
        '"><x@y.test>,',
        "ok =?utf-8?q?=0D=0ABcc:_v@x.test?=",
        "==?utf-8?b?DQpCY2M6IHZAeC50ZXN0?=",
        "=?utf-8?q?evil=0ABcc=3A_v=40x.test?=",
        "a" * 500,
        "",
        "\u2028\x00",
    ],
)
async def test_a_hostile_sender_stays_text(mail_sink: MailSink, sender: str) -> None:
    assert isinstance(await deliver(mail_sink, job("Hi", sender=sender)), Accepted)
    mail = mail_sink.mails.items[0]
    assert mail.recipients == (TO,)
    assert mail.message["Bcc"] is None
    assert len(mail.message.get_all("Subject")) == 1
    assert mail.subject.startswith("SMS from ")
    (author,) = mail.message["From"].addresses
    assert author.addr_spec == "sms@sms.test"
    assert mail.text == "Hi"


@pytest.mark.parametrize(
    "text", ["Subject: x\r\n\r\nhi", "a\r\n.\r\nMAIL FROM:<x@y.test>\r\n", "\r.\r", "x" * 5000]
)
async def test_a_hostile_text_stays_the_body(mail_sink: MailSink, text: str) -> None:
    assert isinstance(await deliver(mail_sink, job(text)), Accepted)
    (mail,) = mail_sink.mails.items
    assert mail.text.split() == text.split()
    assert mail.subject == "SMS from +48777000001 to +48601000001"


@pytest.mark.parametrize(
    "to", ["a@b.test, c@d.test", "x", "a@b.test\r\nRCPT TO:<c@d.test>", "", "żółw@b.test"]
)
async def test_a_target_that_is_no_address_is_refused(mail_sink: MailSink, to: str) -> None:
    assert isinstance(await deliver(mail_sink, job(to=to)), Permanent)
    assert mail_sink.sessions == 0


async def test_a_text_that_is_gone_makes_no_mail(mail_sink: MailSink) -> None:
    assert await deliver(mail_sink, job(None)) == Permanent("text_gone")


# --- the relay's answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(("reply", "kind"), [("451 4.3.0 later", Temporary), ("550 5.1.1 nobody", Permanent)])
async def test_4xx_is_for_now_and_5xx_for_good(
    mail_sink: MailSink, stage: str, reply: str, kind: type
) -> None:
    mail_sink.fail(stage, reply)
    outcome = await deliver(mail_sink, job())
    assert isinstance(outcome, kind)
    assert outcome.cause == reply[:3]
    assert len(mail_sink.mails) == 0
    assert isinstance(await deliver(mail_sink, job()), Accepted)


async def test_what_the_relay_says_of_itself_is_never_for_good(mail_sink: MailSink) -> None:
    mail_sink.fail("connect", "554 5.3.2 closed")
    assert isinstance(await deliver(mail_sink, job()), Temporary)
    mail_sink.fail("mail", "530 5.7.0 log in first")
    assert isinstance(await deliver(mail_sink, job()), Temporary)


async def test_a_relay_that_is_away_or_hangs_up(mail_sink: MailSink) -> None:
    mail_sink.fail("rcpt", DROP)
    assert isinstance(await deliver(mail_sink, job()), Temporary)
    mail_sink.fail("data", DROP)
    assert isinstance(await deliver(mail_sink, job()), Uncertain)
    await mail_sink.stop()
    assert isinstance(await deliver(mail_sink, job()), Temporary)
    assert await MailForwarder(Identity("")).deliver(job()) == Temporary("no_relay")


async def test_a_relay_that_says_nothing_is_left_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with tcp_server(silent) as port, asyncio.timeout(5):
        relay = MailRelay(f"smtp://127.0.0.1:{port}", "sms.test", deadline=0.2)
        outcome = await relay.send("a@b.test", TO, b"Subject: x\r\n\r\nx\r\n")
    assert isinstance(outcome, Temporary)


def test_a_malformed_relay_is_refused_when_it_is_configured() -> None:
    with pytest.raises(ValueError, match="smtp://"):
        MailRelay("http://127.0.0.1", "sms.test")


def test_lines_of_the_mail_are_short_enough_for_any_relay() -> None:
    one = job("ą" * 3000, sender="b" * 300)
    mail = compose(one, Identity("")).as_bytes()
    assert max(map(len, mail.splitlines())) <= 998
