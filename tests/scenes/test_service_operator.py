"""What an operator sees of a running service: /metrics after a day's work, and what its own key opens."""

import re
from collections import Counter

import pytest_asyncio

from support.service import opened, phone_of
from voip_sms.demo.clients import Http, until
from voip_sms.demo.stage import OWN

LINE = re.compile(r"^(voip_sms_\w+?)(?:_total)?(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@pytest_asyncio.fixture
async def stage():
    async with opened() as stage:
        yield stage


async def numbers(stage) -> Counter[str]:
    """`name value,value` → number, the label values in the order of their names."""
    found = Counter()
    for name, labels, value in LINE.findall(await stage.api.text("/metrics")):
        words = re.findall(r'\w+="([^"]*)"', labels)
        found[" ".join([name, *words])] = float(value)
    return found


async def shows(stage, **wanted: float) -> None:
    async def there() -> bool:
        found = await numbers(stage)
        return all(found[name.replace("__", " ")] >= least for name, least in wanted.items())

    await until(there, f"/metrics never showed {wanted}")


async def test_a_day_in_numbers(stage):
    await stage.handsets.fault("reject", command_status=0x58, count=1)  # ESME_RTHROTTLED
    await stage.api.post("/v1/messages", {"to": ["+48601123456", "112"], "text": "hello"})
    await stage.handsets.fault("reject", command_status=0x0B, count=1)  # ESME_RINVDSTADR
    await shows(stage, voip_sms_parts__sim__throttled=1)
    async with phone_of(stage, "101") as phone:
        assert (await phone.send("+48601123457", "rejected")).status == 202
        await shows(stage, voip_sms_parts__sim__permanent=1)
        assert (await phone.send("+48601123457", "taken")).status == 202
        assert (await phone.send("112", "help")).status == 403
        assert (await phone.send("+48601123457", "")).status == 200
    await stage.handsets.received("+48601123457", "taken")
    await stage.handsets.send("+48601123456", OWN, "an answer")
    await stage.handsets.send("+48600666123", OWN, "not wanted")
    await stage.handsets.send("+48601123456", "+48799000001", "to nobody")
    await shows(
        stage,
        voip_sms_inbound__sim__quarantined=1,
        voip_sms_forwards__webhook__done=1,
        voip_sms_forwards__mail__done=1,
        voip_sms_forwards__number__done=3,
        voip_sms_receipts__sim__delivered=5,
    )

    found = await numbers(stage)
    expected = {
        "voip_sms_submissions accepted api": 1,
        "voip_sms_submissions recipient_forbidden api": 1,
        "voip_sms_submissions accepted sip": 2,
        "voip_sms_submissions recipient_forbidden sip": 1,
        "voip_sms_submissions text_empty sip": 1,
        "voip_sms_parts sim accepted": 5,
        "voip_sms_inbound sim stored": 1,
        "voip_sms_inbound sim blocked": 1,
        "voip_sms_carrier_bound sim": 1,
        "voip_sms_forwards_under_way": 0,
        "voip_sms_request_seconds_count sip message": 4,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["voip_sms_chores backlog done"] >= 1


async def test_an_operators_key_made_while_it_runs(stage):
    """What nobody's message was, the operator reads; its key comes from a file beside the document."""
    token = "test-key-operator-0123456789abc"
    secret = stage.folder / "operator.token"
    secret.touch(0o600)
    secret.write_text(f"{token}\n")
    await stage.apply({"version": 1, "operators": [{"name": "root", "token": {"file": secret.name}}]})
    operator = Http(stage.http_address, token)

    async def opened_up() -> bool:
        return (await operator.call("GET", "/v1/tenants"))[0] == 200

    await until(opened_up, "the key never worked", 5, step=1)
    await stage.handsets.send("+48601123456", "+48799000001", "to nobody")
    await until(lambda: quarantined(operator), "it was never quarantined")
    [text] = (await operator.get("/v1/quarantine"))["data"]
    assert (text["text"], text["to"], text["reason"]) == ("to nobody", "+48799000001", "no_conversation")
    assert (await operator.call("POST", "/v1/messages", {"to": "601123456", "text": "x"}))[0] == 403
    assert (await stage.api.call("GET", "/v1/quarantine"))[0] == 403
    await operator.close()


async def quarantined(operator) -> bool:
    return bool((await operator.get("/v1/quarantine"))["data"])


async def test_what_waits_for_a_carrier_that_is_away(stage):
    await stage.handsets.fault("offline")
    for number in range(3):
        await stage.api.post("/v1/messages", {"to": f"+4860112345{number}", "text": "later"})

    async def shown() -> bool:
        return (await numbers(stage))["voip_sms_parts_waiting sim"] == 3

    await until(shown, "/metrics never showed the backlog", 40)
    found = await numbers(stage)
    assert found["voip_sms_carrier_bound sim"] == 0
    assert found["voip_sms_parts_waiting_seconds sim"] >= 0
