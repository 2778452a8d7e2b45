"""NATs held open, and phones that are gone: noticed in time, without giving up any that live."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from support.fakes import FakeClock
from support.sip_engine import sip_account
from support.sip_raw import Ask, RawTcp, RawUdp, ok_to
from support.sip_service import Service, registration, signed
from voip_sms.doors.sip import keepalive
from voip_sms.net.sip import flows
from voip_sms.net.sip.traffic import Outgoing, Result

EVERY = 0.2
CONTACT = "sip:101@192.168.7.7:5060"


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def started(clock: FakeClock, method: str) -> Service:
    service = Service(clock)
    service.engine.accounts["103"] = sip_account("103", "pw103")
    service.settings = service.settings.model_copy(update={"keep_alive": EVERY, "keep_alive_method": method})
    return await service.start()


@pytest.fixture
async def asking(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    monkeypatch.setattr(keepalive, "PATIENCE", 0.1)
    service = await started(clock, "options")
    yield service
    await service.stop()


async def answer(phone: RawUdp, status: int = 200) -> None:
    """Say the same to every OPTIONS."""
    while True:
        request = await phone.request()
        assert request.method == "OPTIONS"
        phone.send(ok_to(request, status, "X"))


async def test_options_is_a_whole_request_to_the_contact(asking: Service) -> None:
    async with RawUdp(*asking.udp) as phone:
        await signed(phone, registration(contact=f"<{CONTACT}>"))
        request = await phone.request()
        assert (request.method, request.uri) == ("OPTIONS", CONTACT)
        assert request.headers.get("via").startswith("SIP/2.0/UDP 127.0.0.1:")
        assert request.headers.get("from").startswith("<sip:sms.test>;tag=")
        assert request.headers.get("content-length", "0") == "0"


async def test_a_phone_that_stops_answering_is_let_go_the_others_stay(asking: Service) -> None:
    async with RawUdp(*asking.udp) as dying, RawUdp(*asking.udp) as refusing, RawUdp(*asking.udp) as mute:
        await signed(dying, registration())
        await signed(refusing, registration("102", "<sip:102@192.168.7.8:5060>"), "102")
        await signed(mute, registration("103", "<sip:103@192.168.7.9:5060>"), "103")
        refusing_answers = asyncio.create_task(answer(refusing, 405))
        dying.send(ok_to(await dying.request()))
        await until(lambda: asking.engine.dropped)
        assert asking.engine.dropped == [CONTACT], "it answered once, and then no more"
        await asyncio.sleep(4 * EVERY)
        assert asking.engine.dropped == [CONTACT], "405 is an answer, and who never answered is not judged"
        async with RawUdp(*asking.udp) as restarted:
            await signed(restarted, registration())
        assert [user for user, _ in asking.engine.bound] == ["102", "103", "101"], (
            "back as if nothing had been"
        )
        refusing_answers.cancel()


async def test_a_fault_with_one_phone_does_not_end_the_asking(
    asking: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[str] = []
    send = asking.endpoint.send

    async def broken(outgoing: Outgoing) -> Result:
        if len(faults) < 2:
            faults.append(outgoing.uri)
            raise RuntimeError("what nobody foresaw")
        return await send(outgoing)

    monkeypatch.setattr(asking.endpoint, "send", broken)
    async with RawUdp(*asking.udp) as phone:
        await signed(phone, registration(contact=f"<{CONTACT}>"))
        assert (await phone.request()).uri == CONTACT
    assert faults == [CONTACT] * 2


async def test_when_nobody_answers_nobody_is_let_go(asking: Service) -> None:
    """Then it is our own network that is down."""
    async with RawUdp(*asking.udp) as one, RawUdp(*asking.udp) as two:
        await signed(one, registration())
        await signed(two, registration("102", "<sip:102@192.168.7.8:5060>"), "102")
        for phone in (one, two):
            phone.send(ok_to(await phone.request()))
        await asyncio.sleep((keepalive.MISSES + 3) * EVERY)
        assert asking.engine.dropped == []
        assert len(asking.engine.bound) == 2


async def test_a_phone_that_registers_again_meanwhile_is_not_let_go(asking: Service) -> None:
    async with RawUdp(*asking.udp) as moving, RawUdp(*asking.udp) as steady:
        await signed(moving, registration())
        await signed(steady, registration("102", "<sip:102@192.168.7.8:5060>"), "102")
        answers = asyncio.create_task(answer(steady))
        moving.send(ok_to(await moving.request()))
        async with RawUdp(*asking.udp) as moved:
            await signed(moved, registration())
            moved_answers = asyncio.create_task(answer(moved))
            await asyncio.sleep((keepalive.MISSES + 2) * EVERY)
            assert asking.engine.dropped == []
            moved_answers.cancel()
        answers.cancel()


@pytest.mark.parametrize("method", ["crlf", "options"])
async def test_connections_get_empty_lines_whatever_the_method(clock: FakeClock, method: str) -> None:
    service = await started(clock, method)
    async with RawTcp(*service.tcp) as phone, RawTcp(*service.tcp) as stranger:
        await signed(phone, registration())
        assert await asyncio.wait_for(phone.reader.readexactly(4), 5) == b"\r\n\r\n"
        phone.send(b"\r\n")
        assert await asyncio.wait_for(phone.reader.readexactly(4), 5) == b"\r\n\r\n"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stranger.reader.read(1), 2 * EVERY)
    await until(lambda: service.engine.died)
    await service.stop()


async def test_a_restart_knows_again_whose_hole_to_keep_open(clock: FakeClock) -> None:
    """No NAT waits for a phone's next REGISTER; and what the port is called, phones behind it go on using."""
    service = await started(clock, "crlf")
    async with RawUdp(*service.udp) as phone:
        await signed(phone, registration())
        await service.stop()
        service.settings = service.settings.model_copy(update={"udp": f"127.0.0.1:{service.udp[1]}"})
        await service.start()
        assert await phone.octets() == b"\r\n\r\n"
        assert service.door._authenticator.knows("127.0.0.1"), "and who must never be shut out"
        clock.advance(301)
        while not await phone.quiet(3 * EVERY):
            pass
        await service.stop()


async def test_without_the_store_it_starts_all_the_same(clock: FakeClock) -> None:
    service = Service(clock)
    service.engine.refuse_registrations = "store_unavailable"
    await service.start()
    async with RawUdp(*service.udp) as phone:
        assert (await signed(phone, Ask())).status == 202
    await service.stop()


async def test_a_peer_that_vanishes_is_given_up_by_the_kernel(clock: FakeClock) -> None:
    """What the kernel was told; that it keeps its word is shown with real dead flows elsewhere."""
    service = await Service(clock).start()
    async with RawTcp(*service.tcp) as phone:
        await signed(phone, registration())
        [flow] = service.endpoint._connections._flows.values()
        assert flow._transport is not None
        sock = flow._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == flows.VANISHED * 1000
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    await service.stop()
