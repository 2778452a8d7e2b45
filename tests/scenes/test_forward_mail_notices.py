"""Mails about what somebody sent by mail: golden octets in both languages, threads, and what can't be smuggled in."""

import os
from dataclasses import dataclass, replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from support.fakes import START
from support.sip_engine import message, sip_account
from voip_sms.core.clock import HOUR, MINUTE
from voip_sms.core.failures import Accepted, Permanent
from voip_sms.core.mail import notices
from voip_sms.core.mail.addressing import number_of, recipient_of
from voip_sms.core.model import Event, ForwardJob, MailThread, Message
from voip_sms.demo.mail_sink import MailSink
from voip_sms.doors.mail.automatic import Machines
from voip_sms.forwards.mail import MailForwarder, compose
from voip_sms.wire.mail.reading import read_mail

GOLDEN = Path(__file__).parents[1] / "golden" / "mail"
TO = "biuro@example.test"
TEXT = "Zażółć gęślą jaźń.\nDruga linia & <b>nie</b> pogrubiona"
THREAD = MailThread("<a1@example.test>", ("<a0@example.test>",), "Re: Zamówienie nr 7")


@dataclass(frozen=True)
class Identity:
    relay: str = ""
    domain: str = "sms.test"
    sender: str = "sms@sms.test"


def outbound(**changes: object) -> Message:
    sent = message(sender="+48601000001", text=TEXT, created_at=START)
    values = {
        "direction": "outbound",
        "to": "+48601123456",
        "door": "mail",
        "account": f"mail:{TO}",
        "parts": 2,
        "price": 580_000,
        "error_code": "undelivered",
        "error_detail": "UNDELIV 069",
    }
    return sent._replace(**(values | changes))


def job(event: str, about: Message | None = None, **changes: object) -> ForwardJob:
    made = ForwardJob(
        b"j" * 16,
        b"T" * 16,
        "mail",
        TO,
        event,
        about or outbound(),
        1,
        START + HOUR,
        timezone="Europe/Warsaw",
        thread=THREAD,
    )
    return replace(made, **changes)


def inbound(text: str = TEXT, **changes: object) -> Message:
    return message(sender="+48601123456", text=text, created_at=START)._replace(**changes)


def use(scope: str, period: str, limit: int | None, used: int) -> notices.UsePayload:
    return {"scope": scope, "period": period, "limit": limit, "used": used, "until": START + 13 * HOUR}


INFO: notices.InfoPayload = {
    "address": TO,
    "uses": [use("address", "day", 500, 12), use("account", "month", None, 4321)],
}
LIMIT: notices.LimitPayload = {"address": TO, "use": use("address", "month", 500, 500)}
CUT: notices.CutPayload = {"to": ["+48601123456"], "kept": 1500, "of": 3200}
REFUSED: notices.RefusedPayload = {
    "items": [
        {"to": "601", "code": "recipient_invalid", "detail": "x"},
        {"to": "+48221234567", "code": "recipient_forbidden", "detail": "x"},
        {"to": "+48601123456", "code": "a_new_code", "detail": "x"},
    ],
    "more": 2,
}
LINK = "https://sms.test/panel/password/" + "a1B2c3D4-_" * 4 + "xyz"
INVITED: notices.InvitationPayload = {
    "language": "en",
    "name": "Zofia",
    "by": "Ann <b>Kowalska</b>",
    "link": LINK,
    "until": START + 48 * HOUR,
}
FORGOTTEN: notices.ForgottenPayload = {
    "language": "en",
    "name": "Zofia",
    "address": "192.0.2.1",
    "link": LINK,
    "until": START + HOUR,
}
BALANCE: notices.BalancePayload = {
    "language": "en",
    "name": "Zofia",
    "mail": TO,
    "available": "3.20 PLN",
    "low": "10.00 PLN",
}
LIMIT_OF_FLOW: notices.LimitReachedPayload = {
    "language": "en",
    "name": "Zofia",
    "mail": TO,
    "whose": "flow",
    "of": "sklep",
    "period": "day",
    "limit": 500,
    "until": START + 13 * HOUR,
}
APPROVED_NAME: notices.NameApprovedPayload = {
    "language": "en",
    "name": "Zofia",
    "mail": TO,
    "sender": "m BANK",
}
REGISTERED: notices.RegistrationPayload = {"language": "en", "code": "7K3M-Q2XA"}
APPROVED: notices.ApprovedPayload = {
    "language": "en",
    "name": "Zofia",
    "company": "Żółw & Syn",
    "code": "7K3M-Q2XA",
    "link": LINK,
    "until": START + 48 * HOUR,
}
NOT_ACCEPTED: notices.RefusedRegistrationPayload = {
    "language": "en",
    "name": "Zofia",
    "company": "Żółw & Syn",
    "reason": "Nie ma takiej firmy w KRS.",
}
DELIVERED = outbound(
    error_code=None, error_detail=None, events=(Event(START + 7 * MINUTE, "delivered", "DELIVRD"),)
)

