"""Texts to phones behind a real Kamailio: what a phone answers is what the service learns, and acts on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from support.fakes import FakeClock
from support.kamailio import Front, at_home, fronted, phone_behind
from support.sip_raw import Ask, RawTcp, RawUdp, authorized, ok_to
from support.sip_service import registration, signed
from support.waiting import eventually
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary
from voip_sms.demo.phone import Phone
from voip_sms.demo.softphone import SoftPhone
from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.messages import Request, parse_datagram

pytestmark = pytest.mark.peer("kamailio")

LONG = "Zażółć gęślą jaźń 🙂 " * 50
"""A thousand characters, 1,500 octets."""
PATIENCE = {"PHONE_PATIENCE": 1500}
"""A silent phone is given up sooner than on a telephone network."""


@pytest.fixture
async def front(clock: FakeClock) -> AsyncIterator[Front]:
    async with fronted(clock, defines=PATIENCE) as running:
        yield running


async def answered(phone: RawUdp | RawTcp, status: int) -> str:
    """Answer the next text so; its words."""
    request = await phone.request()
    phone.send(ok_to(request, status, "As The Phone Says"))
    return request.body.decode()


# --- real phones ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("make", [pytest.param(Phone, marks=pytest.mark.peer("pjsua2")), SoftPhone])
async def test_a_phone_gets_texts(
    clock: FakeClock, tmp_path: Path, transport: str, make: Callable[..., Phone | SoftPhone]
) -> None:
    async with phone_behind(clock, tmp_path, make, transport) as (front, phone):
        assert isinstance(await front.deliver("Zażółć 🙂"), Accepted)
        got = await phone.next_message()
        assert (got.body, "sip:+48601123456@sms.test" in got.sender) == ("Zażółć 🙂", True)
        assert got.header("Date") == "Sun, 22 Nov 2026 10:00:00 GMT"
        assert isinstance(await front.deliver(LONG), Accepted)
        words = ""
        while len(words) < len(LONG):
            words += (await phone.next_message()).body
        assert words == LONG
        assert (await phone.unregister()).status == 200
        assert await front.deliver() == Temporary("sip_480")


async def test_to_a_phone_on_udp_long_texts_go_in_pieces_that_fit_and_on_tcp_whole(front: Front) -> None:
    async with front.udp() as phone:
        await at_home(phone)
        delivering = asyncio.create_task(front.deliver(LONG))
        pieces: list[str] = []
        while sum(map(len, pieces)) < len(LONG):
            octets = await phone.octets()
            assert len(octets) <= 1300
            phone.send(ok_to(parse(octets)))
            pieces.append(parse(octets).body.decode())
        assert ("".join(pieces), len(pieces) > 2) == (LONG, True)
        assert isinstance(await delivering, Accepted)
    async with front.tcp() as other:
        await at_home(other, "102")
        delivering = asyncio.create_task(front.deliver(LONG, "102"))
        assert await answered(other, 200) == LONG
        assert isinstance(await delivering, Accepted)


# --- what phones answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Accepted("sip:101@sms.test")),
        (202, Accepted("sip:101@sms.test")),
        (404, Temporary("sip_404")),
        (408, Temporary("sip_408")),
        (410, Temporary("sip_410")),
        (480, Temporary("sip_480")),
        (486, Temporary("sip_486")),
        (500, Temporary("sip_500")),
        (503, Temporary("sip_503")),
        (415, Permanent("sip_415")),
        (488, Permanent("sip_488")),
        (603, Permanent("sip_603")),
    ],
)
async def test_the_phones_answer_is_the_outcome(
    front: Front, transport: str, status: int, outcome: Accepted | Temporary | Permanent
) -> None:
    async with front.udp() if transport == "udp" else front.tcp() as phone:
        await at_home(phone)
        delivering = asyncio.create_task(front.deliver("hej"))
        assert await answered(phone, status) == "hej"
        found = await delivering
        assert (type(found), cause(found)) == (type(outcome), cause(outcome))


async def test_retry_after_of_a_phone_is_heeded(front: Front) -> None:
    async with front.udp() as phone:
        await at_home(phone)
        delivering = asyncio.create_task(front.deliver())
        reply = ok_to(await phone.request(), 480, "Later")
        phone.send(replace(reply, headers=Headers([*reply.headers, ("retry-after", "77")])))
        found = await delivering
        assert isinstance(found, Temporary)
        assert (found.cause, found.retry_after) == ("sip_480", 77)


async def test_a_silent_phone_is_408_and_one_that_nobody_knows_480(front: Front) -> None:
    assert await front.deliver() == Temporary("sip_480")
    async with front.udp() as phone:
        await at_home(phone)
        assert await front.deliver() == Temporary("sip_408")


@pytest.mark.parametrize("status", [404, 410])
async def test_a_contact_that_is_gone_is_forgotten(front: Front, status: int) -> None:
    async with front.udp() as phone, front.udp() as other:
        await at_home(phone)
        await at_home(other)
        delivering = asyncio.create_task(front.deliver())
        await asyncio.gather(answered(phone, status), answered(other, 486))
        assert await delivering == Temporary("sip_480"), "the other one may still take it"
        delivering = asyncio.create_task(front.deliver())
        await answered(other, 200)
        assert isinstance(await delivering, Accepted)
        assert await phone.quiet()


async def test_a_lost_connection_is_known_at_once(front: Front) -> None:
    async with front.tcp() as phone:
        await at_home(phone)
        delivering = asyncio.create_task(front.deliver())
        await answered(phone, 200)
        assert isinstance(await delivering, Accepted)

    async def gone() -> bool:
        return await front.deliver() == Temporary("sip_480")

    await eventually(gone, "Kamailio still takes the connection for alive")


# --- where phones are -----------------------------------------------------------------------------------------


async def test_the_text_goes_where_register_came_from_not_to_contact(front: Front) -> None:
    """Contact is a private address (`at_home`), as behind every NAT."""
    async with front.udp() as phone:
        await at_home(phone)
        delivering = asyncio.create_task(front.deliver())
        request = await phone.request()
        assert request.uri.startswith("sip:101@192.168.7.")
        assert "sip:101@sms.test" in request.headers.get("to")
        phone.send(ok_to(request))
        assert isinstance(await delivering, Accepted)


async def test_two_phones_of_one_user_both_ring_and_one_that_takes_it_is_enough(front: Front) -> None:
    async with front.udp() as desk, front.tcp() as mobile:
        await at_home(desk)
        await at_home(mobile)
        for statuses in ((200, 486), (415, 200), (603, 200), (200, 200)):
            delivering = asyncio.create_task(front.deliver())
            await asyncio.gather(answered(desk, statuses[0]), answered(mobile, statuses[1]))
            assert isinstance(await delivering, Accepted), statuses
        delivering = asyncio.create_task(front.deliver())
        await asyncio.gather(desk.request(), answered(mobile, 200))
        async with asyncio.timeout(1):
            assert isinstance(await delivering, Accepted), "nobody waits for the silent one"
        desk.drain()


@pytest.mark.parametrize(
    ("statuses", "cause"),
    [((415, 480), "sip_480"), ((415, 486), "sip_480"), ((603, 486), "sip_480"), ((415, 488), "sip_415")],
)
async def test_as_long_as_one_phone_may_take_it_later_it_is_not_refused(
    front: Front, statuses: tuple[int, int], cause: str
) -> None:
    async with front.udp() as desk, front.tcp() as mobile:
        await at_home(desk)
        await at_home(mobile)
        delivering = asyncio.create_task(front.deliver())
        await asyncio.gather(answered(desk, statuses[0]), answered(mobile, statuses[1]))
        found = await delivering
        assert isinstance(found, Temporary if cause == "sip_480" else Permanent)
        assert found.cause == cause


async def test_one_refuses_for_good_and_the_other_is_silent(front: Front) -> None:
    async with front.udp() as desk, front.tcp() as mobile:
        await at_home(desk)
        await at_home(mobile)
        delivering = asyncio.create_task(front.deliver())
        await answered(desk, 415)
        assert isinstance(await delivering, Temporary)


# --- registrations told to the service ------------------------------------------------------------------------


async def test_a_register_is_told_and_its_repetition_answered(front: Front) -> None:
    async with front.udp() as phone:
        await at_home(phone)
        await eventually(lambda: front.service.engine.announcements == ["101"])
        challenge = await phone.ask(registration())
        asked = authorized(registration(), challenge, "101", "pw101")
        assert (await phone.ask(asked)).status == 200
        assert (await phone.ask(asked)).status == 200, "its first answer was lost"
        await eventually(lambda: len(front.service.engine.announcements) > 1)
        gone = registration("101", "*", "Expires: 0")
        assert (await signed(phone, gone)).status == 200
        assert (await front.deliver()) == Temporary("sip_480")
        assert front.service.engine.announcements == ["101", "101"], "who leaves is not told as there"
        assert front.service.engine.bound == {}, "where phones are is Kamailio's to know"


async def test_without_the_service_phones_register_all_the_same(front: Front) -> None:
    await front.service.stop()
    async with front.udp() as phone:
        await at_home(phone)


@pytest.mark.parametrize(("expires", "granted"), [("3600", "300"), ("60", "60")])
async def test_registrations_are_short(front: Front, expires: str, granted: str) -> None:
    async with front.udp() as phone:
        answer = await signed(phone, registration("101", "<sip:101@192.168.7.7>", f"Expires: {expires}"))
        assert f"expires={granted}" in answer.headers.get("contact")


async def test_an_account_of_another_kind_is_not_led_astray(front: Front) -> None:
    """A contact in place of a user is no open relay."""
    async with front.udp() as phone, RawTcp("127.0.0.1", front.kamailio.inner) as service:
        await at_home(phone)
        for uri in ("sip:101@192.168.7.7:5060", "sip:x@example.com", "tel:+48601123456"):
            answer = await service.ask(Ask(uri=uri, sender="<sip:+48601123456@sms.test>;tag=x"))
            assert answer.status == 480
        assert (await service.ask(Ask(method="INVITE", uri="sip:101@sms.test"))).status == 405
        assert await phone.quiet()


def cause(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Accepted) else outcome.cause


def parse(octets: bytes) -> Request:
    request = parse_datagram(octets)
    assert isinstance(request, Request)
    return request
