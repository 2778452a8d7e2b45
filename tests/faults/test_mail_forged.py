"""Ten thousand forged mails: no SMS, no mail of ours, and little time; and machines that answer each other."""

import asyncio
import re
import smtplib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import islice, product
from types import SimpleNamespace
from typing import Any

import pytest

from support.fakes import FakeClock
from support.mail_proof import DnsTable, key_of, key_record, mail, signed
from support.mailing import FOREIGN, NAMED, OFFICE, PostOffice, post_office
from support.service import everything, opened
from voip_sms.demo.clients import until
from voip_sms.demo.stage import MAIL_NUMBER, WRITER, WRITER_SECRET, Stage
from voip_sms.doors.mail.hooks import Hooks
from voip_sms.doors.mail.recipients import Recipients
from voip_sms.doors.mail.senders import MailSenders
from voip_sms.net.mailauth import DmarcProof

MAILS = 10_000
Forged = tuple[bytes, str, str]
"""The mail, the local part that it is for, MAIL FROM."""


def _kinds(domain: str) -> list[Callable[[str, int], Forged]]:
    """How a From that isn't one's own is dressed up. `domain` is the victims', whose key s1 is known."""
    to = "601123456@sms.test"
    evil = "x@evil.test"
    by_evil = signed(mail(evil, to=to), "evil.test").partition(b"From:")[0]
    genuine = signed(mail(f"office@{domain}", to=to), domain)
    shortened = signed(mail(f"office@{domain}", to=to), domain, length=True) + b"and more\r\n"
    results = f"Authentication-Results: sms.test; dkim=pass header.d={domain}; spf=pass; dmarc=pass"
    return [
        lambda author, no: (mail(author, text=f"{no}"), "601123456", author),
        lambda author, no: (mail(author, text=f"{no}", more=[results]), "601123456", evil),
        lambda author, no: (mail(f'"{author}" <{evil}>', text=f"{no}"), "601123456", author),
        lambda author, no: (mail(f"{author}, {evil}", text=f"{no}"), "601123456", author),
        lambda author, no: (mail(f"{evil}\r\nFrom: {author}", text=f"{no}"), "601123456", evil),
        lambda author, no: (by_evil + mail(author), "601123456", evil),
        lambda author, no: (
            (signed(mail(author, to=to), "evil.test"), "601123456", evil)
            if no < 200
            else (by_evil + mail(author), "601123456", "")
        ),
        lambda author, no: (genuine, f"6021{no:05}", f"office@{domain}"),
        lambda author, no: (genuine.replace(b"Dzien", b"%05d" % no), "601123456", author),
        lambda author, no: (b"Subject: buy %d\r\n" % no + genuine, "601123456", author),
        lambda author, no: (shortened, "601123456", author),
        lambda author, no: (mail(author), f"601123456+{no:04}", author),
        lambda author, no: (mail(evil), "601123456+k7q2", evil),
        lambda author, no: (mail(author), "601123456", ""),
        lambda author, no: (mail(author, more=["Auto-Submitted: auto-replied"]), "601123456", ""),
        lambda author, no: (mail(author, more=["List-Id: <x>"]), "info", author),
        lambda author, no: (mail(author), "info", author),
        lambda author, no: (mail("MAILER-DAEMON@evil.test"), "601123456", ""),
    ]


def forgeries(domain: str, authors: tuple[str, ...], count: int) -> list[Forged]:
    """So many, all different kinds and victims in turn."""
    pairs = product(range(count), _kinds(domain), authors)
    return [kind(author, no) for no, kind, author in islice(pairs, count)]


@pytest.fixture
async def office(tmp_path, clock: FakeClock) -> AsyncIterator[PostOffice]:
    made = post_office(f"sqlite:///{tmp_path}/voip-sms.db", clock)
    await made.scene.start()
    yield made
    await made.scene.stop()


def _records() -> DnsTable:
    dns = DnsTable()
    for domain in ("acme.test", "other.test"):
        dns.txt(f"s1._domainkey.{domain}", key_record(key_of()))
        dns.txt(domain, "v=spf1 ip4:192.0.2.1 -all")
    dns.txt("s1._domainkey.evil.test", key_record(key_of()))
    dns.txt("evil.test", "v=spf1 +all")
    return dns


async def test_ten_thousand_forged_mails_send_nothing_and_write_to_nobody(office: PostOffice) -> None:
    dns = _records()
    proof = DmarcProof(dns, seconds=time.monotonic, now=time.time)
    senders = MailSenders(office.mailing, proof, "sms.test", time.monotonic)
    hooks = Hooks(office.mailing, senders, Recipients(office.mailing, "sms.test", 100))
    server: Any = SimpleNamespace(peer="203.0.113.9", secure=False, sender=None, working=lambda: None)
    session = SimpleNamespace(host_name="evil.test")
    mails = forgeries("acme.test", (OFFICE, NAMED, FOREIGN, "nobody@acme.test"), MAILS)
    answers: Counter[str] = Counter()
    began = time.process_time()
    for octets, to, envelope_from in mails:
        envelope = SimpleNamespace(
            content=octets, mail_from=envelope_from or "<>", rcpt_tos=[f"{to}@sms.test"]
        )
        answers[(await hooks.handle_DATA(server, session, envelope))[:3]] += 1
    spent = time.process_time() - began
    proof.close()
    assert set(answers) <= {"550", "450", "554"}
    assert answers.total() == MAILS
    assert await office.scene.count("message") == 0
    assert await office.scene.count("forward_job") == 0
    assert [row for row in await office.scene.rows("usage") if row["n"]] == []
    assert spent < 60, "six milliseconds for each, on a slow machine"


