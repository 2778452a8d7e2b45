"""Who sends too fast is told to wait, on both doors, alone, and is served again after that."""

import asyncio
import itertools

import pytest
import pytest_asyncio

from support.service import opened, phone_of
from voip_sms.demo.clients import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

BURST = 4
"""Four seconds' worth of one a second."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage():
    async with opened(VOIP_SMS_SIP__RATE="1", VOIP_SMS_HTTP__RATE="1") as stage:
        yield stage


async def test_a_program_that_sends_too_fast(stage):
    numbers = itertools.count()

    async def post():
        body = {"to": f"+4860112{next(numbers):04d}", "text": "fast"}
        return await stage.api.call("POST", "/v1/messages", body)

    answers = [await post()]
    while answers[-1][0] == 202:
        assert len(answers) < 100, "nobody stopped it"
        answers.append(await post())
    status, answer, headers = answers.pop()
    assert (status, answer["code"]) == (429, "rate_limited")
    assert int(headers["Retry-After"]) == 1
    assert len(answers) >= BURST
    assert (await stage.api.call("GET", "/v1/balance"))[0] == 200  # reading goes on
    await asyncio.sleep(int(headers["Retry-After"]))
    assert (await post())[0] == 202


async def test_a_phone_that_sends_too_fast(stage):
    async with phone_of(stage, "101") as phone, phone_of(stage, "102") as other:
        for number in itertools.count():
            assert number < 100, "nobody stopped it"
            refused = await phone.send("+48601130000", f"fast {number}")
            if refused.status != 202:
                break
        assert (refused.status, refused.reason) == (503, "Too many requests")
        assert int(refused.header("Retry-After")) >= 1
        assert number >= BURST
        assert (await other.send("+48601130001", "another account")).status == 202

        async def again() -> bool:
            return (await phone.send("+48601130000", "slowly")).status == 202

        await until(again, "it was never served again", step=0.3)
    await stage.handsets.received("+48601130000", "slowly")
    shown = [one["text"] for one in await stage.handsets.messages("+48601130000")]
    assert len(shown) == number + 1
