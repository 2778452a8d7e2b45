"""Postfix before us and behind us, a mail program at Dovecot, swaks: SMS by mail with servers by others."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio

from support.dovecot import Dovecot
from support.postfix import Postfix, text_of
from support.service import opened
from support.swaks import swaks
from voip_sms.demo.clients import Json, until
from voip_sms.demo.mail_program import MailProgram
from voip_sms.demo.mail_sink import Mail
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.stage import Stage

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.peer("postfix"),
    pytest.mark.peer("swaks"),
    pytest.mark.peer("dovecot"),
]

OFFICE, SECRET, TOKEN = "office@example.test", "0ffice-s3cret", "k7q2"
ALARMS = "alarms@example.test"
NUMBER = "+48601000009"
GATE = "sms.test"
WITHIN = 30.0
"""Seconds for what takes two, Postfix's own pauses among them."""


def _customer(document: dict[str, Any]) -> None:
    tenant = document["tenants"][0]
    identity = {"identity": {"kind": "number", "value": NUMBER}}
    tenant["numbers"].append({"number": NUMBER, "kind": "own_mobile", "carrier": "sim"})
    tenant["mail_senders"] += [
        {"address": OFFICE, "secret": SECRET, "token": TOKEN, **identity},
        {"address": ALARMS, "secret": "al4rms", "token": "b3ll", "auto_generated": True, **identity},
    ]


@dataclass(frozen=True, slots=True)
class Room:
    """`postfix` logs in to our door as the office; it holds the office's mailbox, and is our relay."""

    stage: Stage
    postfix: Postfix
    imap: Dovecot

    @property
    def program(self) -> MailProgram:
        """The office's mail program, whose server is Postfix."""
        return MailProgram(OFFICE, "", ("127.0.0.1", self.postfix.port))

    @property
    def door(self) -> int:
        return self.stage.serve.address("smtp")[1]

    async def sent(self, text: str) -> list[Json]:
        """The outbound messages with this text."""
        listed = await self.stage.api.get("/v1/messages?direction=outbound&limit=1000")
        return [one for one in listed["data"] if one["text"] == text]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room() -> AsyncIterator[Room]:
    async with AsyncExitStack() as doors:
        postfix = Postfix(boxes=("office", "alarms"))
        doors.push_async_callback(postfix.stop)
        port = quiet_port()
        postfix.sends(GATE, port, OFFICE, SECRET)
        await postfix.start()
        imap = await doors.enter_async_context(Dovecot(postfix.folder / "mailboxes"))
        settings = {
            "VOIP_SMS_MAIL__LISTEN": f"127.0.0.1:{port}",
            "VOIP_SMS_MAIL__RELAY": postfix.url,
        }
        stage = await doors.enter_async_context(opened(change=_customer, **settings))
        yield Room(stage, postfix, imap)


async def test_a_mail_program_answers_the_answer(room: Room) -> None:
    """All of it by others: Postfix logs in and sends, Postfix delivers, Dovecot shows."""
    text, answer, last = "Czy pasuje o czwartej? Zażółć", "Tak, pasuje", "To do zobaczenia"
    sent = await room.program.write(f"601123471@{GATE}", "Spotkanie", text)
    seen = await room.stage.handsets.received("+48601123471", text, WITHIN)
    assert seen["from"] == NUMBER
    await room.stage.handsets.send("+48601123471", NUMBER, answer)
    got = await room.imap.read("office", answer)
    assert answer in text_of(got)
    assert (got["In-Reply-To"], got["Subject"]) == (sent["Message-ID"], "Re: Spotkanie")
    assert got["From"].addresses[0].username == "48601123471"
    await room.program.answer(Mail("", (), got.as_bytes()), last)
    seen = await room.stage.handsets.received("+48601123471", last, WITHIN)
    assert seen["from"] == NUMBER


async def test_postfix_gives_back_what_we_refuse_with_our_words(room: Room) -> None:
    await room.program.write(f"112@{GATE}", "Pomoc", "To nie przejdzie")
    bounce = await room.postfix.mail_to("office", "550 5.1.1")
    assert "MAILER-DAEMON@" in bounce["From"]
    assert await room.sent("To nie przejdzie") == []


async def test_its_bounce_never_becomes_an_sms(room: Room) -> None:
    """What autoresponders and bounces have in common is their sender: nobody."""
    said = await swaks(
        room.door, "--from", "<>", "--to", f"601123472@{GATE}", "--auth", "PLAIN",
        "--auth-user", OFFICE, "--auth-password", SECRET, "--header", f"From: {OFFICE}", body="Bounced",
    )  # fmt: skip
    assert said.code == 26, said.text
    assert any("5.7.1" in line for line in said.replies("550"))
    assert await room.sent("Bounced") == []


