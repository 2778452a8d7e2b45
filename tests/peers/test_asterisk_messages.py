"""The shipped context for texts of a PBX's own phones, on a real Asterisk: sent, or told to the phone why not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from support.asterisk import phone_on, running_asterisk, settings_for, shipped
from support.sip_client import SipClient
from support.sms_api import ACCEPTED, Plan, SmsApi
from support.waiting import eventually
from voip_sms.demo.asterisk import Asterisk
from voip_sms.demo.phone import Phone
from voip_sms.demo.ports import kept_port

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("pjsua2")]

PORT = kept_port()
NUMBER = "+48601000001"
TOLD = 6.0
"""Seconds within which a phone hears that its text was not sent."""

DIALPLAN = (
    shipped("voip-sms.conf", "voip-sms-messages.conf", "voip-sms-flow.conf")
    + """\
[phones]
[messages]
exten => 0,1,Gosub(voip-sms-flow,address,1)
include => voip-sms-messages
"""
)


@pytest.fixture(scope="module")
def running() -> Iterator[Asterisk]:
    with running_asterisk(
        DIALPLAN, ("101", "102", "103", "104", "105"), settings_for(PORT, timeout="1")
    ) as asterisk:
        yield asterisk


@pytest.fixture
def asterisk(running: Asterisk) -> Asterisk:
    """As if nothing had gone wrong before."""
    running.cli("dialplan set global VOIP_SMS_RESTS_UNTIL 0")
    for user in ("101", "102", "103", "104"):
        running.cli(f"dialplan set global VOIP_SMS_TOLD_{user} x")
    return running


@pytest.fixture
async def api() -> AsyncIterator[SmsApi]:
    async with SmsApi(PORT) as api:
        yield api


async def told(phone: Phone, since: float) -> str:
    """The next notice, which must be there within TOLD seconds of `since`."""
    left = TOLD - (asyncio.get_running_loop().time() - since)
    notice = await phone.next_message(left)
    assert NUMBER in notice.sender
    assert notice.content_type.startswith("text/plain")
    return notice.body


def now() -> float:
    return asyncio.get_running_loop().time()


# --- what is sent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    "text",
    ['a "b", ${SHELL(id)} \\, c; d', "two\nlines €😀 zażółć gęślą jaźń", "ż" * 500, "x"],
    ids=["marks", "unicode", "long", "one"],
)
async def test_a_text_is_sent_in_the_name_of_the_phone_s_account(
    asterisk: Asterisk, api: SmsApi, text: str, transport: str
) -> None:
    async with phone_on(asterisk, "101", transport) as phone:
        assert (await phone.send(NUMBER, text)).status == 202
        (asked,) = await api.asked.count(1, TOLD)
        assert asked.body == {"to": NUMBER, "text": text, "account": "sip:101"}
        assert len(asked.headers["idempotency-key"]) == 1
        assert not phone.messages.items


async def test_each_text_has_one_key_and_the_same_text_in_the_same_call_id_the_same(
    asterisk: Asterisk, api: SmsApi
) -> None:
    client = await SipClient("101", "pw101", "127.0.0.1").open(asterisk.sip_port)
    try:
        await client.message(NUMBER, "learn the challenge")
        for text in ("once", "once", "another"):
            assert (await client._request(NUMBER, text, "the-same-call-id", "tag1"))[0] == 202
        asked = (await api.asked.count(4, TOLD))[1:]
    finally:
        await client.close()
    first, again, another = (one.headers["idempotency-key"] for one in asked)
    assert len(first) == 1
    assert first == again
    assert first != another


@pytest.mark.parametrize(
    "sender",
    [
        '"<sip:102@127.0.0.1>" <sip:101@127.0.0.1>',
        '"sip:102@127.0.0.1" <sip:101@127.0.0.1>',
        '<sip:101@127.0.0.1>;x="<sip:102@127.0.0.1>"',
        "<sip:101@127.0.0.1;x=sip:102>",
        "<sip:101:102@127.0.0.1>",
    ],
)
async def test_nobody_writes_in_another_s_name(asterisk: Asterisk, api: SmsApi, sender: str) -> None:
    """Whatever the From says beside it: it is the endpoint's name, whose password was asked."""
    client = Named("101", "pw101", "127.0.0.1")
    client.named = sender
    await client.open(asterisk.sip_port)
    try:
        assert await client.message(NUMBER, "who am I?") == 202
        (asked,) = await api.asked.count(1, TOLD)
    finally:
        await client.close()
    assert asked.body["account"] == "sip:101"


