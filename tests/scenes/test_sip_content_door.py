"""Bodies other than plain text at the SIP door: what is submitted, what is a receipt, and what each reply is."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from support.fakes import FakeClock
from support.sip_engine import DOMAIN
from support.sip_raw import Ask, RawTcp, RawUdp, authorized
from support.sip_service import Service, signed
from voip_sms.core.clock import MINUTE, SECOND
from voip_sms.core.model import ReceiptRequest
from voip_sms.wire.sip.content import ACCEPT
from voip_sms.wire.sip.imdn import Receipt
from voip_sms.wire.sip.messages import Response

HEAD = (
    b"From: <sip:101@sms.test>\r\nTo: <sip:601123456@sms.test>\r\nDateTime: 2026-11-22T10:00:00Z\r\n"
    b"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: HjFsonRLpkim\r\n"
)
WANTS = b"imdn.Disposition-Notification: positive-delivery, negative-delivery, display\r\n"
TEXT = b"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: 3\r\n\r\nhej"
RECEIPT = (
    b"<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id>fwd_1</message-id>"
    b"<display-notification><status><displayed/></status></display-notification></imdn>"
)
INNER_RECEIPT = b"\r\nContent-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n" + RECEIPT
COMPOSING = b"<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state></isComposing>"


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    running = await Service(clock).start()
    yield running
    await running.stop()


@pytest.fixture
async def phone(service: Service) -> AsyncIterator[RawUdp]:
    async with RawUdp(*service.udp) as peer:
        yield peer


async def send(peer: RawUdp | RawTcp, body: bytes, *headers: str) -> Response:
    return await signed(peer, Ask(body=body, headers=headers))


async def register(peer: RawUdp | RawTcp, contact: str = "<sip:101@192.168.7.7:5060>") -> None:
    aor = f"<sip:101@{DOMAIN}>"
    ask = Ask("REGISTER", f"sip:{DOMAIN}", "", f"{aor};tag=r", aor, headers=(f"Contact: {contact}",))
    assert (await peer.ask(authorized(ask, await peer.ask(ask), "101", "pw101"))).status == 200


CPIM = "Content-Type: message/cpim"


async def test_a_linphone_s_chat_is_an_sms_with_a_wish_for_receipts(service: Service, phone: RawUdp) -> None:
    assert (await send(phone, HEAD + WANTS + TEXT, CPIM)).status == 202
    [submission] = service.engine.submissions
    assert submission.text == "hej"
    assert submission.receipts == ReceiptRequest(
        "HjFsonRLpkim", ("delivered", "failed", "displayed"), "sip:601123456@sms.test"
    )
    assert submission.recipients == ("sip:601123456@sms.test",), "the Request-URI, not what CPIM says"


@pytest.mark.parametrize("head", [HEAD, b"From: <sip:101@sms.test>\r\n" + WANTS])
async def test_without_a_name_or_a_wish_there_are_no_receipts(
    service: Service, phone: RawUdp, head: bytes
) -> None:
    assert (await send(phone, head + TEXT, CPIM)).status == 202
    assert service.engine.submissions[0].receipts is None


async def test_a_prelude_without_headers_of_its_own(service: Service, phone: RawUdp) -> None:
    assert (await send(phone, HEAD + b"\r\nhej", CPIM)).status == 202
    assert service.engine.submissions[0].text == "hej"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (zlib.compress("Zażółć".encode()), ("Content-Type: text/plain", "Content-Encoding: deflate")),
        (gzip.compress("Zażółć".encode(), mtime=0), ("Content-Type: text/plain", "e: gzip")),
        (
            b"--x\r\nContent-Type: text/html\r\n\r\n<b>no</b>\r\n--x\r\nContent-Type: text/plain\r\n\r\n"
            + "Zażółć".encode()
            + b"\r\n--x--",
            ("Content-Type: multipart/alternative;boundary=x",),
        ),
        ("<p>Zażółć</p>".encode("cp1250"), ("Content-Type: text/html;charset=windows-1250",)),
    ],
)
async def test_wrapped_texts(service: Service, phone: RawUdp, body: bytes, headers: tuple[str, ...]) -> None:
    assert (await send(phone, body, *headers)).status == 202
    assert service.engine.submissions[0].text == "Zażółć"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (RECEIPT, ("Content-Type: message/imdn+xml",)),
        (HEAD + INNER_RECEIPT, (CPIM,)),
        (HEAD + WANTS + INNER_RECEIPT, (CPIM,)),
        (zlib.compress(HEAD + INNER_RECEIPT), (CPIM, "Content-Encoding: deflate")),
    ],
)
async def test_receipts_are_taken_and_are_never_an_sms(
    service: Service, phone: RawUdp, body: bytes, headers: tuple[str, ...]
) -> None:
    assert (await send(phone, body, *headers)).status == 200
    assert service.engine.receipts == [("101", Receipt("fwd_1", "displayed"))]
    assert service.engine.submissions == []


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (COMPOSING, ("Content-Type: application/im-iscomposing+xml",)),
        (HEAD + b"\r\nContent-Type: application/im-iscomposing+xml\r\n\r\n" + COMPOSING, (CPIM,)),
        (b"", (CPIM,)),
        (HEAD + b"\r\nContent-Type: text/plain\r\n\r\n", (CPIM,)),
        (b"<imdn><!-- broken", ("Content-Type: message/imdn+xml",)),
    ],
)
async def test_what_nobody_would_read_is_taken_and_nothing_is_sent(
    service: Service, phone: RawUdp, body: bytes, headers: tuple[str, ...]
) -> None:
    assert (await send(phone, body, *headers)).status == 200
    assert (service.engine.submissions, service.engine.receipts) == ([], [])


@pytest.mark.parametrize(
    ("body", "headers", "answer"),
    [
        (b"x", ("Content-Type: application/pdf", "Content-Encoding: br"), (415, "accept-encoding")),
        (b"x", ("Content-Type: application/vnd.3gpp.sms",), (415, "accept")),
        (HEAD + b"\r\nContent-Type: application/pdf\r\n\r\n%PDF", (CPIM,), (415, "accept")),
        (b"no headers", (CPIM,), (400, "")),
        (
            gzip.compress(bytes(100_000), mtime=0),
            ("Content-Type: text/plain", "Content-Encoding: gzip"),
            (413, ""),
        ),
    ],
)
async def test_refusals(
    service: Service, phone: RawUdp, body: bytes, headers: tuple[str, ...], answer: tuple[int, str]
) -> None:
    reply = await send(phone, body, *headers)
    lists = {"accept": ", ".join(ACCEPT), "accept-encoding": "gzip, deflate, identity"}
    status, name = answer
    assert reply.status == status
    assert {key: reply.headers.get(key) for key in lists if key in reply.headers} == (
        {name: lists[name]} if name else {}
    )
    assert service.engine.submissions == []


async def test_a_receipt_is_stored_before_it_is_acknowledged(service: Service, phone: RawUdp) -> None:
    service.engine.refuse_registrations = "store_unavailable"
    reply = await send(phone, RECEIPT, "Content-Type: message/imdn+xml")
    assert (reply.status, reply.headers.get("retry-after")) == (503, "5")


async def test_a_phone_that_writes_cpim_is_known_by_it(service: Service, phone: RawUdp) -> None:
    await send(phone, HEAD + TEXT, CPIM, "User-Agent: Sonde/1")
    await send(phone, HEAD + TEXT, CPIM)
    assert len(service.engine.writers) == 1, "none of its contacts: asked of the database once a minute"
    service.clock.advance(61)
    await send(phone, HEAD + TEXT, CPIM)
    assert len(service.engine.writers) == 2
    await register(phone)
    service.clock.advance(61)
    for _ in range(3):
        await send(phone, HEAD + TEXT, CPIM, "User-Agent: Sonde/1")
    assert len(service.engine.writers) == 3, "then it is known"
    assert service.engine.writers[0].agent == "Sonde/1"
    assert service.engine.writers[0].source == f"127.0.0.1:{phone.address[1]}"
    service.clock.advance(11 * MINUTE / SECOND)
    await send(phone, HEAD + INNER_RECEIPT, CPIM)
    assert len(service.engine.writers) == 4
    await send(phone, b"plain")
    assert len(service.engine.writers) == 4


async def test_options_names_what_is_read(phone: RawUdp) -> None:
    reply = await phone.ask(Ask("OPTIONS", f"sip:{DOMAIN}", b""))
    assert reply.headers.get("accept") == ", ".join(ACCEPT)
    assert reply.headers.get("accept-encoding") == "gzip, deflate, identity"


async def test_the_same_over_tcp_in_two_pieces(service: Service) -> None:
    async with RawTcp(*service.tcp) as peer:
        ask = Ask(body=HEAD + WANTS + TEXT, headers=(CPIM,))
        octets = authorized(ask, await peer.ask(ask), "101", "pw101").octets("TCP")
        peer.send(octets[:-40])
        peer.send(octets[-40:])
        assert (await peer.reply()).status == 202
    assert service.engine.submissions[0].text == "hej"
