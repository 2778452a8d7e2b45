"""A carrier that cuts long texts by itself (`long: payload`): one submit, priced by parts, whole on the handset."""

from decimal import Decimal

import pytest
import pytest_asyncio

from support.service import DATABASES, final, last_entry, phone_of, service_on, submits
from voip_sms.demo.clients import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = "Zażółć gęślą jaźń, panie Władysławie. " * 6  # 228 characters: 4 parts of UCS-2
PRICE = Decimal("0.29")


def whole(document) -> None:
    document["carriers"][0]["long"] = "payload"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request):
    async with service_on(request, whole) as stage:
        await until(lambda: explained(stage), "the carrier's setting never came into force")
        await until(lambda: bound(stage), "the carrier was not bound anew")
        yield stage


async def explained(stage) -> bool:
    _, plan, _ = await stage.api.call("POST", "/v1/messages/explain", {"to": "+48601123456", "text": LONG})
    return any("in one piece" in step["reason"] for step in plan["trace"])


async def bound(stage) -> bool:
    return [one["state"] for one in (await stage.api.get("/v1/carriers"))["data"]] == ["bound"]


async def spent(stage) -> Decimal:
    balance = await stage.api.get("/v1/balance")
    assert Decimal(balance["reserved"]["amount"]) == 0
    return Decimal(balance["credit"]["amount"]) - Decimal(balance["available"]["amount"])


@pytest.mark.parametrize(("text", "parts"), [(LONG, 4), ("a long line of text; " * 20, 3), ("short", 1)])
async def test_one_submit_the_whole_text_and_the_price_of_its_parts(stage, text, parts):
    before, after = await spent(stage), await last_entry(stage)
    sent = await stage.api.post("/v1/messages", {"to": "+48601123456", "text": text})
    assert (sent["parts"], sent["price"]["amount"]) == (parts, str(parts * PRICE))
    (message,) = await final(stage, [sent["id"]])
    assert message["status"] == "delivered"
    assert [event["status"] for event in message["events"]] == ["accepted", "sent", "delivered"]

    (shown,) = [one for one in await stage.handsets.messages("+48601123456") if one["text"] == text]
    assert shown["parts"] == 1
    (submit,) = await submits(stage, after)
    assert ("short_message" in submit["fields"] and bool(submit["fields"]["short_message"])) == (parts == 1)
    assert await spent(stage) - before == parts * PRICE


async def test_by_phone_and_after_an_outage(stage):
    """What waits in the queue goes whole as well."""
    before, after = await spent(stage), await last_entry(stage)
    await stage.handsets.fault("reject", command_status=0x14, count=1)  # ESME_RMSGQFUL: once more, later
    async with phone_of(stage, "101") as phone:
        assert (await phone.send("+48601123457", LONG)).status == 202
    shown = await stage.handsets.received("+48601123457", LONG)
    assert shown["parts"] == 1
    listed = await stage.api.get("/v1/messages?direction=outbound&to=%2B48601123457")
    (message,) = await final(stage, [listed["data"][0]["id"]])
    assert (message["status"], message["parts"]) == ("delivered", 4)
    assert len(await submits(stage, after)) == 2
    assert await spent(stage) - before == 4 * PRICE