class Named(SipClient):
    """Writes whatever it likes into its From."""

    named = ""

    def _packet(self, *parts: Any) -> bytes:
        return super()._packet(*parts).replace(b"<sip:101@127.0.0.1>", self.named.encode())


async def test_what_is_no_number_is_answered_at_once(asterisk: Asterisk, api: SmsApi) -> None:
    async with phone_on(asterisk, "101") as phone:
        assert (await phone.send("office", "hello")).status == 404
    assert not api.asked.items


@pytest.mark.parametrize(
    "content_type", ["text/html", "message/cpim", "multipart/mixed;boundary=x", "image/png"]
)
async def test_what_is_no_plain_text_is_answered_at_once(
    asterisk: Asterisk, api: SmsApi, content_type: str
) -> None:
    client = Typed("101", "pw101", "127.0.0.1")
    client.content_type = content_type
    await client.open(asterisk.sip_port)
    try:
        assert await client.message(NUMBER, "<b>hello</b>") == 415
    finally:
        await client.close()
    assert not api.asked.items


class Typed(SipClient):
    """Calls its text something else."""

    content_type = ""

    def _packet(self, *parts: Any) -> bytes:
        return super()._packet(*parts).replace(b"text/plain;charset=UTF-8", self.content_type.encode())


# --- what is not sent, and told -----------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan("blocked", 422), "blocked"),
        (Plan("credit_exhausted", 402), "credit"),
        (Plan("unauthorized", 401), "no valid key"),
        (Plan("sender_not_allowed", 403), "101 has no account"),
        (Plan("store_unavailable", 503), "has a fault"),
        (Plan("something_new", 422), "(something_new)"),
        (Plan(ACCEPTED, delay=30), "not known whether"),
        (Plan(status=500, octets=b"oops"), "not known whether"),
    ],
    ids=["refused", "credit", "key", "account", "503", "new", "silent", "500"],
)
async def test_the_phone_is_told_why(
    asterisk: Asterisk, api: SmsApi, plan: Plan, words: str, transport: str
) -> None:
    api.plan = plan
    async with phone_on(asterisk, "101", transport) as phone:
        since = now()
        assert (await phone.send(NUMBER, "hello")).status == 202
        notice = await told(phone, since)
    assert words in notice
    assert NUMBER in notice


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_phone_is_told_that_nobody_is_there(asterisk: Asterisk, transport: str) -> None:
    async with phone_on(asterisk, "101", transport) as phone:
        for _ in range(2):
            since = now()
            assert (await phone.send(NUMBER, "hello")).status == 202
            assert "can't be reached" in await told(phone, since)


async def test_that_very_phone_is_told_and_no_other_of_the_same_account(
    asterisk: Asterisk, api: SmsApi
) -> None:
    api.plan = Plan("blocked")
    async with phone_on(asterisk, "101") as elsewhere, phone_on(asterisk, "101") as registered_last:
        since = now()
        await elsewhere.send(NUMBER, "hello")
        assert "blocked" in await told(elsewhere, since)
        assert not registered_last.messages.items


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("text", ["x" * 1024, "ż" * 700], ids=["1024", "1400"])
async def test_what_is_too_long_for_asterisk_is_told_and_never_sent(
    asterisk: Asterisk, api: SmsApi, text: str, transport: str
) -> None:
    """Asterisk hands over an empty text in the place of one of 1024 octets or more."""
    async with phone_on(asterisk, "101", transport) as phone:
        since = now()
        assert (await phone.send(NUMBER, text)).status == 202
        assert "empty, or longer than this PBX takes" in await told(phone, since)
    assert not api.asked.items