MAILS = {
    "received": job("message.received", inbound(), thread=None),
    "received_in_thread": job("message.received", inbound()),
    "received_partial": job("message.received", inbound(flags=frozenset({"partial"})), thread=None),
    "received_from_name": job("message.received", inbound(sender="Żabka, Bank"), thread=None),
    "fell_back": job("message.received", inbound(), thread=None, instead_of=sip_account("101", "pw").account),
    "undelivered": job("message.undelivered"),
    "uncertain": job("message.failed", outbound(error_code="uncertain", text=None, error_detail=None)),
    "failed_to_another": job("message.failed", outbound(error_code="rejected"), target="szef@example.test"),
    "delivered": job("message.delivered", DELIVERED),
    "info": job(notices.INFO, payload=INFO),
    "limit": job(notices.LIMIT, payload=LIMIT),
    "cut": job(notices.CUT, payload=CUT),
    "refused": job(notices.REFUSED, payload=REFUSED),
    "invited": job(notices.INVITATION, payload=INVITED, thread=None),
    "forgotten": job(notices.FORGOTTEN, payload=FORGOTTEN, thread=None),
    "balance_low": job(notices.BALANCE_LOW, payload=BALANCE, thread=None),
    "limit_reached": job(notices.LIMIT_REACHED, payload=LIMIT_OF_FLOW, thread=None),
    "name_approved": job(notices.NAME_APPROVED, payload=APPROVED_NAME, thread=None),
    "registered": job(notices.REGISTERED, payload=REGISTERED, thread=None, timezone="UTC"),
    "approved": job(notices.APPROVED, payload=APPROVED, thread=None, timezone="UTC"),
    "not_accepted": job(notices.NOT_ACCEPTED, payload=NOT_ACCEPTED, thread=None, timezone="UTC"),
}


def written(one: ForwardJob) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(compose(one, Identity()).as_bytes())


