"""Postfix in front of us, configured exactly as docs/operate/mail.md says."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.postfix import Postfix
from support.service import opened
from support.swaks import swaks
from voip_sms.demo.mail_sink import MailSink
from voip_sms.demo.stage import WRITER, Stage

pytestmark = [pytest.mark.peer("postfix"), pytest.mark.peer("swaks")]

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "mail.md"
WITHIN = 30.0


def documented(port: int) -> str:
    """The block of the page, for our domain and port."""
    found = re.search(r"```\n(# main\.cf\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, "the page has no main.cf"
    return found[1].replace("sms.example.com", "sms.test").replace(":2525", f":{port}")


def in_front(port: int) -> Postfix:
    """What the Internet meets: loopback is no network of ours here."""
    server = Postfix()
    server.configure("mynetworks = 192.0.2.0/24\n" + documented(port))
    return server


def _customer(document: dict[str, Any]) -> None:
    document["tenants"][0]["mail_senders"][0]["token"] = "k7q2"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with opened(change=_customer) as running:
        yield running


async def test_right_ones_go_through_and_wrong_ones_are_refused_not_bounced(stage: Stage) -> None:
    async with in_front(stage.serve.address("smtp")[1]) as server:

        async def to(address: str, body: str = "Through Postfix") -> tuple[int, str]:
            said = await swaks(server.port, "--from", WRITER, "--to", address, body=body)
            return said.code, said.text

        code, text = await to("601123481+k7q2@sms.test")
        assert code == 0, text
        await stage.handsets.received("+48601123481", "Through Postfix", WITHIN)
        for address, refused, reply in (
            ("112@sms.test", 24, "550-5.1.1"),
            ("somebody@elsewhere.test", 24, "554 5.7.1"),
            ("601123481@sms.test", 26, "550-5.7.1"),  # only From says who wrote
            ("601123481+zzzz@sms.test", 26, "550-5.7.1"),
        ):
            code, text = await to(address)
            assert code == refused, text
            assert f"\n<** {reply}" in text, text
        assert "status=" not in server.log_text(), "it queued something, and may have to bounce it"
    assert len(stage.mail.mails) == 0


async def test_it_passes_mails_on_unchanged(mail_sink: MailSink) -> None:
    """Else a signature of whoever wrote would break (RFC 6376 3.4)."""
    head = "From: A B <a@b.test>\nTo:  601123481@sms.test\nSubject: =?utf-8?q?Za=C5=BC?=\n  folded"
    body = "Zażółć  \n\n  gęślą\n\n"
    async with in_front(mail_sink.port) as server:
        said = await swaks(
            server.port, "--from", "a@b.test", "--to", "601123481@sms.test", "--data", f"{head}\n\n{body}"
        )
        assert said.code == 0, said.text
        got = await mail_sink.mail_to("601123481@sms.test", WITHIN)
    sent = f"{head}\n\n{body}".replace("\n", "\r\n").encode().rstrip()
    assert sent in got.raw, got.raw.decode()
