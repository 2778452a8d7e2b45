"""Several listeners, IPv6, and phones that are called back when their connection is gone."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from support.fakes import START, FakeClock
from support.sip_engine import message
from support.sip_raw import Ask, RawTcp, RawUdp, ok_to
from support.sip_service import Service, registration, signed
from voip_sms.core.failures import Accepted
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip.endpoint import Listen
from voip_sms.net.sip.transports import udp_socket
from voip_sms.wire.sip.messages import Request

BOTH = ["127.0.0.1:0", "[::1]:0"]


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    running = await Service(clock, udp=BOTH, tcp=BOTH).start()
    yield running
    await running.stop()


def job(service: Service) -> ForwardJob:
    inbound = message(sender="+48601123456", text="Zażółć", created_at=START)
    bindings = tuple(service.engine.bound.values())
    return ForwardJob(
        b"J" * 16, b"T" * 16, "sip", "101", "message.received", inbound, 0, START, bindings=bindings
    )


async def delivered(service: Service, phone: RawUdp | RawTcp) -> Request:
    """Deliver while the phone says 200; what it got."""
    sending = asyncio.create_task(service.forwarder.deliver(job(service)))
    request = await phone.request()
    phone.send(ok_to(request))
    assert isinstance(await sending, Accepted)
    return request


def at(service: Service, transport: str, number: int) -> tuple[str, int]:
    return [where for name, where in service.bound if name == transport][number]


async def test_a_list_opens_every_listener(service: Service) -> None:
    assert [(name, host) for name, (host, _) in service.bound] == [
        ("udp", "127.0.0.1"),
        ("udp", "::1"),
        ("tcp", "127.0.0.1"),
        ("tcp", "::1"),
    ]


async def test_a_phone_on_ipv6_registers_sends_and_is_reached(service: Service) -> None:
    address = at(service, "udp", 1)
    async with RawUdp(*address) as phone:
        reply = await signed(phone, registration(contact=f"<sip:101@[::1]:{phone.address[1]}>"))
        assert reply.status == 200
        assert f"received=::1;rport={phone.address[1]}" in reply.headers.get("via")
        assert f"sip:101@[::1]:{phone.address[1]}" in reply.headers.get("contact")
        [binding] = service.engine.bound.values()
        assert binding.source == f"[::1]:{phone.address[1]}"
        assert (await signed(phone, Ask())).status == 202
        request = await delivered(service, phone)
        assert request.headers.get("via").startswith(f"SIP/2.0/UDP [::1]:{address[1]};rport;branch=")
        assert request.uri == f"sip:101@[::1]:{phone.address[1]}"


async def test_a_phone_on_ipv6_over_tcp(service: Service) -> None:
    address = at(service, "tcp", 1)
    async with RawTcp(*address) as phone:
        assert (
            await signed(phone, registration(contact="<sip:101@[2001:db8::7];transport=tcp>"))
        ).status == 200
        request = await delivered(service, phone)
        assert request.headers.get("via").startswith(f"SIP/2.0/TCP [::1]:{address[1]};")


async def test_texts_leave_from_the_listener_that_the_phone_registered_at(clock: FakeClock) -> None:
    """A NAT lets in only what comes from where the phone has sent to."""
    service = await Service(clock, udp=["127.0.0.1:0", "127.0.0.1:0"]).start()
    for number in (0, 1):
        async with RawUdp(*at(service, "udp", number)) as phone:
            assert (await signed(phone, registration())).status == 200
            assert f":{at(service, 'udp', number)[1]};" in (await delivered(service, phone)).headers.get(
                "via"
            )
    await service.stop()


async def test_ipv4_and_ipv6_wildcards_share_a_port(clock: FakeClock) -> None:
    with udp_socket("0.0.0.0", 0) as probe:
        port = probe.getsockname()[1]
    service = await Service(clock, udp=[f"0.0.0.0:{port}", f"[::]:{port}"]).start()
    for host in ("127.0.0.1", "::1"):
        async with RawUdp(host, port) as phone:
            assert (
                await signed(phone, registration(contact=f"<sip:101@{phone.address[1]}.test>"))
            ).status == 200
    assert sorted(one.source.rpartition(":")[0] for one in service.engine.bound.values()) == [
        "127.0.0.1",
        "[::1]",
    ]
    await service.stop()


async def test_one_listener_that_cannot_be_opened_opens_none(clock: FakeClock) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, udp_socket("127.0.0.1", 0) as free:
        taken.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings = [f"127.0.0.1:{port}", f"127.0.0.1:{taken.getsockname()[1]}"]
        with pytest.raises(OSError, match="in use"):
            await Service(clock, udp=settings).start()
        udp_socket("127.0.0.1", port).close()


# --- called back ---------------------------------------------------------------------------------------------


async def _phone_that_listens() -> tuple[asyncio.Server, list[Request]]:
    got: list[Request] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = RawTcp("", 0)
        peer.reader, peer.writer = reader, writer
        request = await peer.request()
        got.append(request)
        peer.send(ok_to(request))
        await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0), got


def _bound(contact: str, clock: FakeClock) -> Binding:
    return Binding("101", contact, "127.0.0.1:9", "tcp", "tcp-earlier-1", "c", 1, clock.now() + 10**9)


async def test_after_a_restart_a_phone_without_nat_is_called_at_its_contact(clock: FakeClock) -> None:
    phone, got = await _phone_that_listens()
    contact = f"sip:101@127.0.0.1:{phone.sockets[0].getsockname()[1]};transport=tcp"
    service = await Service(clock).start()
    service.engine.bound["101", contact] = _bound(contact, clock)
    assert await service.forwarder.deliver(job(service)) == Accepted(contact)
    assert got[0].body.decode() == "Zażółć"
    assert got[0].headers.get("via").startswith("SIP/2.0/TCP")
    phone.close()
    await service.stop()


# --- settings ------------------------------------------------------------------------------------------------


def test_a_text_or_a_list() -> None:
    settings = SipSettings.model_validate({"udp": "[::1]:5060", "tcp": ["a:1", "", "[2001:db8::1]:2"]})
    assert settings.listeners() == [
        Listen("udp", "::1", 5060),
        Listen("tcp", "a", 1),
        Listen("tcp", "2001:db8::1", 2),
    ]
    assert SipSettings.model_validate({"udp": [], "tcp": ""}).listeners() == []


@pytest.mark.parametrize(
    "bad", ["::1:5060", ["127.0.0.1:1", "x"], "[127.0.0.1]:5060", 5060, [5060], "h:1,h:2"]
)
def test_what_is_no_listener(bad: object) -> None:
    with pytest.raises(ValueError, match="host:port"):
        SipSettings.model_validate({"udp": bad})
