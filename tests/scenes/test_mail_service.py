"""The whole service with its mail door: a mail of a program becomes an SMS in a handset, and what is refused."""

import asyncio
import smtplib
import sqlite3
import ssl
from collections.abc import AsyncIterator
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from support.service import opened
from support.tls import Authority
from voip_sms.demo.clients import until
from voip_sms.demo.stage import Stage

SENDER = "biuro@example.test"


def _customer(document: dict[str, Any]) -> None:
    document["tenants"][0] |= {
        "mail_senders": [
            {"address": SENDER, "secret": "s3cret", "token": "k7q2"}
            | {"identity": {"kind": "name", "value": "ACME"}}
        ],
        "groups": [{"name": "staff", "numbers": ["+48601000002", "+48601000003"]}],
    }


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with opened(change=_customer, VOIP_SMS_MAIL__LISTEN="127.0.0.1:0") as running:
        yield running


def mail(to: str, text: str = "Zażółć gęślą jaźń", sender: str = SENDER, number: int = 1) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, "Awaria"
    made["Message-ID"] = f"<{number}@example.test>"
    made["Date"] = "Sun, 22 Nov 2026 10:00:00 +0100"
    made.set_content(text)
    return made


def _connected(stage: Stage) -> smtplib.SMTP:
    host, port = stage.serve.address("smtp")
    return smtplib.SMTP(host, port, timeout=20)


def _send(stage: Stage, message: EmailMessage, *to: str, login: bool = True) -> dict[str, Any]:
    with _connected(stage) as client:
        if login:
            client.login(SENDER, "s3cret")
        return client.send_message(message, to_addrs=list(to) or None)


async def _texts(stage: Stage, number: str) -> list[str]:
    found = await stage.simulator.get(f"/handsets/{number}/messages")
    return [one["text"] for one in found["data"]]


async def test_a_mail_becomes_an_sms(stage: Stage) -> None:
    assert await asyncio.to_thread(_send, stage, mail("601123456@sms.test")) == {}

    async def there() -> bool:
        return await _texts(stage, "+48601123456") == ["Zażółć gęślą jaźń"]

    await until(there, "the handset got nothing")
    told = (await stage.api.get("/v1/messages?direction=outbound"))["data"]
    assert [(one["door"], one["from"], one["to"]) for one in told] == [("mail", "ACME", "+48601123456")]
    assert await asyncio.to_thread(_send, stage, mail("601123456@sms.test")) == {}, "the server came again"
    assert len((await stage.api.get("/v1/messages?direction=outbound"))["data"]) == 1


async def test_the_token_proves_the_writer_and_a_bare_from_does_not(stage: Stage) -> None:
    await asyncio.to_thread(_send, stage, mail("601123457+k7q2@sms.test"), login=False)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        await asyncio.to_thread(_send, stage, mail("601123457@sms.test", number=2), login=False)
    assert refused.value.smtp_code == 550
    assert b"5.7." in refused.value.smtp_error
    assert b"token" in refused.value.smtp_error, "it says what to do"
    with pytest.raises(smtplib.SMTPDataError):
        await asyncio.to_thread(_send, stage, mail("601123457+wr0ng@sms.test", number=3), login=False)
    assert len((await stage.api.get("/v1/messages?direction=outbound"))["data"]) == 1


async def test_each_recipient_has_its_own_result(stage: Stage) -> None:
    refused = await asyncio.to_thread(
        _send, stage, mail("staff@sms.test"), "staff@sms.test", "112@sms.test", "x@elsewhere.test"
    )
    assert {to: code for to, (code, _) in refused.items()} == {"112@sms.test": 550, "x@elsewhere.test": 550}
    told = (await stage.api.get("/v1/messages?direction=outbound"))["data"]
    assert sorted(one["to"] for one in told) == ["+48601000002", "+48601000003"]


