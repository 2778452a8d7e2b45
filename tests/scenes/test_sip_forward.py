"""Inbound SMS to phones over real sockets: what a phone receives, and what each of its answers means."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fakes import START, FakeClock
from support.sip_engine import DOMAIN, FakeEngine, message, sip_account
from support.sip_raw import RawTcp, RawUdp, ok_to
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.forwards import sip as forward_module
from voip_sms.forwards.sip import SipForwarder
from voip_sms.forwards.sip_texts import pieces
from voip_sms.net.sip.endpoint import Endpoint, Listen
from voip_sms.wire.sip.messages import Request, Response, parse_datagram


class Stage:
    """A forwarder on a live endpoint, with the registrations it may drop from."""

    def __init__(
        self, endpoint: Endpoint, engine: FakeEngine, udp: tuple[str, int], tcp: tuple[str, int]
    ) -> None:
        self.endpoint, self.engine, self.udp, self.tcp = endpoint, engine, udp, tcp
        self.forwarder = SipForwarder(endpoint, DOMAIN, engine, engine)


@pytest.fixture
async def stage(clock: FakeClock) -> AsyncIterator[Stage]:
    endpoint = Endpoint(key=bytes(32), new_id=secrets.token_hex)
    udp, tcp = await endpoint.start([Listen("udp", "127.0.0.1", 0), Listen("tcp", "127.0.0.1", 0)])
    engine = FakeEngine(clock.now, {"101": sip_account("101", "pw")})
    yield Stage(endpoint, engine, (udp.host, udp.port), (tcp.host, tcp.port))
    await endpoint.close(0)


def binding(
    source: tuple[str, int],
    transport: str = "udp",
    flow: str = "udp0",
    contact: str = "sip:101@10.0.0.9:5060",
) -> Binding:
    return Binding("101", contact, f"{source[0]}:{source[1]}", transport, flow, "reg", 1, START + 10**9)  # type: ignore[arg-type]


def job(
    *bindings: Binding, text: str | None = "Zażółć", sender: str = "+48601123456", attempt: int = 0
) -> ForwardJob:
    inbound = message(sender=sender, text=text, created_at=START)
    return ForwardJob(
        b"J" * 16, b"T" * 16, "sip", "101", "message.received", inbound, attempt, START, bindings=bindings
    )


async def delivered(stage: Stage, work: ForwardJob, *answers: tuple[RawUdp, int]) -> Outcome:
    """Deliver while each phone answers what it is told to."""

    async def answer(phone: RawUdp, status: int) -> None:
        phone.send(ok_to(await phone.request(), status, "X"))

    sending = asyncio.create_task(stage.forwarder.deliver(work))
    await asyncio.gather(*(answer(phone, status) for phone, status in answers))
    return await sending


@pytest.fixture
async def phone(stage: Stage) -> AsyncIterator[RawUdp]:
    async with RawUdp(*stage.udp) as peer:
        yield peer


async def test_what_the_phone_sees(stage: Stage, phone: RawUdp) -> None:
    sending = asyncio.create_task(stage.forwarder.deliver(job(binding(phone.address))))
    request = await phone.request()
    phone.send(ok_to(request))
    assert await sending == Accepted("sip:101@10.0.0.9:5060")
    headers = request.headers
    assert request.uri == "sip:101@10.0.0.9:5060", "the contact; the datagram went where REGISTER came from"
    assert headers.get("to") == "<sip:101@sms.test>"
    assert headers.get("from").startswith("<sip:+48601123456@sms.test>;tag=")
    assert headers.get("content-type") == "text/plain;charset=UTF-8"
    assert headers.get("date") == "Sun, 22 Nov 2026 10:00:00 GMT"
    assert request.body.decode() == "Zażółć"


async def test_a_notice_of_failure_comes_from_the_number_that_was_written_to(
    stage: Stage, phone: RawUdp
) -> None:
    failed = message(sender="+48601000001", text="Do zobaczenia", created_at=START - 10**9)._replace(
        direction="outbound",
        to="+48601123456",
        error_code="undelivered",
    )
    work = replace(job(binding(phone.address)), message=failed, event="message.undelivered", language="pl")
    sending = asyncio.create_task(stage.forwarder.deliver(work))
    request = await phone.request()
    phone.send(ok_to(request))
    assert await sending == Accepted("sip:101@10.0.0.9:5060")
    assert request.headers.get("from").startswith("<sip:+48601123456@sms.test>;tag=")
    assert request.headers.get("date") == "Sun, 22 Nov 2026 10:00:00 GMT"
    assert "nie został doręczony" in request.body.decode()
    assert "Do zobaczenia" in request.body.decode()


async def test_a_second_try_is_the_same_text_to_the_phone(stage: Stage, phone: RawUdp) -> None:
    seen: list[Request] = []
    for attempt in (0, 1):
        sending = asyncio.create_task(stage.forwarder.deliver(job(binding(phone.address), attempt=attempt)))
        seen.append(await phone.request())
        phone.send(ok_to(seen[-1], 480))
        await sending
    first, second = (r.headers for r in seen)
    assert (first.get("call-id"), first.get("from")) == (second.get("call-id"), second.get("from"))
    assert (first.get("cseq"), second.get("cseq")) == ("1 MESSAGE", "2 MESSAGE")


async def test_a_name_as_sender_can_not_break_the_header(stage: Stage, phone: RawUdp) -> None:
    sending = asyncio.create_task(
        stage.forwarder.deliver(job(binding(phone.address), sender='Bank "X"; <a@b>\r\nX: y'))
    )
    request = await phone.request()
    phone.send(ok_to(request))
    await sending
    assert request.headers.get("from").startswith(
        "<sip:Bank%20%22X%22%3B%20%3Ca%40b%3E%0D%0AX%3A%20y@sms.test>;tag="
    )


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Accepted("sip:101@10.0.0.9:5060")),
        (202, Accepted("sip:101@10.0.0.9:5060")),
        (408, Temporary("sip_408")),
        (477, Temporary("sip_477")),
        (480, Temporary("sip_480")),
        (486, Temporary("sip_486")),
        (500, Temporary("sip_500")),
        (503, Temporary("sip_503")),
        (600, Temporary("sip_600")),
        (404, Temporary("sip_404")),
        (410, Temporary("sip_410")),
        (403, Permanent("sip_403")),
        (405, Permanent("sip_405")),
        (415, Permanent("sip_415")),
        (488, Permanent("sip_488")),
        (603, Permanent("sip_603")),
        (302, Permanent("sip_302")),
    ],
)
async def test_what_an_answer_means(stage: Stage, phone: RawUdp, status: int, outcome: Outcome) -> None:
    assert await delivered(stage, job(binding(phone.address)), (phone, status)) == outcome
    assert stage.engine.dropped == (["sip:101@10.0.0.9:5060"] if status in {404, 410} else [])


async def test_retry_after_is_passed_on(stage: Stage, phone: RawUdp) -> None:
    sending = asyncio.create_task(stage.forwarder.deliver(job(binding(phone.address))))
    reply = ok_to(await phone.request(), 503, "Later")
    pairs = [*reply.headers, ("retry-after", "120 (rebooting);duration=9")]
    phone.send(Response(503, "Later", type(reply.headers)(pairs)))
    assert await sending == Temporary("sip_503", retry_after=120)


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (200, 415, Accepted("sip:one")),
        (480, 200, Accepted("sip:two")),
        (415, 480, Temporary("sip_480")),
        (404, 415, Temporary("sip_404")),
        (415, 488, Permanent("sip_415")),
    ],
)
async def test_several_contacts(
    stage: Stage, phone: RawUdp, first: int, second: int, outcome: Outcome
) -> None:
    async with RawUdp(*stage.udp) as other:
        work = job(binding(phone.address, contact="sip:one"), binding(other.address, contact="sip:two"))
        assert await delivered(stage, work, (phone, first), (other, second)) == outcome


async def test_no_contact_and_silent_contact(
    stage: Stage, phone: RawUdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await stage.forwarder.deliver(job()) == Temporary("not_registered")
    assert await stage.forwarder.deliver(job(binding(phone.address), text=None)) == Permanent("text_gone")
    monkeypatch.setattr(forward_module, "DEADLINE", 0.2)
    assert await stage.forwarder.deliver(job(binding(phone.address))) == Temporary("sip_timeout")


async def test_a_contact_on_a_lost_connection_is_unreachable_at_once(stage: Stage) -> None:
    flow = "tcp-of-an-earlier-run-7"
    async with asyncio.timeout(1):
        outcome = await stage.forwarder.deliver(job(binding(("127.0.0.1", 5060), "tcp", flow)))
    assert outcome == Temporary("sip_unreachable")


LONG = "Ala ma kota, a kot ma Alę. " * 60


async def test_a_long_text_goes_over_the_phone_s_connection_whole(stage: Stage) -> None:
    async with RawTcp(*stage.tcp) as phone:
        phone.send(b"\r\n\r\n")
        await phone.reader.readexactly(2)
        [flow] = stage.endpoint._connections._flows
        sending = asyncio.create_task(
            stage.forwarder.deliver(job(binding(phone.address, "tcp", flow), text=LONG))
        )
        request = await phone.request()
        phone.send(ok_to(request))
        assert request.body.decode() == LONG
        assert await sending == Accepted("sip:101@10.0.0.9:5060")


async def test_a_long_text_to_a_phone_on_udp_tries_tcp_first(stage: Stage, phone: RawUdp) -> None:
    got: list[Request] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = RawTcp("", 0)
        peer.reader, peer.writer = reader, writer
        got.append(await peer.request())
        peer.send(ok_to(got[0]))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, *phone.address)
    assert await stage.forwarder.deliver(job(binding(phone.address), text=LONG)) == Accepted(
        "sip:101@10.0.0.9:5060"
    )
    assert got[0].body.decode() == LONG
    assert await phone.quiet()
    server.close()


async def test_a_long_text_to_a_phone_on_udp_only_comes_in_pieces_in_order(
    stage: Stage, phone: RawUdp
) -> None:
    sending = asyncio.create_task(stage.forwarder.deliver(job(binding(phone.address), text=LONG)))
    got: list[bytes] = []
    while not sending.done():
        octets = asyncio.ensure_future(phone.octets())
        await asyncio.wait({octets, sending}, return_when=asyncio.FIRST_COMPLETED)
        if not octets.done():
            octets.cancel()
            break
        assert len(octets.result()) <= 1300
        request = parse_datagram(octets.result())
        assert isinstance(request, Request)
        got.append(request.body)
        phone.send(ok_to(request))
        await asyncio.sleep(0.01)
    assert await sending == Accepted("sip:101@10.0.0.9:5060")
    assert b"".join(got).decode() == LONG
    assert len(got) > 3


async def test_a_refused_piece_ends_the_text(stage: Stage, phone: RawUdp) -> None:
    work = replace(job(binding(phone.address)), message=message(text=LONG, created_at=START))
    assert await delivered(stage, work, (phone, 486)) == Temporary("sip_486")
    assert await phone.quiet()


@given(st.text(st.characters(codec="utf-8"), max_size=400), st.integers(4, 60))
def test_pieces_lose_nothing(text: str, octets: int) -> None:
    cut = pieces(text, octets)
    assert "".join(cut) == text
    assert all(len(piece.encode()) <= octets for piece in cut)
    assert len(cut) == 1 or all(cut)