async def test_what_is_not_forged_among_them_is_taken(office: PostOffice) -> None:
    """Else the test above could be green with a door that takes nothing."""
    proof = DmarcProof(_records(), seconds=time.monotonic, now=time.time)
    senders = MailSenders(office.mailing, proof, "sms.test", time.monotonic)
    hooks = Hooks(office.mailing, senders, Recipients(office.mailing, "sms.test", 100))
    server: Any = SimpleNamespace(peer="203.0.113.9", secure=False, sender=None, working=lambda: None)
    octets = signed(mail(OFFICE), "acme.test")
    envelope = SimpleNamespace(content=octets, mail_from=OFFICE, rcpt_tos=["601123456@sms.test"])
    answer = await hooks.handle_DATA(server, SimpleNamespace(host_name="x"), envelope)
    proof.close()
    assert answer.startswith("250")
    assert await office.scene.count("message") == 1


# --- over real sockets --------------------------------------------------------------------------------------


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with opened() as running:
        yield running


def _hand_in(stage: Stage, mails: list[Forged]) -> Counter[int]:
    """What is answered in the end to each; a new connection for every 50, as a spammer has."""
    host, port = stage.serve.address("smtp")
    answers: Counter[int] = Counter()
    for at in range(0, len(mails), 50):
        with smtplib.SMTP(host, port, timeout=20) as client:
            client.ehlo("evil.test")
            for octets, to, envelope_from in mails[at : at + 50]:
                answers[_one(client, octets, to, envelope_from)] += 1
    return answers


def _one(client: smtplib.SMTP, octets: bytes, to: str, envelope_from: str) -> int:
    try:
        client.sendmail(envelope_from, [f"{to}@sms.test"], octets)
    except smtplib.SMTPRecipientsRefused as refused:
        return next(iter(refused.recipients.values()))[0]
    except smtplib.SMTPResponseException as refused:
        return refused.smtp_code
    return 250


async def test_hundreds_of_forged_mails_through_the_door(stage: Stage) -> None:
    mails = forgeries("example.test", (WRITER, "nobody@example.test"), 300)
    answers = await asyncio.to_thread(_hand_in, stage, mails)
    assert answers.total() == 300
    assert set(answers) <= {550, 554, 450, 421}, answers
    assert await everything(stage) == []
    # One honest mail behind them all: what they might have queued would have gone out before.
    honest = mail(WRITER, to="601123456@sms.test", text="honest")
    await asyncio.to_thread(_by_login, stage, honest, "601123456")
    await stage.handsets.received("+48601123456", "honest")
    assert len(await everything(stage)) == 1
    assert len(stage.mail.mails) == 0


def _by_login(stage: Stage, octets: bytes, to: str) -> None:
    host, port = stage.serve.address("smtp")
    with smtplib.SMTP(host, port, timeout=20) as client:
        client.login(WRITER, WRITER_SECRET)
        client.sendmail(WRITER, [f"{to}@sms.test"], octets)


# --- an autoresponder on each side --------------------------------------------------------------------------


def _absent(to: str, answered: str) -> bytes:
    """What a mailbox's autoresponder writes to whoever wrote to it (RFC 3834 3)."""
    head = [
        f"From: {WRITER}",
        f"To: {to}",
        "Subject: Automatic reply",
        f"In-Reply-To: {answered}",
        "Auto-Submitted: auto-replied",
        "Message-ID: <absent@example.test>",
    ]
    return ("\r\n".join(head) + "\r\n\r\nI am away\r\n").encode()


@pytest.mark.parametrize("login", [True, False])
async def test_an_autoresponder_on_each_side_ends_after_one_exchange(stage: Stage, *, login: bool) -> None:
    await asyncio.to_thread(
        _by_login, stage, mail(WRITER, to="601123456@sms.test", text="Hello"), "601123456"
    )
    await stage.handsets.received("+48601123456", "Hello")
    await stage.handsets.send("+48601123456", MAIL_NUMBER, "I am driving")  # the phone answers by itself
    (got,) = await stage.mail.mails.count(1, 20)
    assert got.message["Auto-Submitted"] == "auto-generated", "whoever keeps to RFC 3834 stops here"
    back = re.search(r"[0-9]+@sms\.test", str(got.message["Reply-To"] or got.message["From"]))
    assert back is not None
    absent = _absent(back[0], got.message["Message-ID"])

    def answer() -> int:
        host, port = stage.serve.address("smtp")
        with smtplib.SMTP(host, port, timeout=20) as client:
            if login:
                client.login(WRITER, WRITER_SECRET)
            return _one(client, absent, back[0].partition("@")[0], WRITER if login else "")

    assert await asyncio.to_thread(answer) == 550

    async def settled() -> bool:
        return [one["status"] for one in await everything(stage)] == ["delivered"]

    await until(settled, "another SMS went out, or the first didn't arrive")
    assert len(await stage.handsets.messages("+48601123456")) == 1
    assert len(stage.mail.mails) == 1
