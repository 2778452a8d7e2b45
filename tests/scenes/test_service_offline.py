"""The whole service: a phone registers, goes away and comes back; its texts find it at once, and say what was."""

import time
from typing import Any

from support.service import everything, opened
from support.sip_raw import Ask, RawUdp, authorized, ok_to
from voip_sms.demo.clients import until
from voip_sms.demo.stage import SECOND, SQLITE, Stage

TYPIST = "+48605555555"
SOON = 2.0
"""Seconds from REGISTER to the text, on a busy machine; Timer F alone is 32."""


def configured(document: dict[str, Any]) -> None:
    document["tenants"][0]["numbers"][1]["forwards"] = [{"kind": "sip", "to": ["101"]}]


async def register(phone: RawUdp, cseq: int) -> None:
    host, port = phone.address
    ask = Ask(
        "REGISTER",
        uri="sip:sms.test",
        body="",
        sender="<sip:101@sms.test>;tag=r",
        to="<sip:101@sms.test>",
        call_id="one-phone",
        cseq=cseq,
        headers=(f"Contact: <sip:101@{host}:{port}>", "Expires: 300"),
    )
    challenge = await phone.ask(ask)
    assert challenge.status == 401
    assert (await phone.ask(authorized(ask, challenge, "101", "pw101"))).status == 200


async def deliveries(stage: Stage) -> list[dict[str, Any]]:
    [message] = await everything(stage, "inbound")
    shown = await stage.api.get(f"/v1/messages/{message['id']}/deliveries")
    return [one for one in shown["data"] if one["kind"] == "sip"]


async def test_a_phone_that_comes_back_elsewhere_gets_its_text_at_once() -> None:
    async with opened(SQLITE, configured) as stage:
        at = ("127.0.0.1", stage.sip_port)
        async with RawUdp(*at) as before, RawUdp(*at) as after:
            await register(before, 1)
            await stage.handsets.send(TYPIST, SECOND, "Gdzie jesteś?")
            lost = await before.request()  # and no answer: it has just gone
            began = time.monotonic()
            await register(after, 10)
            found = await after.request()
            assert time.monotonic() - began < SOON
            after.send(ok_to(found))
            assert found.body.decode() == "Gdzie jesteś?"
            assert found.headers.get("call-id") == lost.headers.get("call-id")
            assert found.headers.get("from").startswith(f"<sip:{TYPIST}@sms.test>")

            async def done() -> bool:
                return [one["state"] for one in await deliveries(stage)] == ["done"]

            await until(done, "it was never recorded", 10)
            [first, second] = (await deliveries(stage))[0]["attempts"]
            contact = f"sip:101@127.0.0.1:{before.address[1]}"
            assert (first["cause"], first["contacts"]) == (
                "sip_moved",
                [{"contact": contact, "cause": "moved"}],
            )
            new = f"sip:101@127.0.0.1:{after.address[1]}"
            assert {"contact": new, "cause": "200"} in second["contacts"]
