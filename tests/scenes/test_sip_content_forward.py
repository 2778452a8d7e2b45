"""What octets a contact is handed: wrapped for those that write message/cpim, plain for others, receipts."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from support.fakes import START, FakeClock
from support.sip_engine import DOMAIN, FakeEngine, message, sip_account
from support.sip_raw import Ask, RawTcp, RawUdp, ok_to
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary
from voip_sms.core.ids import to_text
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.forwards import sip_body
from voip_sms.forwards.sip import SipForwarder
from voip_sms.net.sip.endpoint import Endpoint, Listen
from voip_sms.net.sip.traffic import Incoming, Reply
from voip_sms.wire.sip.cpim import Cpim, read_cpim
from voip_sms.wire.sip.imdn import Receipt, read_receipt
from voip_sms.wire.sip.messages import Request

JOB = b"J" * 16
NAME = to_text("fwd", JOB)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint(key=bytes(32), new_id=secrets.token_hex)
    yield made
    await made.close(0)


@pytest.fixture
async def forwarder(endpoint: Endpoint, clock: FakeClock) -> SipForwarder:
    engine = FakeEngine(clock.now, {"101": sip_account("101", "pw")})
    udp, tcp = await endpoint.start([Listen("udp", "127.0.0.1", 0), Listen("tcp", "127.0.0.1", 0)])
    forwarder = SipForwarder(endpoint, DOMAIN, engine, engine)
    forwarder.udp, forwarder.tcp = (udp.host, udp.port), (tcp.host, tcp.port)  # type: ignore[attr-defined]
    return forwarder


@pytest.fixture
async def phone(forwarder: SipForwarder) -> AsyncIterator[RawUdp]:
    async with RawUdp(*forwarder.udp) as peer:  # type: ignore[attr-defined]
        yield peer


def binding(source: tuple[str, int], **changes: object) -> Binding:
    usual = Binding(
        "101", "sip:101@10.0.0.9:5060", f"{source[0]}:{source[1]}", "udp", "udp0", "reg", 1, START + 10**9
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def job(*bindings: Binding, text: str | None = "Zażółć", event: str = "message.received") -> ForwardJob:
    about = message(text=text, created_at=START)
    if event != "message.received":
        about = about._replace(direction="outbound", sender="+48601000001", to="+48601123456")
    return ForwardJob(
        JOB, b"T" * 16, "sip", "101", event, about, 1, START, bindings=bindings, imdn_id="HjFsonRLpkim"
    )


async def taken(
    forwarder: SipForwarder, work: ForwardJob, peer: RawUdp | RawTcp, status: int = 200
) -> tuple[Request, Outcome]:
    """The request that came, answered with `status`, and what the hand-over came to."""
    sending = asyncio.create_task(forwarder.deliver(work))
    request = await peer.request()
    peer.send(ok_to(request, status, "X"))
    return request, await sending


def unwrapped(request: Request) -> Cpim:
    assert request.headers.get("content-type") == "message/cpim"
    return read_cpim(request.body)


@pytest.mark.parametrize(
    "knows",
    [
        {"cpim": True},
        {"agent": "Linphone-Desktop/5.2.6 (host) Debian/12 Qt/5.15 LinphoneSDK/5.3.1"},
        {"agent": "LinphoneAndroid/4.6.12 (FRD-L04) LinphoneSDK/5.1.51"},
        {"agent": "MyLinphoneAndroid/4.6"},
    ],
)
async def test_who_writes_cpim_gets_it_with_a_wish_for_receipts(
    forwarder: SipForwarder, phone: RawUdp, knows: dict[str, object]
) -> None:
    request, outcome = await taken(forwarder, job(binding(phone.address, **knows)), phone)
    assert outcome == Accepted("sip:101@10.0.0.9:5060")
    wrapped = unwrapped(request)
    assert (wrapped.message_id, wrapped.wants) == (NAME, ("delivered", "displayed"))
    assert wrapped.headers["", "from"] == "<sip:+48601123456@sms.test>"
    assert wrapped.headers["", "to"] == "<sip:101@sms.test>"
    assert wrapped.headers["", "datetime"] == "2026-11-22T10:00:00Z"
    assert wrapped.content.headers.get("content-type") == "text/plain; charset=UTF-8"
    assert wrapped.content.body.decode() == "Zażółć"


@pytest.mark.parametrize(
    "agent", ["", "Yealink SIP-T54W 96.86", "baresip v1.0", "Linphone/3.6.1 (eXosip2/4.1.0)"]
)
async def test_others_get_plain_text(forwarder: SipForwarder, phone: RawUdp, agent: str) -> None:
    request, _ = await taken(forwarder, job(binding(phone.address, agent=agent)), phone)
    assert request.headers.get("content-type") == "text/plain;charset=UTF-8"
    assert request.body.decode() == "Zażółć"


@pytest.mark.parametrize("status", [415, 488])
async def test_who_refuses_the_wrapping_gets_it_plain_at_once(
    forwarder: SipForwarder, phone: RawUdp, status: int
) -> None:
    sending = asyncio.create_task(forwarder.deliver(job(binding(phone.address, cpim=True))))
    wrapped = await phone.request()
    phone.send(ok_to(wrapped, status, "No"))
    plain = await phone.request()
    phone.send(ok_to(plain))
    assert (await sending) == Accepted("sip:101@10.0.0.9:5060")
    assert plain.headers.get("content-type") == "text/plain;charset=UTF-8"
    assert plain.body.decode() == "Zażółć"
    assert plain.headers.get("call-id") != wrapped.headers.get("call-id")


async def test_who_refuses_plain_text_too_refuses_it(forwarder: SipForwarder, phone: RawUdp) -> None:
    sending = asyncio.create_task(forwarder.deliver(job(binding(phone.address, cpim=True))))
    for _ in range(2):
        phone.send(ok_to(await phone.request(), 415, "No"))
    assert await sending == Permanent("sip_415")
    assert await phone.quiet()


async def test_a_receipt_has_no_plainer_form(forwarder: SipForwarder, phone: RawUdp) -> None:
    work = job(binding(phone.address, cpim=True), event="imdn.delivered")
    assert (await taken(forwarder, work, phone, 415))[1] == Permanent("sip_415")
    assert await phone.quiet()


async def test_a_text_that_the_wrapping_would_make_too_long_for_a_datagram_is_plain(
    forwarder: SipForwarder, phone: RawUdp
) -> None:
    text = "ą" * 250
    request, _ = await taken(forwarder, job(binding(phone.address, cpim=True), text=text), phone)
    assert request.headers.get("content-type") == "text/plain;charset=UTF-8"
    assert request.body.decode() == text


async def test_a_long_text_over_tcp_is_wrapped(forwarder: SipForwarder, endpoint: Endpoint) -> None:
    flows: list[str] = []

    def serve(incoming: Incoming) -> Reply:
        flows.append(incoming.flow)
        return Reply(200)

    endpoint.handle("MESSAGE", serve)
    async with RawTcp(*forwarder.tcp) as phone:  # type: ignore[attr-defined]
        assert (await phone.ask(Ask())).status == 200
        [flow] = flows
        one = binding(phone.address, cpim=True, transport="tcp", flow=flow)
        request, _ = await taken(forwarder, job(one, text="ą" * 3000), phone)
        assert unwrapped(request).content.body.decode() == "ą" * 3000


async def test_a_notice_of_failure_is_plain_and_asks_for_nothing(
    forwarder: SipForwarder, phone: RawUdp
) -> None:
    request, _ = await taken(forwarder, job(binding(phone.address, cpim=True), event="message.failed"), phone)
    assert request.headers.get("content-type") == "text/plain;charset=UTF-8"


@pytest.mark.parametrize("state", ["delivered", "failed", "displayed"])
async def test_a_receipt_names_the_message_as_its_sender_did(
    forwarder: SipForwarder, phone: RawUdp, state: str
) -> None:
    work = job(binding(phone.address, cpim=True), event=f"imdn.{state}", text=None)
    request, outcome = await taken(forwarder, work, phone)
    assert outcome == Accepted("sip:101@10.0.0.9:5060")
    assert len(request.encode()) < 1200, "fits into a datagram"
    assert request.headers.get("from").startswith("<sip:+48601123456@sms.test>;tag="), "in its conversation"
    wrapped = unwrapped(request)
    assert wrapped.wants == (), "never a receipt for a receipt"
    assert wrapped.content.headers.get("content-type") == "message/imdn+xml"
    assert wrapped.content.headers.get("content-disposition") == "notification"
    assert read_receipt(wrapped.content.body) == Receipt("HjFsonRLpkim", state)  # type: ignore[arg-type]
    request, _ = await taken(forwarder, replace(work, imdn_peer="sip:601123456@10.0.0.1"), phone)
    assert request.headers.get("from").startswith("<sip:601123456@10.0.0.1>;tag="), "as the phone wrote it"
    assert unwrapped(request).headers["", "from"] == "<sip:601123456@10.0.0.1>"


async def test_receipts_go_only_to_contacts_that_read_them(forwarder: SipForwarder, phone: RawUdp) -> None:
    async with RawUdp(*forwarder.udp) as other:  # type: ignore[attr-defined]
        desk = binding(other.address, contact="sip:desk", agent="Yealink", call_id="other")
        work = job(desk, binding(phone.address, cpim=True), event="imdn.delivered")
        assert (await taken(forwarder, work, phone))[1] == Accepted("sip:101@10.0.0.9:5060")
        assert await other.quiet()
        assert await forwarder.deliver(job(desk, event="imdn.delivered")) == Permanent("no_reader")


async def test_a_receipt_is_tried_once_and_not_for_long(
    forwarder: SipForwarder, phone: RawUdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = job(binding(phone.address, cpim=True), event="imdn.delivered")
    assert (await taken(forwarder, work, phone, 480))[1] == Permanent("sip_480")
    gone = binding(phone.address, cpim=True, transport="tcp", flow="tcp-lost", contact="sip:101@127.0.0.1:1")
    assert isinstance(await forwarder.deliver(job(gone, event="imdn.delivered")), Permanent)
    monkeypatch.setattr(sip_body, "RECEIPT_SECONDS", 0.1)
    assert await forwarder.deliver(work) == Permanent("sip_timeout")
    await phone.request()
    assert await forwarder.deliver(replace(work, bindings=())) == Temporary("not_registered")
    text = job(binding(phone.address, cpim=True))
    assert (await taken(forwarder, text, phone, 480))[1] == Temporary("sip_480")
