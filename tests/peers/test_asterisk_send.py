"""`Gosub(voip-sms,send,1)` of the shipped dialplan, on a real Asterisk: what the API gets, and what the caller learns."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from support.asterisk import KEY, running_asterisk, settings_for, shipped
from support.sms_api import ACCEPTED, Plan, SmsApi
from voip_sms.demo.asterisk import ARI_PASSWORD, ARI_USER, Asterisk
from voip_sms.demo.ports import kept_port

pytestmark = pytest.mark.peer("asterisk")

PORT = kept_port()

DIALPLAN = (
    shipped("voip-sms.conf")
    + """\
[phones]
[messages]
[test]
exten => once,1,Gosub(voip-sms,send,1)
 same => n,Goto(told,1)
exten => twice,1,Gosub(voip-sms,send,1)
 same => n,Set(SMS_TEXT=the second)
 same => n,Gosub(voip-sms,send,1)
 same => n,Goto(told,1)
exten => told,1,UserEvent(told,Status: ${SMS_STATUS},Id: ${SMS_ID},Code: ${SMS_CODE})
 same => n,Set(DB(sms/detail)=${SMS_DETAIL})
 same => n,Set(DB(sms/told)=${SMS_STATUS} ${SMS_ID} ${SMS_CODE})
"""
)


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    with running_asterisk(DIALPLAN, files=settings_for(PORT, timeout="1")) as asterisk:
        yield asterisk


@pytest.fixture
async def api() -> AsyncIterator[SmsApi]:
    async with SmsApi(PORT) as api:
        yield api


async def gosub(asterisk: Asterisk, extension: str = "once", **variables: str) -> str:
    """Run one extension of [test] with these variables; what it was told: status, id, code."""
    asterisk.cli("database del sms told")
    body: dict[str, Any] = {"variables": {f"_{name}": value for name, value in variables.items()}}
    url = f"{asterisk.ari_url}/ari/channels?endpoint=Local/{extension}@test/n&app=none"
    authorization = {"Authorization": aiohttp.encode_basic_auth(ARI_USER, ARI_PASSWORD)}
    async with (
        aiohttp.ClientSession(headers=authorization) as session,
        session.post(url, json=body) as answer,
    ):
        assert answer.status == 200, await answer.text()
    async with asyncio.timeout(20):
        while not (told := _stored(asterisk, "told")):
            await asyncio.sleep(0.02)
    return told


def _stored(asterisk: Asterisk, key: str) -> str:
    _, found, value = asterisk.cli(f"database get sms {key}").partition("Value: ")
    return value.strip() if found else ""


@pytest.mark.parametrize(
    "text",
    [
        'She said "three, or four" and left; (maybe) [so] {x} }',
        "${SHELL(id)} $[1+1] ${SMS_TO} `id` $(id) ${CURL(http://127.0.0.1/)}",
        'back\\slash \\n \\\\ \\, \\; \\" end\\',
        "two\nlines\r\nand a\ttab",
        "€😀 zażółć gęślą jaźń ż",
        "=== & <b> ' %s %41 +",
        "a" * 1530,
        "😀" * 335,
        '"\\' * 760,
    ],
    ids=["quotes", "dollars", "backslashes", "lines", "unicode", "marks", "long", "emoji", "escapes"],
)
async def test_a_text_arrives_as_it_was_given(asterisk: Asterisk, api: SmsApi, text: str) -> None:
    assert await gosub(asterisk, SMS_TO="+48 601 000 001", SMS_TEXT=text) == "accepted msg_1"
    (asked,) = api.asked.items
    assert asked.body == {"to": "+48 601 000 001", "text": text}
    assert asked.headers["authorization"] == [f"Bearer {KEY}"]
    assert asked.headers["content-type"] == ["application/json"]
    assert "idempotency-key" not in asked.headers


async def test_what_json_can_not_hold_is_left_out(asterisk: Asterisk, api: SmsApi) -> None:
    assert await gosub(asterisk, SMS_TO="601000001", SMS_TEXT="a\x01b\x1fc\x7f") == "accepted msg_1"
    assert api.asked.items[0].body["text"] == "abc\x7f"


async def test_sender_and_account_go_along_and_a_quote_in_them_changes_nothing(
    asterisk: Asterisk, api: SmsApi
) -> None:
    to = '601","account":"sip:999'
    told = await gosub(asterisk, SMS_TO=to, SMS_TEXT="x", SMS_FROM='A"B', SMS_ACCOUNT="sip:101")
    assert told == "accepted msg_1"
    assert api.asked.items[0].body == {"to": to, "text": "x", "from": 'A"B', "account": "sip:101"}


async def test_a_second_one_in_the_same_call_is_asked_in_the_same_way(
    asterisk: Asterisk, api: SmsApi
) -> None:
    """Asterisk adds up the headers of a channel: said twice, the key would stand there twice."""
    assert await gosub(asterisk, "twice", SMS_TO="601000001", SMS_TEXT="the first") == "accepted msg_2"
    assert [one.body["text"] for one in api.asked.items] == ["the first", "the second"]
    first, second = (one.headers for one in api.asked.items)
    assert second["authorization"] == [f"Bearer {KEY}"]
    assert {**first, "content-length": []} == {**second, "content-length": []}


async def test_a_refusal_says_why(asterisk: Asterisk, api: SmsApi) -> None:
    api.plan = Plan("limit_reached", 429)
    assert await gosub(asterisk, SMS_TO="601000001", SMS_TEXT="x") == "refused  limit_reached"
    assert _stored(asterisk, "detail") == 'one, "two"\nthree'


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (Plan("store_unavailable", 503), "error  store_unavailable"),
        (Plan(status=500, octets=b"<html>oops</html>"), "error"),
        (Plan(status=202, octets=b""), "error"),
        (Plan(status=202, octets=b'{"id": "nothing of ours", "status": "accepted"}'), "error"),
        (Plan(status=302, octets=b'{"code": 7}'), "error"),
        (Plan(ACCEPTED, delay=5), "error"),
    ],
    ids=["503", "500", "empty", "foreign", "redirect", "silent"],
)
async def test_what_is_no_answer_is_an_error(asterisk: Asterisk, api: SmsApi, plan: Plan, told: str) -> None:
    api.plan = plan
    before = asyncio.get_running_loop().time()
    assert await gosub(asterisk, SMS_TO="601000001", SMS_TEXT="x") == told
    assert asyncio.get_running_loop().time() - before < 3


async def test_nobody_there_is_an_error(asterisk: Asterisk) -> None:
    assert await gosub(asterisk, SMS_TO="601000001", SMS_TEXT="x") == "error"


async def test_neither_texts_nor_the_key_stand_in_the_log(asterisk: Asterisk, api: SmsApi) -> None:
    await gosub(asterisk, SMS_TO="601000001", SMS_TEXT="a secret of mine")
    api.plan = Plan("blocked")
    await gosub(asterisk, SMS_TO="601000001", SMS_TEXT="a secret of mine")
    log = asterisk.log_text()
    assert 'Gosub("Local/once@test' in log
    assert "a secret of mine" not in log
    assert KEY not in log