def plain(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html(mail: EmailMessage) -> str:
    return mail.get_body(("html",)).get_content()


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("name", MAILS)
def test_every_mail_is_as_it_was_looked_at(name: str, language: str) -> None:
    """VOIP_SMS_GOLDEN=1 writes them anew; look at what changed."""
    path = GOLDEN / f"{name}.{language}.eml"
    one = MAILS[name]
    payload = {**one.payload, "language": language} if "language" in one.payload else one.payload
    octets = (
        compose(replace(one, language=language, payload=payload), Identity())
        .as_bytes()
        .replace(b"\r\n", b"\n")
    )
    if os.environ.get("VOIP_SMS_GOLDEN"):
        path.write_bytes(octets)
    assert octets == path.read_bytes()


@pytest.mark.parametrize("name", MAILS)
def test_both_parts_say_the_same(name: str) -> None:
    mail = written(MAILS[name])
    shown = html(mail).replace("&#39;", "'").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    for line in plain(mail).splitlines():
        words = line.strip().partition(": ")
        if line.strip() not in ("", "--", "Text:"):
            assert line.strip() in shown or (words[0] in shown and words[2] in shown), line


@pytest.mark.parametrize("name", MAILS)
def test_no_program_answers_a_mail_of_ours(name: str) -> None:
    mail = written(MAILS[name])
    assert mail["Auto-Submitted"] in {"auto-generated", "auto-replied"}
    assert "OOF" in mail["X-Auto-Response-Suppress"]
    assert mail["X-Loop"] == "sms.test"


@pytest.mark.parametrize("name", MAILS)
async def test_nothing_comes_back_about_a_notice(name: str, mail_sink: MailSink) -> None:
    assert isinstance(await MailForwarder(Identity(mail_sink.url)).deliver(MAILS[name]), Accepted)
    (mail,) = mail_sink.mails.items
    (author,) = mail.message["From"].addresses
    if MAILS[name].event == "message.received":
        assert mail.sender == "sms@sms.test"
    else:
        assert mail.sender == "<>"
        assert author.addr_spec == "sms@sms.test", "Reply to a notice texts nobody"


async def test_a_premium_mailbox_s_server_may_answer_whoever_texted(mail_sink: MailSink) -> None:
    about = job("message.received", inbound(), autoreply=True)
    assert isinstance(await MailForwarder(Identity(mail_sink.url)).deliver(about), Accepted)
    (mail,) = mail_sink.mails.items
    assert mail.sender == "48601123456@sms.test", "what an autoresponder answers (RFC 3834 4)"
    assert mail.message["Auto-Submitted"] == "no"
    assert mail.message["X-Auto-Response-Suppress"] is None
    assert mail.message["X-Loop"] == "sms.test"
    assert written(job("message.failed", autoreply=True))["Auto-Submitted"] == "auto-replied"


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_of_ours_that_comes_back_is_known_and_sends_nothing(name: str) -> None:
    back = read_mail(compose(MAILS[name], Identity()).as_bytes())
    assert Machines("sms.test", lambda: 0.0).circling(back) is not None
    assert back.auto in {"generated", "replied"}
    assert not back.body.damaged


# --- what it says -------------------------------------------------------------------------------------------


def test_a_failure_says_to_whom_what_why_and_what_to_do() -> None:
    said = plain(written(replace(MAILS["undelivered"], language="pl")))
    assert "SMS na +48601123456 nie został doręczony." in said
    assert "Powód: Odbiorca jest nieosiągalny." in said
    assert "UNDELIV 069" in said
    assert "Wysłano: 2026-11-22 11:00" in said, "in the customer's zone"
    assert "  Zażółć gęślą jaźń.\n  Druga linia & <b>nie</b> pogrubiona" in said
    assert "Nowy SMS wyślesz na adres 48601123456@sms.test." in said
    abroad = plain(written(job("message.failed", outbound(to="+4915112345678"))))
    assert "write to +4915112345678@sms.test." in abroad
    assert "Nadawca:" not in said
    assert f"Nadawca: {TO}" in plain(written(replace(MAILS["failed_to_another"], language="pl")))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("rejected", "The network refused"),
        ("expired", "in time"),
        ("uncertain", "It is not known whether"),
        ("no_receipt", "It is not known whether"),
        ("something new", "could not be reached"),
        (None, "could not be reached"),
    ],
)
def test_each_reason_in_plain_words(code: str | None, words: str) -> None:
    assert words in plain(written(job("message.failed", outbound(error_code=code))))


def test_delivered_names_hour_and_price_as_the_reader_writes_them() -> None:
    polish = plain(written(replace(MAILS["delivered"], language="pl")))
    assert "Doręczono: 2026-11-22 11:07" in polish
    assert "Cena: 0,58 PLN" in polish
    assert "Price: 0.58 PLN" in plain(written(MAILS["delivered"]))
    assert "Price" not in plain(written(job("message.delivered", DELIVERED._replace(price=None))))


def test_limits_and_use() -> None:
    said = plain(written(replace(MAILS["info"], language="pl")))
    assert "Ten adres, dziś: 12 z 500, od nowa 2026-11-23 00:00" in said
    assert "Całe konto, w tym miesiącu: 4321 (bez limitu)" in said


def test_many_refusals_are_counted_beyond_those_named() -> None:
    many = [{"to": f"6{n}", "code": "recipient_invalid", "detail": ""} for n in range(50)]
    said = plain(written(job(notices.REFUSED, payload={"items": many, "more": 7})))
    assert said.count("not a phone number") == 20
    assert "There are 37 more of these." in said


async def test_an_event_that_has_no_mail_is_given_up(mail_sink: MailSink) -> None:
    outcome = await MailForwarder(Identity(mail_sink.url)).deliver(job("message.sent"))
    assert outcome == Permanent("event_unknown")


# --- threads and answers ------------------------------------------------------------------------------------


def test_an_answer_stands_below_the_mail_it_answers() -> None:
    mail = written(MAILS["received_in_thread"])
    assert mail["Subject"] == "Re: Zamówienie nr 7"
    assert mail["In-Reply-To"] == "<a1@example.test>"
    assert mail["References"].split() == ["<a0@example.test>", "<a1@example.test>"]
    assert "In-Reply-To" not in written(MAILS["received"])


