"""Our own Postfix delivers, relays, queues while nobody listens, and leaves nothing behind."""

import asyncio
import os
import smtplib
from email.message import EmailMessage

import pytest

from support.postfix import Postfix, text_of
from voip_sms.demo.mail_sink import MailSink

pytestmark = pytest.mark.peer("postfix")
TEXT = "Zażółć gęślą jaźń"


def mail(to: str, text: str = TEXT) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "biuro@example.test", to, "Próba"
    made.set_content(text)
    return made


async def send(server: Postfix, message: EmailMessage) -> None:
    def talk() -> None:
        with smtplib.SMTP("127.0.0.1", server.port, timeout=20) as client:
            client.send_message(message)

    await asyncio.to_thread(talk)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_delivers_to_its_mailboxes_and_sends_the_rest_on(mail_sink: MailSink) -> None:
    server = Postfix()
    server.sends("sms.test", mail_sink.port)
    async with server:
        await send(server, mail("biuro@example.test"))
        assert text_of(await server.mail_to("biuro", "Zażółć")) == TEXT
        await send(server, mail("601123456@sms.test"))
        got = await mail_sink.mail_to("601123456@sms.test", 30)
        assert (got.sender, got.text) == ("biuro@example.test", TEXT)
        assert got.message["Received"].startswith("from")


async def test_what_is_refused_for_now_is_tried_again_and_what_is_refused_bounces(
    mail_sink: MailSink,
) -> None:
    server = Postfix()
    server.sends("sms.test", mail_sink.port)
    async with server:
        mail_sink.fail("data", "451 4.3.0 store is down")
        await send(server, mail("601123456@sms.test", "ponownie"))
        await mail_sink.mail_to("601123456@sms.test", 30, "ponownie")
        assert "store is down" in await server.logged("status=deferred")
        mail_sink.fail("rcpt", "550 5.1.1 no such number", times=None)
        await send(server, mail("12@sms.test"))
        bounce = await server.mail_to("biuro", "no such number")
        assert "MAILER-DAEMON@" in bounce["From"]
    assert len(mail_sink.mails.items) == 1


async def test_it_goes_without_a_trace() -> None:
    server = await Postfix().start()
    pid = int((server.folder / "queue" / "pid" / "master.pid").read_text())
    assert _alive(pid)
    await server.stop()
    assert not _alive(pid)
    assert not server.folder.exists()
