"""The mail sink takes mail as a relay would, and fails as one can."""

from email.message import EmailMessage

import aiosmtplib
import pytest

from voip_sms.demo.mail_sink import DROP, MailSink


def _mail(text: str = "Cześć!") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "sms@sms.test",
        "biuro@example.test",
        "SMS od +48601123456",
    )
    message.set_content(text)
    return message


async def _send(sink: MailSink, *recipients: str) -> None:
    await aiosmtplib.send(
        _mail(),
        sender="sms@sms.test",
        recipients=list(recipients) or ["biuro@example.test"],
        hostname="127.0.0.1",
        port=sink.port,
        start_tls=False,
        timeout=5,
    )


async def test_a_mail_is_kept_with_envelope_subject_and_text(mail_sink: MailSink) -> None:
    await _send(mail_sink)
    mail = await mail_sink.mail_to("biuro@example.test", within=1)
    assert (mail.sender, mail.recipients) == ("sms@sms.test", ("biuro@example.test",))
    assert (mail.subject, mail.text) == ("SMS od +48601123456", "Cześć!")


@pytest.mark.parametrize("stage", ["connect", "mail", "rcpt", "data"])
@pytest.mark.parametrize("code", [451, 554])
async def test_a_planned_refusal_is_said_once_and_nothing_is_kept(
    mail_sink: MailSink, stage: str, code: int
) -> None:
    mail_sink.fail(stage, f"{code} 4.3.0 not now")
    with pytest.raises(aiosmtplib.SMTPException) as caught:
        await _send(mail_sink)
    assert str(code) in repr(caught.value)
    assert not mail_sink.mails.items
    await _send(mail_sink)
    assert len(mail_sink.mails) == 1


@pytest.mark.parametrize("stage", ["connect", "mail", "rcpt", "data"])
async def test_a_planned_cut_ends_the_connection(mail_sink: MailSink, stage: str) -> None:
    mail_sink.fail(stage, DROP)
    with pytest.raises((aiosmtplib.SMTPException, ConnectionError)):
        await _send(mail_sink)
    assert not mail_sink.mails.items


async def test_one_recipient_can_be_refused_and_the_other_served(mail_sink: MailSink) -> None:
    mail_sink.fail("rcpt", "550 5.1.1 nobody", times=None, recipient="gone@example.test")
    await _send(mail_sink, "gone@example.test", "biuro@example.test")
    assert [mail.recipients for mail in mail_sink.mails.items] == [("biuro@example.test",)]


async def test_it_goes_away_and_comes_back_where_it_was(mail_sink: MailSink) -> None:
    port = mail_sink.port
    await mail_sink.stop()
    with pytest.raises((aiosmtplib.SMTPException, ConnectionError)):
        await _send(mail_sink)
    await mail_sink.start()
    await _send(mail_sink)
    assert (mail_sink.port, len(mail_sink.mails)) == (port, 1)


async def test_waiting_for_a_mail_that_never_comes_ends(mail_sink: MailSink) -> None:
    with pytest.raises(TimeoutError):
        await mail_sink.mail_to("nobody@example.test", within=0.05)