def test_a_mail_of_ours_in_the_thread_is_named_with_our_domain() -> None:
    mail = written(job("message.received", inbound(), thread=MailThread("fwd_2", ("<a@b.test>", "fwd_1"))))
    assert mail["In-Reply-To"] == "<fwd_2@sms.test>"
    assert mail["References"].split() == ["<a@b.test>", "<fwd_1@sms.test>", "<fwd_2@sms.test>"]
    assert mail["Subject"] == "SMS from +48601123456 to +48601000001"


def test_long_ids_are_never_encoded_and_many_are_thinned() -> None:
    ids = tuple(f"<{'x' * 100}{n:03}@{'y' * 60}.prod.example.test>" for n in range(40))
    octets = compose(
        job("message.received", inbound(), thread=MailThread(ids[-1], ids)), Identity()
    ).as_bytes()
    found = BytesParser(policy=policy.default).parsebytes(octets)["References"].split()
    assert found[0] == ids[0]
    assert found[1:] == list(ids[-len(found) + 1 :])
    assert len(found) > 5
    assert b"=?" not in octets.partition(b"\r\n\r\n")[0]
    assert max(map(len, octets.splitlines())) <= 998


HOSTILE = [
    "<a@b.test>\r\nBcc: v@x.test",
    "<a@b.test> <c@d.test>",
    "<=?utf-8?q?=0D=0ABcc:v@x.test?=>",
    "<żółw@b.test>",
    "<a@b>\x00",
    "<" + "a" * 5000 + "@b.test>",
    "fwd_1\r\nBcc: v@x.test",
    "",
]


@pytest.mark.parametrize("bad", HOSTILE)
def test_an_id_that_is_none_is_left_out(bad: str) -> None:
    mail = written(job("message.received", inbound(), thread=MailThread(bad, (bad, "<ok@b.test>"), "x")))
    assert mail["Bcc"] is None
    assert mail["In-Reply-To"] is None
    assert mail["References"] == "<ok@b.test>"
    assert plain(mail).startswith("Za")


@pytest.mark.parametrize(
    "bad", ["x\r\nBcc: v@x.test", "=?utf-8?q?=0D=0ABcc:_v@x.test?=", "\u2028\x00", "y" * 5000]
)
def test_a_hostile_subject_stays_a_subject(bad: str) -> None:
    octets = compose(
        job("message.received", inbound(), thread=replace(THREAD, subject=bad)), Identity()
    ).as_bytes()
    mail = BytesParser(policy=policy.default).parsebytes(octets)
    assert mail["Bcc"] is None
    assert len(mail.get_all("Subject")) == 1
    assert len(mail["Subject"]) < 210
    assert plain(mail).startswith("Za")


def test_what_others_wrote_is_never_markup() -> None:
    evil = "<script>alert(1)</script>\n<img src=x onerror=y> {{ 7*7 }} {% raw %}"
    about = outbound(text=evil, to="sip:<b>x</b>", error_detail="<i>z</i>", error_code="rejected")
    shown = html(written(job("message.failed", about)))
    assert "<script" not in shown
    assert "<img" not in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "{{ 7*7 }}" in shown
    items = [{"to": "<b>x</b>", "code": "recipient_invalid", "detail": ""}]
    assert "<b>" not in html(written(job(notices.REFUSED, payload={"items": items, "more": 0})))


@pytest.mark.parametrize("sender", ["+48601123456", "+4915112345678", "+12025550123"])
def test_reply_goes_back_to_the_number_that_wrote(sender: str) -> None:
    (author,) = written(job("message.received", inbound(sender=sender)))["From"].addresses
    assert number_of(recipient_of(author.username), "PL").e164 == sender


async def test_a_mail_is_signed_as_it_is_sent(mail_sink: MailSink) -> None:
    def sign(mail: bytes) -> bytes:
        return b"DKIM-Signature: v=1; b=" + str(len(mail)).encode() + b"\r\n" + mail

    forwarder = MailForwarder(Identity(mail_sink.url), sign=sign)
    assert isinstance(await forwarder.deliver(MAILS["received"]), Accepted)
    (mail,) = mail_sink.mails.items
    signature, _, rest = mail.raw.partition(b"\r\n")
    assert signature == b"DKIM-Signature: v=1; b=" + str(len(rest)).encode()


def test_a_repeat_is_the_same_octet_for_octet() -> None:
    first, second = (compose(MAILS["received"], Identity()).as_bytes() for _ in range(2))
    assert first == second