async def test_a_wrong_password_is_refused(stage: Stage) -> None:
    def attempt() -> None:
        with _connected(stage) as client:
            client.login(SENDER, "wrong")

    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        await asyncio.to_thread(attempt)
    assert refused.value.smtp_code == 535
    assert b"5.7.8" in refused.value.smtp_error


async def test_while_nothing_can_be_stored_the_sender_s_server_is_asked_to_come_again(stage: Stage) -> None:
    """And nothing was stored twice or lost when it does."""
    with closing(sqlite3.connect(stage.folder / "var" / "voip-sms.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await asyncio.to_thread(_send, stage, mail("601123458@sms.test"))
        assert refused.value.smtp_code == 451
        assert refused.value.smtp_error.startswith(b"4.3.0")
        other.execute("ROLLBACK")
    await asyncio.to_thread(_send, stage, mail("601123458@sms.test"))
    await asyncio.to_thread(_send, stage, mail("601123458@sms.test"))
    assert len((await stage.api.get("/v1/messages?direction=outbound"))["data"]) == 1


async def test_starttls_is_not_there_without_a_certificate(stage: Stage) -> None:
    def attempt() -> tuple[int, bytes]:
        with _connected(stage) as client:
            client.ehlo()
            assert not client.has_extn("starttls")
            return client.docmd("STARTTLS")

    code, text = await asyncio.to_thread(attempt)
    assert code == 454
    assert text.startswith(b"4.7.0")


async def test_tls_both_ways_and_a_renewed_certificate(tmp_path: Path) -> None:
    """On uvloop, which `serve` runs on: aiosmtpd changes the protocol of a connection that is up."""
    authority = Authority(tmp_path)
    certified = authority.issue()
    async with opened(
        change=_customer,
        VOIP_SMS_MAIL__LISTEN="127.0.0.1:0",
        VOIP_SMS_MAIL__AUTH_WITHOUT_TLS="never",
        VOIP_SMS_MAIL__TLS_CERT=str(certified.cert),
        VOIP_SMS_MAIL__TLS_KEY=str(certified.key),
    ) as stage:
        first = await asyncio.to_thread(_over_starttls, stage, authority.client(), 1)
        authority.issue()
        assert await asyncio.to_thread(_over_starttls, stage, authority.client(), 2) != first
        told = (await stage.api.get("/v1/messages?direction=outbound"))["data"]
        assert len(told) == 2


def _over_starttls(stage: Stage, context: ssl.SSLContext, number: int) -> bytes:
    with _connected(stage) as client:
        client.ehlo()
        assert not client.has_extn("auth"), "no password in the clear"
        assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 538
        client.starttls(context=context)
        client.ehlo()
        assert not client.has_extn("starttls")
        assert client.docmd("STARTTLS")[0] == 503
        client.login(SENDER, "s3cret")
        client.send_message(mail("601123456@sms.test", number=number))
        assert isinstance(client.sock, ssl.SSLSocket)
        return client.sock.getpeercert(binary_form=True) or b""


async def test_implicit_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certified = authority.issue()

    def attempt(host: str, port: int, number: int) -> bytes:
        with smtplib.SMTP_SSL(host, port, timeout=20, context=authority.client()) as client:
            client.login(SENDER, "s3cret")
            client.send_message(mail("601123456@sms.test", number=number))
            assert isinstance(client.sock, ssl.SSLSocket)
            return client.sock.getpeercert(binary_form=True) or b""

    async with opened(
        change=_customer,
        VOIP_SMS_MAIL__LISTEN="",
        VOIP_SMS_MAIL__TLS_LISTEN="127.0.0.1:0",
        VOIP_SMS_MAIL__TLS_CERT=str(certified.cert),
        VOIP_SMS_MAIL__TLS_KEY=str(certified.key),
    ) as stage:
        host, port = stage.serve.address("smtp")
        first = await asyncio.to_thread(attempt, host, port, 1)
        authority.issue()
        assert await asyncio.to_thread(attempt, host, port, 2) != first
        assert len((await stage.api.get("/v1/messages?direction=outbound"))["data"]) == 2