async def test_several_recipients_each_have_a_result(room: Room) -> None:
    to = f"601123473@{GATE},601123474@{GATE}"
    await room.program.write(to, "Do obu", "Do was obu")
    for number in ("+48601123473", "+48601123474"):
        assert (await room.stage.handsets.received(number, "Do was obu", WITHIN))["from"] == NUMBER


async def test_while_we_are_away_it_waits_and_goes_once(room: Room) -> None:
    await room.stage.serve.stop()
    await room.program.write(f"601123475@{GATE}", "Czekam", "Gdy was nie było")
    await room.postfix.logged("Connection refused")
    await room.stage.serve.start()
    await room.stage.handsets.received("+48601123475", "Gdy was nie było", WITHIN)
    assert len(await room.sent("Gdy was nie było")) == 1


async def test_while_the_relay_is_away_our_mail_waits(room: Room) -> None:
    """A minute of waiting: the first pause of the schedule is that long (RFC 5321 4.5.4.1)."""
    await room.program.write(f"601123476@{GATE}", "Pytanie", "Kiedy?")
    await room.stage.handsets.received("+48601123476", "Kiedy?", WITHIN)
    await room.postfix.halt()
    await room.stage.handsets.send("+48601123476", NUMBER, "Gdy przekaznika nie bylo")

    async def tried() -> bool:
        [message] = (await room.stage.api.get("/v1/messages?direction=inbound&limit=1"))["data"]
        listed = (await room.stage.api.get(f"/v1/messages/{message['id']}/deliveries"))["data"]
        return any(one["tries"] and one["state"] == "queued" for one in listed)

    await until(tried, "the mail was not tried", WITHIN)
    await room.postfix.start()
    await room.postfix.mail_to("office", "Gdy przekaznika nie bylo", 90)


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
async def test_swaks_logs_in(room: Room, method: str) -> None:
    text = f"Logged in with {method}"
    said = await swaks(
        room.door, "--from", OFFICE, "--to", f"601123477@{GATE}", "--auth", method,
        "--auth-user", OFFICE, "--auth-password", SECRET, body=text,
    )  # fmt: skip
    assert said.code == 0, said.text
    await room.stage.handsets.received("+48601123477", text)


async def test_swaks_with_a_wrong_password_is_told_what_to_do(room: Room) -> None:
    said = await swaks(
        room.door, "--from", OFFICE, "--to", f"601123477@{GATE}", "--auth", "LOGIN",
        "--auth-user", OFFICE, "--auth-password", "wrong",
    )  # fmt: skip
    assert said.code == 28, said.text
    assert any("5.7.8" in line for line in said.replies("535"))


async def test_swaks_with_a_token_sends_and_with_a_from_alone_does_not(room: Room) -> None:
    envelope = ("--from", OFFICE, "--to")
    good = await swaks(room.door, *envelope, f"601123478+{TOKEN}@{GATE}", body="By token")
    assert good.code == 0, good.text
    await room.stage.handsets.received("+48601123478", "By token")
    forged = await swaks(room.door, *envelope, f"601123478@{GATE}", body="By nobody")
    assert forged.code == 26, forged.text
    replies = " ".join(forged.replies("550"))
    assert "token" in replies
    assert "zaloguj sie" in replies
    assert await room.sent("By nobody") == []


async def test_we_are_no_open_relay(room: Room) -> None:
    said = await swaks(
        room.door, "--from", OFFICE, "--to", "somebody@elsewhere.test", "--auth", "PLAIN",
        "--auth-user", OFFICE, "--auth-password", SECRET, body="Through you",
    )  # fmt: skip
    assert said.code == 24, said.text


async def test_an_alarm_by_a_program_is_sent_where_that_is_allowed(room: Room) -> None:
    def alarm(text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"], mail["Auto-Submitted"] = "Alarm", "auto-generated"
        mail.set_content(text)
        return mail

    def send(sender: str, to: str, text: str) -> None:
        mail = alarm(text)
        mail["From"], mail["To"] = sender, to
        with smtplib.SMTP("127.0.0.1", room.postfix.port, timeout=20) as client:
            client.send_message(mail)

    await asyncio.to_thread(send, ALARMS, f"601123479@{GATE}", "Zalewa serwerownie")
    await room.stage.handsets.received("+48601123479", "Zalewa serwerownie", WITHIN)
    await asyncio.to_thread(send, OFFICE, f"601123479@{GATE}", "Jestem na urlopie")
    await room.postfix.mail_to("office", "auto_generated")
    assert await room.sent("Jestem na urlopie") == []


async def test_info_is_answered_through_the_relay(room: Room) -> None:
    await room.program.write(f"info@{GATE}", "", "")
    await room.postfix.mail_to("office", OFFICE)
