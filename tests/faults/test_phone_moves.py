"""A phone changes its address, crashes, or comes back while a text is on its way: it gets it, soon and once."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from support.fakes import FakeClock
from support.phone_edge import Edge, edge
from support.sip_raw import Ask, RawTcp, RawUdp, ok_to
from voip_sms.net.sip.traffic import Reply
from voip_sms.wire.sip.messages import Request

SOON = 2.0  # seconds from REGISTER to the text: what a person notices


@pytest.fixture
async def made(database_url: str, clock: FakeClock) -> AsyncIterator[Edge]:
    async with edge(database_url, clock, 3) as opened:
        await opened.start()
        yield opened


@pytest.fixture
async def before(made: Edge) -> AsyncIterator[RawUdp]:
    async with RawUdp(*made.udp) as phone:
        yield phone


@pytest.fixture
async def after(made: Edge) -> AsyncIterator[RawUdp]:
    async with RawUdp(*made.udp) as phone:
        yield phone


async def all_in(made: Edge, state: str, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while set(await made.states()) != {state}:
            await asyncio.sleep(0.02)


async def texts_at(phone: RawUdp, count: int) -> list[Request]:
    got: list[Request] = []
    for _ in range(count):
        got.append(await phone.request())
        phone.send(ok_to(got[-1]))
    return got


async def test_texts_come_soon_after_register_in_order_with_their_times(
    made: Edge, clock: FakeClock, after: RawUdp
) -> None:
    await made.texts({"100": ["1", "2"]})
    clock.advance(7200)
    await made.texts({"100": ["3"]})
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await made.register("100", after.address)
    got = await texts_at(after, 3)
    assert time.monotonic() - began < SOON
    assert [one.body.decode() for one in got] == ["1", "2", "3"]
    assert [one.headers.get("date") for one in got] == [
        "Sun, 22 Nov 2026 10:00:00 GMT",
        "Sun, 22 Nov 2026 10:00:00 GMT",
        "Sun, 22 Nov 2026 12:00:00 GMT",
    ]
    await all_in(made, "done")
    assert await after.quiet()


async def test_a_phone_that_comes_back_at_another_port_is_not_awaited_at_the_old_one(
    made: Edge, clock: FakeClock, before: RawUdp, after: RawUdp
) -> None:
    await made.register("100", before.address)
    await made.texts({"100": ["1", "2"]})
    lost = await before.request()
    clock.advance(1)
    began = time.monotonic()
    await made.register("100", after.address, cseq=2)
    got = await texts_at(after, 2)
    assert time.monotonic() - began < SOON, "Timer F is half a minute"
    assert [one.body.decode() for one in got] == ["1", "2"]
    assert got[0].headers.get("call-id") == lost.headers.get("call-id")
    await all_in(made, "done")
    outcomes = [(row["outcome"], row["cause"]) for row in await made.scene.rows("forward_attempt")]
    assert outcomes == [("temporary", "sip_moved"), ("accepted", ""), ("accepted", "")]


async def test_a_refresh_from_where_it_was_changes_nothing(
    made: Edge, clock: FakeClock, before: RawUdp
) -> None:
    await made.register("100", before.address)
    await made.texts({"100": ["1"]})
    request = await before.request()
    clock.advance(1)
    await made.register("100", before.address, cseq=2)
    await asyncio.sleep(0.1)
    before.send(ok_to(request))
    await all_in(made, "done")
    assert [row["no"] for row in await made.scene.rows("forward_attempt")] == [1]


async def test_another_phone_of_the_user_does_not_make_the_first_one_ring_twice(
    made: Edge, clock: FakeClock, before: RawUdp, after: RawUdp
) -> None:
    await made.register("100", before.address, contact="sip:100@10.0.0.9:1111")
    await made.texts({"100": ["1"]})
    request = await before.request()
    clock.advance(1)
    await made.register("100", after.address, contact="sip:100@10.0.0.9:2222")
    await asyncio.sleep(0.1)  # a round trip
    before.send(ok_to(request))
    await all_in(made, "done")
    assert await before.quiet()
    assert [row["outcome"] for row in await made.scene.rows("forward_attempt")] == ["accepted"]


async def test_the_old_address_took_it_after_all(
    made: Edge, clock: FakeClock, before: RawUdp, after: RawUdp
) -> None:
    """The answer crossed the REGISTER: the text is not sent once more than it must be."""
    await made.register("100", before.address)
    await made.texts({"100": ["1"]})
    request = await before.request()
    clock.advance(1)
    await made.register("100", after.address, cseq=2)
    again = await after.request()
    before.send(ok_to(request))
    assert again.headers.get("call-id") == request.headers.get("call-id"), "the phone knows it"
    after.send(ok_to(again, 482, "Loop Detected"))
    await all_in(made, "queued")
    clock.advance(70)
    made.scene.signals.wake(("forwards",))
    await all_in(made, "done")
    assert await after.quiet(), "the late answer is enough"


async def test_an_old_contact_that_says_gone_does_not_take_the_new_registration_along(
    made: Edge, clock: FakeClock, before: RawUdp
) -> None:
    """The phone restarts at the same address: 404 of the one that goes, REGISTER of the one that comes."""
    await made.register("100", before.address)
    await made.texts({"100": ["1"]})
    request = await before.request()
    clock.advance(1)
    await made.register("100", before.address, cseq=2)
    before.send(ok_to(request, 404, "Not Found"))
    again = await before.request()
    assert again.headers.get("cseq") == "3 MESSAGE"
    before.send(ok_to(again))
    await all_in(made, "done")


async def test_one_phone_with_an_old_and_a_new_contact(made: Edge, before: RawUdp, after: RawUdp) -> None:
    """It rebooted without a farewell: the dead contact must not delay each text until it expires."""
    await made.register("100", before.address, contact="sip:100@10.0.0.9:1111")
    await made.register("100", after.address, contact="sip:100@10.0.0.9:2222")
    await made.texts({"100": ["1"]})
    got = await texts_at(after, 1)
    dead = await before.request()
    assert dead.headers.get("call-id") == got[0].headers.get("call-id")
    await all_in(made, "done", within=8)
    [attempt] = await made.scene.rows("forward_attempt")
    assert dict(attempt["contacts"]) == {
        "sip:100@10.0.0.9:2222": "200",
        "sip:100@10.0.0.9:1111": "no_answer",
    }


async def test_a_crash_in_the_middle_leaves_nothing_out_and_repeats_at_most_what_was_under_way(
    made: Edge, before: RawUdp
) -> None:
    await made.register("100", before.address)
    await made.texts({"100": ["1", "2", "3"]})
    await texts_at(before, 1)
    unanswered = await before.request()
    await made.stop(0)
    await made.start()
    got = await texts_at(before, 2)
    assert [one.body.decode() for one in got] == ["2", "3"]
    assert got[0].headers.get("call-id") == unanswered.headers.get("call-id")
    await all_in(made, "done")


async def test_a_connection_that_breaks_under_a_text_and_is_made_anew(made: Edge, clock: FakeClock) -> None:
    async with RawTcp(*made.tcp) as phone:
        await made.register("100", phone.address, flow=await flow_of(made, phone))
        await made.texts({"100": ["1", "2"]})
        lost = await phone.request()
    clock.advance(1)
    async with RawTcp(*made.tcp) as phone:
        began = time.monotonic()
        await made.register("100", phone.address, cseq=2, flow=await flow_of(made, phone))
        got = []
        for _ in range(2):
            got.append(await phone.request())
            phone.send(ok_to(got[-1]))
        assert time.monotonic() - began < SOON
        assert [one.body.decode() for one in got] == ["1", "2"]
        assert got[0].headers.get("call-id") == lost.headers.get("call-id")
        await all_in(made, "done")


async def flow_of(made: Edge, phone: RawTcp) -> str:
    """The name of a phone's connection here."""
    phone.send(Ask("OPTIONS", body=""))
    seen: list[str] = []
    made.endpoint._handlers["OPTIONS"] = lambda incoming: seen.append(incoming.flow) or Reply(200)
    await phone.reply()
    return seen[0]