async def test_an_empty_text_is_told_and_never_sent(asterisk: Asterisk, api: SmsApi) -> None:
    client = await SipClient("101", "pw101", "127.0.0.1").open(asterisk.sip_port)
    try:
        assert await client.message(NUMBER, "") == 202
        await eventually(lambda: "1(empty)" in asterisk.log_text())
    finally:
        await client.close()
    assert not api.asked.items


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(ACCEPTED, delay=30), "not known whether"),
        (Plan("store_unavailable", 503, delay=0.95), "has a fault"),
    ],
    ids=["silent", "slow fault"],
)
async def test_a_service_in_trouble_holds_up_one_text_and_nobody_else_s(
    asterisk: Asterisk, api: SmsApi, plan: Plan, words: str
) -> None:
    """Asterisk handles one text at a time: those behind the first are told as soon as it is over."""
    api.plan = plan
    async with (
        phone_on(asterisk, "101") as first,
        phone_on(asterisk, "102") as second,
        phone_on(asterisk, "103", "tcp") as third,
    ):
        since = now()
        for phone in (first, second, third):
            await phone.send(NUMBER, "hello")
        await third.send("102", "between us")
        assert words in await told(first, since)
        assert "can't be reached" in await told(second, since)
        assert "can't be reached" in await told(third, since)
        assert (await second.message_with("between us", TOLD)).body == "between us"
        assert now() - since < 4
    assert len(api.asked) == 1


async def test_a_phone_that_answers_by_itself_is_not_told_for_ever(asterisk: Asterisk, api: SmsApi) -> None:
    api.plan = Plan("blocked")
    async with phone_on(asterisk, "104") as phone:
        for number in range(1, 14):
            await phone.send(NUMBER, f"no {number}")
        await api.asked.count(13, TOLD)
        await eventually(lambda: "104 has been told ten times" in asterisk.log_text())
        assert 10 <= len(await phone.messages.count(10, TOLD)) <= 13  # the minute may have changed


async def test_the_notice_is_in_polish_where_that_is_set() -> None:
    files = settings_for(PORT, timeout="1", language="pl")
    with running_asterisk(DIALPLAN, ("101",), files) as asterisk:
        async with SmsApi(PORT) as api, phone_on(asterisk, "101") as phone:
            api.plan = Plan("limit_reached", 429)
            since = now()
            await phone.send(NUMBER, "cześć")
            assert await told(phone, since) == f"SMS na {NUMBER} nie został wysłany: limit wyczerpany."


# --- between extensions -------------------------------------------------------------------------------------


async def test_extensions_write_to_each_other_inside_the_pbx(asterisk: Asterisk, api: SmsApi) -> None:
    async with phone_on(asterisk, "101") as one, phone_on(asterisk, "102", "tcp") as other:
        assert (await one.send("102", 'zażółć, "x" €😀')).status == 202
        message = await other.next_message(TOLD)
        assert message.body == 'zażółć, "x" €😀'
        assert "sip:101@" in message.sender
    assert not api.asked.items


@pytest.mark.parametrize("extension", ["105", "199"])
async def test_who_is_not_there_is_told(asterisk: Asterisk, extension: str) -> None:
    async with phone_on(asterisk, "101") as phone:
        await phone.send(extension, "hello")
        notice = await phone.next_message(TOLD)
    assert f"sip:{extension}@" in notice.sender
    assert f"The message to {extension} was not delivered" in notice.body


# --- never --------------------------------------------------------------------------------------------------


async def test_a_text_never_gets_into_a_flow(asterisk: Asterisk, api: SmsApi) -> None:
    """In Stasis it would stop the texts of all phones until Asterisk is killed."""
    async with phone_on(asterisk, "101") as phone:
        assert (await phone.send("0", "into the flow")).status == 202
        await phone.send(NUMBER, "and on it goes")
        await api.asked.count(1, TOLD)
    assert "Stasis(" not in asterisk.log_text()
