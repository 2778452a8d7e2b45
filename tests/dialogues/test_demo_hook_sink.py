"""The webhook sink keeps requests octet for octet and answers what it was told to."""

import time

import aiohttp
import pytest

from voip_sms.demo.hook_sink import Answer, HookSink


async def test_a_request_is_kept_with_headers_query_and_body(hook_sink: HookSink) -> None:
    async with aiohttp.ClientSession() as client:
        body = '{"type": "message.received", "data": {"text": "Cześć"}}'.encode()
        async with client.post(
            hook_sink.url("/hook?a=1"), data=body, headers={"webhook-id": "m1"}
        ) as response:
            assert response.status == 200
    hook = await hook_sink.hook_of("message.received", within=1)
    assert (hook.method, hook.path, hook.query["a"], hook.headers["Webhook-Id"]) == (
        "POST",
        "/hook",
        "1",
        "m1",
    )
    assert hook.body == body
    assert hook.json["data"]["text"] == "Cześć"


async def test_planned_answers_come_in_order_and_then_the_usual_one(hook_sink: HookSink) -> None:
    hook_sink.answer_next(500, Answer(302, headers=(("Location", "http://127.0.0.1:9/"),)), 410)
    async with aiohttp.ClientSession() as client:
        seen = []
        for _ in range(4):
            async with client.get(hook_sink.url(), allow_redirects=False) as response:
                seen.append(response.status)
    assert seen == [500, 302, 410, 200]
    assert len(hook_sink.hooks) == 4


async def test_a_cut_connection_and_a_late_answer(hook_sink: HookSink) -> None:
    hook_sink.answer_next(0, Answer(delay=0.2))
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientError):
            await client.post(hook_sink.url(), data=b"1")
        began = time.monotonic()
        async with client.post(hook_sink.url(), data=b"2") as response:
            assert response.status == 200
        assert time.monotonic() - began >= 0.2
    assert [hook.body for hook in hook_sink.hooks.items] == [b"1", b"2"]
