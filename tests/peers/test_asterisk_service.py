"""A PBX's phones and the whole service: texts out through the shipped dialplan, answers back by ARI."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from support.asterisk import KEY, phone_on, running_asterisk, settings_for, shipped
from support.phones import whole
from support.service import opened
from support.sip_client import SipClient
from support.waiting import eventually
from voip_sms.demo.asterisk import ARI_PASSWORD, ARI_USER, Asterisk
from voip_sms.demo.clients import Json, until
from voip_sms.demo.ports import kept_port
from voip_sms.demo.stage import OWN, Stage

pytestmark = [
    pytest.mark.peer("asterisk"),
    pytest.mark.peer("pjsua2"),
    pytest.mark.asyncio(loop_scope="module"),  # one service for all
]

PORT = kept_port()
PEER = "+48601123456"
DIALPLAN = (
    shipped("voip-sms.conf", "voip-sms-messages.conf")
    + """\
[phones]
[messages]
include => voip-sms-messages
"""
)


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    with running_asterisk(DIALPLAN, ("101", "102", "109"), settings_for(PORT)) as asterisk:
        yield asterisk


def on_the_pbx(document: dict[str, Any]) -> None:
    """The phones of 101 and 102 are there, and its key may send for them."""
    tenant = document["tenants"][0]
    for account in tenant["sip_accounts"]:
        account["via"] = "asterisk"
    key = {"name": "pbx", "token": KEY, "scopes": ["accounts"], "identity": {"kind": "name", "value": "ACME"}}
    tenant["keys"].append(key)


@asynccontextmanager
async def served(asterisk: Asterisk) -> AsyncIterator[Stage]:
    environment = {
        "VOIP_SMS_HTTP__LISTEN": f"127.0.0.1:{PORT}",
        "VOIP_SMS_ASTERISK__URL": asterisk.ari_url,
        "VOIP_SMS_ASTERISK__USER": ARI_USER,
        "VOIP_SMS_ASTERISK__PASSWORD": ARI_PASSWORD,
    }
    async with opened(change=on_the_pbx, **environment) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(asterisk: Asterisk) -> AsyncIterator[Stage]:
    async with served(asterisk) as stage:
        yield stage


async def message_with(stage: Stage, text: str) -> Json:
    """The message with this text, as the API shows it."""

    async def look() -> Json | None:
        newest = (await stage.api.get("/v1/messages?limit=20"))["data"]
        return next((one for one in newest if one["text"] == text), None)

    found: Json = await until(look, f"there is no message {text[:30]!r}")
    return found


async def tried(stage: Stage, text: str, cause: str) -> None:
    """Until the hand-over of this text to the phone has come to this."""
    identifier = (await message_with(stage, text))["id"]

    async def look() -> bool:
        jobs = (await stage.api.get(f"/v1/messages/{identifier}/deliveries"))["data"]
        attempts = [one for job in jobs if job["kind"] == "sip" for one in job["attempts"]]
        return any(one["cause"] == cause for one in attempts)

    await until(look, f"no try ended with {cause}")


async def test_a_text_goes_out_in_the_phone_s_name_and_the_answer_comes_back(
    asterisk: Asterisk, stage: Stage
) -> None:
    text = 'zażółć "gęślą", ${SHELL(id)} €😀'
    async with phone_on(asterisk, "101") as phone:
        assert (await phone.send(PEER, text)).status == 202
        got = await stage.handsets.received(PEER, text)
        assert got["from"] == OWN
        sent = await message_with(stage, text)
        assert (sent["account"], sent["text"]) == ("sip:101", text)

        answer = "odpowiedź: " + "ż" * 600
        await stage.handsets.send(PEER, OWN, answer)
        joined, count = await whole(phone, answer, 0, 10)
        assert joined == answer
        assert count > 1
        pieces = phone.messages.items
        assert all(f"sip:{PEER}@127.0.0.1" in piece.sender for piece in pieces)
        assert all(piece.header("Date").endswith("GMT") for piece in pieces)

        # What the phone shows can be answered, and the answer finds its way.
        assert (await phone.send(pieces[0].sender.strip("<>"), "dzięki")).status == 202
        assert (await stage.handsets.received(PEER, "dzięki"))["from"] == OWN
    # Nobody says that it was delivered: Asterisk took it, and tells no more.
    await tried(stage, answer, "handed to PBX")


async def test_the_same_call_id_twice_is_one_sms(asterisk: Asterisk, stage: Stage) -> None:
    client = await SipClient("101", "pw101", "127.0.0.1").open(asterisk.sip_port)
    try:
        await client.message(PEER, "learn the challenge")
        for _ in range(3):
            assert (await client._request(PEER, "only once", "the-same-call-id", "tag1"))[0] == 202
        assert await client.message(PEER, "the last") == 202
    finally:
        await client.close()
    await stage.handsets.received(PEER, "the last")
    texts = [one["text"] for one in await stage.handsets.messages(PEER)]
    assert texts.count("only once") == 1


async def test_who_may_not_is_told_what_the_service_says(asterisk: Asterisk, stage: Stage) -> None:
    async with phone_on(asterisk, "101") as phone, phone_on(asterisk, "109", "tcp") as stranger:
        await phone.send("+48703123456", "a premium number")
        assert "can't take an SMS" in (await phone.next_message()).body
        await phone.send("+48221234567", "a landline")
        assert "can't take an SMS" in (await phone.next_message()).body
        await phone.send(PEER, "  ")
        assert "it was empty" in (await phone.next_message()).body
        await stranger.send(PEER, "hello")
        assert "109 has no account" in (await stranger.next_message()).body


class OldPhone(SipClient):
    """Writes ISO-8859-2, and says so or not."""

    def _packet(self, *parts: Any) -> bytes:
        packet = super()._packet(*parts).replace(b"charset=UTF-8", b"charset=ISO-8859-2")
        head, _, body = packet.partition(b"\r\n\r\n")
        octets = body.decode().encode("iso-8859-2")
        length = f"Content-Length: {len(body)}".encode()
        return head.replace(length, f"Content-Length: {len(octets)}".encode()) + b"\r\n\r\n" + octets


async def test_a_text_that_is_not_utf_8_is_told_and_never_sent(asterisk: Asterisk, stage: Stage) -> None:
    client = await OldPhone("101", "pw101", "127.0.0.1").open(asterisk.sip_port)
    try:
        assert await client.message("+48601123777", "zażółć") == 202
        await eventually(lambda: "voip-sms-notice,s,1(malformed)" in asterisk.log_text())
    finally:
        await client.close()
    assert await stage.handsets.messages("+48601123777") == []


async def test_a_phone_hears_of_the_failure_of_its_sms_from_the_number_it_wrote_to(
    asterisk: Asterisk, stage: Stage
) -> None:
    await stage.handsets.fault("receipt", stat="UNDELIV", err="012", count=1)
    async with phone_on(asterisk, "101") as phone:
        await phone.send(PEER, "are you there?")
        notice = await phone.message_with("was not delivered")
        assert f"sip:{PEER}@" in notice.sender


async def test_a_text_between_extensions_is_sent_and_not_called_delivered(
    asterisk: Asterisk, stage: Stage
) -> None:
    text = "to the extension"
    async with phone_on(asterisk, "102", "tcp") as phone:
        body = {"to": "sip:102", "text": text, "account": "sip:101"}
        await stage.api.post("/v1/messages", body, {"Authorization": f"Bearer {KEY}"})
        message = await phone.next_message()
        assert (message.body, message.sender) == (text, "<sip:101@127.0.0.1>")
    await tried(stage, text, "handed to PBX")
    assert (await message_with(stage, text))["status"] == "sent"


async def test_a_text_for_a_phone_that_is_off_waits(asterisk: Asterisk, stage: Stage) -> None:
    async with phone_on(asterisk, "101") as phone:
        assert (await phone.unregister()).status == 200
    await stage.handsets.send(PEER, OWN, "for later")

    await tried(stage, "for later", "not_registered")
