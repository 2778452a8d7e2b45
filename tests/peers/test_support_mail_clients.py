"""swaks talks and reports; what Postfix delivers is read by IMAP from Dovecot."""

import pytest

from support.dovecot import Dovecot
from support.postfix import Postfix, text_of
from support.swaks import swaks
from voip_sms.demo.mail_sink import MailSink

ENVELOPE = ("--from", "biuro@example.test", "--to", "601123456@sms.test")


@pytest.mark.peer("swaks")
async def test_swaks_says_how_it_went(mail_sink: MailSink) -> None:
    good = await swaks(mail_sink.port, *ENVELOPE, body="Hello")
    assert good.code == 0, good.text
    assert (await mail_sink.mail_to("601123456@sms.test")).text == "Hello"
    mail_sink.fail("rcpt", "550 5.1.1 no such number")
    refused = await swaks(mail_sink.port, *ENVELOPE)
    assert refused.code == 24, refused.text
    assert refused.replies("550") == ["550 5.1.1 no such number"]
    mail_sink.fail("data", "554 5.6.0 no text")
    assert (await swaks(mail_sink.port, *ENVELOPE)).code == 26


@pytest.mark.peer("swaks")
@pytest.mark.peer("postfix")
@pytest.mark.peer("dovecot")
async def test_a_mail_program_reads_what_was_delivered() -> None:
    async with Postfix() as server, Dovecot(server.folder / "mailboxes") as imap:
        sent = await swaks(server.port, "--from", "a@b.test", "--to", "biuro@example.test", body="Read me")
        assert sent.code == 0, sent.text
        assert text_of(await imap.read("biuro", "Read me")) == "Read me"
