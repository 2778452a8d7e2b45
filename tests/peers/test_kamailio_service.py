"""The whole service behind a real Kamailio: texts wait, arrive at once, and survive whichever of the two restarts."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from support import peers
from support.kamailio import at_home
from support.service import everything, opened
from support.sip_raw import RawUdp, ok_to
from voip_sms.demo.clients import until
from voip_sms.demo.kamailio import DOMAIN, Kamailio
from voip_sms.demo.phone import PhoneAccount
from voip_sms.demo.process import run
from voip_sms.demo.softphone import SoftPhone
from voip_sms.demo.stage import SECOND, SQLITE, Stage

pytestmark = pytest.mark.peer("kamailio")

TYPIST = "+48605555555"
SOON = 10.0
"""Seconds from REGISTER to the text: much for a busy machine, and the next try by itself is 30 s away."""


def behind(document: dict[str, Any]) -> None:
    """All phones are at Kamailio."""
    for account in document["tenants"][0]["sip_accounts"]:
        account["via"] = "proxy"
    document["tenants"][0]["numbers"][1]["forwards"] = [{"kind": "sip", "to": ["101"]}]


@asynccontextmanager
async def fronted() -> AsyncIterator[tuple[Stage, Kamailio]]:
    peers.need("kamailio")
    front = Kamailio()
    try:
        settings = {
            "VOIP_SMS_SIP__OUTBOUND": front.outbound,
            "VOIP_SMS_SIP__SUBSCRIBERS": str(front.subscribers),
            "VOIP_SMS_SIP__TRUSTED_PEERS": json.dumps(["127.0.0.1"]),
        }
        async with opened(SQLITE, behind, **settings) as stage:
            await until(lambda: known(front, "101"), "the accounts were not written down")
            await front.start(stage.sip_port)
            yield stage, front
    finally:
        await front.stop()


async def known(front: Kamailio, user: str) -> bool:
    return front.subscribers.exists() and f"{user}:" in front.subscribers.read_text()


def phone_of(front: Kamailio, user: str) -> SoftPhone:
    return SoftPhone(PhoneAccount(user, f"pw{user}", DOMAIN, "127.0.0.1", front.port))


async def tried(stage: Stage, cause: str) -> list[Any]:
    """Wait until the newest hand-over to a phone has been tried with this result; all its tries."""

    async def look() -> list[Any]:
        messages = await everything(stage, "inbound")
        if not messages:
            return []
        shown = await stage.api.get(f"/v1/messages/{messages[0]['id']}/deliveries")
        [job] = [one for one in shown["data"] if one["kind"] == "sip"]
        attempts: list[Any] = job["attempts"]
        return attempts if attempts and attempts[-1]["cause"] == cause else []

    found: list[Any] = await until(look, f"no try ended with {cause}", 20)
    return found


async def test_what_waits_for_a_phone_arrives_when_it_registers_at_kamailio() -> None:
    async with fronted() as (stage, front):
        await stage.handsets.send(TYPIST, SECOND, "Czekam")
        await tried(stage, "sip_480")
        async with phone_of(front, "101") as phone:
            began = time.monotonic()
            assert (await phone.register()).status == 200
            got = await phone.next_message(SOON)
            assert (got.body, time.monotonic() - began < SOON) == ("Czekam", True)
            assert [one["cause"] for one in await tried(stage, "")] == ["sip_480", ""]
            await and_a_text_from_it_goes_out(stage, phone)


async def and_a_text_from_it_goes_out(stage: Stage, phone: SoftPhone) -> None:
    assert await phone.send("605555555", "Już jestem") == (202, "Accepted")
    shown = await stage.handsets.received(TYPIST, "Już jestem")
    assert shown["from"].endswith(SECOND[1:]), "from the number that was texted"


async def test_a_busy_phone_gets_it_later_and_one_that_never_will_is_not_asked_again() -> None:
    async with fronted() as (stage, front), RawUdp("127.0.0.1", front.port) as phone:
        await at_home(phone)
        await stage.handsets.send(TYPIST, SECOND, "Raz")
        phone.send(ok_to(await phone.request(), 486, "Busy Here"))
        await tried(stage, "sip_486")
        await at_home(phone)
        again = await phone.request()
        phone.send(ok_to(again))
        assert again.body.decode() == "Raz"
        await tried(stage, "")
        await stage.handsets.send(TYPIST, SECOND, "Dwa")
        phone.send(ok_to(await phone.request(), 415, "No Texts Here"))
        await tried(stage, "sip_415")
        await at_home(phone)
        assert await phone.quiet(1.0)


async def test_a_phone_that_comes_while_it_is_tried_in_vain_is_not_made_to_wait() -> None:
    async with (
        fronted() as (stage, front),
        RawUdp("127.0.0.1", front.port) as before,
        RawUdp("127.0.0.1", front.port) as after,
    ):
        await at_home(before)
        await stage.handsets.send(TYPIST, SECOND, "Gdzie jesteś?")
        await before.request()  # and no answer: it has just gone
        began = time.monotonic()
        await at_home(after)
        found = await after.request()
        after.send(ok_to(found))
        assert (found.body.decode(), time.monotonic() - began < SOON) == ("Gdzie jesteś?", True)
        await tried(stage, "")


async def test_from_extension_to_extension_there_and_back() -> None:
    async with fronted() as (stage, front), phone_of(front, "101") as one, phone_of(front, "102") as two:
        for phone in (one, two):
            assert (await phone.register()).status == 200
        assert (await one.send("102", "Kawa?")).status == 202
        got = await two.next_message()
        assert (got.body, "sip:101@sms.test" in got.sender) == ("Kawa?", True)
        assert (await two.send("101", "Za chwilę")).status == 202
        assert (await one.next_message()).body == "Za chwilę"

        async def arrived() -> bool:
            return {one["status"] for one in await everything(stage)} == {"delivered"}

        await until(arrived, "they were never delivered")


async def test_kamailio_restarts() -> None:
    """Its registrations are gone; a phone's next REGISTER brings what came meanwhile."""
    async with fronted() as (stage, front), phone_of(front, "101") as phone:
        assert (await phone.register()).status == 200
        await front.kill()
        await stage.handsets.send(TYPIST, SECOND, "W przerwie")
        await tried(stage, "sip_unreachable")
        await front.start_again()
        began = time.monotonic()
        assert (await phone.register()).status == 200
        assert (await phone.next_message(SOON)).body == "W przerwie"
        assert time.monotonic() - began < SOON


async def test_the_service_restarts() -> None:
    """Meanwhile phones hear 503; what was accepted goes out, what came in arrives."""
    async with fronted() as (stage, front), phone_of(front, "101") as phone:
        assert (await phone.register()).status == 200
        await stage.serve.kill()
        assert (await phone.send("605555555", "Halo?")).status == 503
        assert (await phone.register()).status == 200, "phones stay registered"
        await stage.serve.start()
        assert (await phone.send("605555555", "Halo!")).status == 202
        await stage.handsets.received(TYPIST, "Halo!")
        await stage.handsets.send(TYPIST, SECOND, "Słucham")
        assert (await phone.message_with("Słucham", 15)).body == "Słucham"
        assert [message["text"] for message in await everything(stage)] == ["Halo!"]


async def test_the_file_of_users_follows_the_configuration() -> None:
    async with fronted() as (stage, front):
        first = front.subscribers.read_text()
        assert [line.partition(":")[0] for line in first.splitlines()[1:]] == ["101", "102", "103", "104"]
        assert front.subscribers.stat().st_mode & 0o777 == 0o640
        document = stage.customer()
        document["tenants"][0]["sip_accounts"][0]["via"] = "direct"
        document["tenants"][0]["sip_accounts"][1]["password"] = "another-secret"
        await stage.apply(document)

        async def changed() -> bool:
            return not await known(front, "101")

        await until(changed, "the file stayed as it was")
        printed = await run("kamailio", "users", "--config", str(stage.config))
        assert (printed.code, printed.out) == (0, front.subscribers.read_text())
        assert first.splitlines()[2] not in printed.out, "another password, another hash"
        async with phone_of(front, "101") as phone:
            assert (await phone.register()).status == 401, "its account is not for Kamailio any more"
