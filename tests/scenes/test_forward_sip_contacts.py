"""Several contacts, pieces and strange answers: each phone gets the text once, as far as SIP allows."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

from support.fakes import START, FakeClock
from support.sip_engine import DOMAIN, FakeEngine, message, sip_account
from support.sip_raw import RawUdp, ok_to
from support.waiting import eventually
from voip_sms.core.failures import Accepted, Outcome, Temporary
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.forwards import sip as forward_module
from voip_sms.forwards.sip import SipForwarder, phones
from voip_sms.net.sip.endpoint import Endpoint, Listen
from voip_sms.net.sip.traffic import Outgoing
from voip_sms.wire.sip.messages import Request, parse_datagram

LONG = " ".join(f"słowo-{number}" for number in range(300))
GIVES_UP = 0.3  # seconds, instead of Timer F


class Stage:
    """A forwarder on a live endpoint."""

    def __init__(self, endpoint: Endpoint, engine: FakeEngine, udp: tuple[str, int]) -> None:
        self.endpoint, self.udp = endpoint, udp
        self.forwarder = SipForwarder(endpoint, DOMAIN, engine, engine)

    def deliver(self, job: ForwardJob) -> asyncio.Task[Outcome]:
        return asyncio.create_task(self.forwarder.deliver(job))


@pytest.fixture
async def stage(clock: FakeClock) -> AsyncIterator[Stage]:
    endpoint = Endpoint(key=bytes(32), new_id=secrets.token_hex)
    [udp] = await endpoint.start([Listen("udp", "127.0.0.1", 0)])
    yield Stage(endpoint, FakeEngine(clock.now, {"101": sip_account("101", "pw")}), (udp.host, udp.port))
    await endpoint.close(0)


@pytest.fixture
async def phone(stage: Stage) -> AsyncIterator[RawUdp]:
    async with RawUdp(*stage.udp) as peer:
        yield peer


@pytest.fixture
async def other(stage: Stage) -> AsyncIterator[RawUdp]:
    async with RawUdp(*stage.udp) as peer:
        yield peer


@pytest.fixture
def gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "Outgoing", partial(Outgoing, timeout=GIVES_UP))


def at(peer: RawUdp, contact: str = "sip:101@10.0.0.9", *, call_id: str = "reg", cseq: int = 1) -> Binding:
    source = f"{peer.address[0]}:{peer.address[1]}"
    return Binding("101", contact, source, "udp", "udp0", call_id, cseq, START + 10**9)


def job(*bindings: Binding, text: str = "Zażółć", attempt: int = 1) -> ForwardJob:
    inbound = message(text=text, created_at=START)
    return ForwardJob(
        b"J" * 16, b"T" * 16, "sip", "101", "message.received", inbound, attempt, START, bindings=bindings
    )


def causes(outcome: Outcome) -> dict[str, str]:
    return {one.contact: one.cause for one in outcome.contacts}


# --- several contacts ---------------------------------------------------------------------------------------


async def test_each_contact_s_answer_is_told(stage: Stage, phone: RawUdp, other: RawUdp) -> None:
    gone = replace(at(phone, "sip:gone"), transport="tcp", flow="tcp-of-an-earlier-run")
    sending = stage.deliver(job(at(phone, "sip:one"), at(other, "sip:two"), gone))
    phone.send(ok_to(await phone.request(), 486, "Busy"))
    other.send(ok_to(await other.request(), 415, "Text?"))
    outcome = await sending
    assert isinstance(outcome, Temporary)
    assert causes(outcome) == {"sip:one": "486", "sip:two": "415", "sip:gone": "unreachable"}


async def test_a_silent_contact_does_not_hold_up_what_another_took(
    stage: Stage, phone: RawUdp, other: RawUdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_module, "PATIENCE", 0.1)
    sending = stage.deliver(job(at(phone, "sip:live"), at(other, "sip:silent")))
    first = await other.octets()
    phone.send(ok_to(await phone.request()))
    outcome = await sending
    assert outcome == Accepted("sip:live")
    assert causes(outcome) == {"sip:live": "200", "sip:silent": "no_answer"}
    assert await other.octets() == first, "it is still tried: the first copy may have been lost"


async def test_who_answers_a_little_later_is_waited_for(stage: Stage, phone: RawUdp, other: RawUdp) -> None:
    sending = stage.deliver(job(at(phone, "sip:quick"), at(other, "sip:slow")))
    phone.send(ok_to(await phone.request()))
    late = await other.request()
    await asyncio.sleep(0.1)
    other.send(ok_to(late))
    assert causes(await sending) == {"sip:quick": "200", "sip:slow": "200"}


async def test_a_phone_that_left_its_old_contact_behind_is_rung_once(stage: Stage, phone: RawUdp) -> None:
    """It gave a new Contact under the Call-ID of its registrations: RFC 3261 10.2.4."""
    old, new = at(phone, "sip:101@192.168.1.5"), at(phone, "sip:101@203.0.113.5:40001", cseq=2)
    sending = stage.deliver(job(new, old))
    request = await phone.request()
    phone.send(ok_to(request))
    assert causes(await sending) == {"sip:101@203.0.113.5:40001": "200"}
    assert await phone.quiet()


def test_different_phones_are_all_rung_wherever_they_are() -> None:
    one = Binding("101", "sip:a", "192.0.2.1:5060", "udp", "", "call-1", 7, 0)
    together = replace(one, contact="sip:b")  # in the same REGISTER
    behind_one_proxy = replace(one, contact="sip:c", call_id="call-2", cseq=1)
    elsewhere = replace(one, contact="sip:d", source="192.0.2.2:5060", cseq=9)
    every = [one, together, behind_one_proxy, elsewhere]
    assert phones(every) == every


# --- pieces -------------------------------------------------------------------------------------------------


async def test_pieces_go_on_with_the_first_that_was_not_taken(stage: Stage, phone: RawUdp) -> None:
    first = job(at(phone), text=LONG)
    sending = stage.deliver(first)
    got: list[Request] = []
    for status in (200, 200, 486):
        got.append(await phone.request())
        phone.send(ok_to(got[-1], status, "X"))
    outcome = await sending
    assert outcome == Temporary("sip_486")
    [result] = outcome.contacts
    assert LONG[: result.taken] == "".join(one.body.decode() for one in got[:2])

    second = replace(first, attempt=2, taken={result.contact: result.taken})
    sending = stage.deliver(second)
    refused = got.pop()
    while not sending.done():
        request = await phone.request()
        phone.send(ok_to(request))
        got.append(request)
        await asyncio.sleep(0.02)
    assert await sending == Accepted(result.contact)
    assert "".join(one.body.decode() for one in got) == LONG, "each piece once, in order"
    assert got[2].headers.get("call-id") == refused.headers.get("call-id"), "a phone knows it again"
    assert len({one.headers.get("call-id") for one in got}) == len(got), "and doesn't take one for another"


async def test_the_pieces_fit_beside_a_very_long_contact(stage: Stage, phone: RawUdp) -> None:
    contact = f"sip:101@10.0.0.9;x={'y' * 600}"
    sending = stage.deliver(job(at(phone, contact), text=LONG[:900]))
    text = ""
    while not sending.done():
        octets = await phone.octets()
        assert len(octets) <= 1300
        phone.send(ok_to(parsed := _request(octets)))
        text += parsed.body.decode()
        await asyncio.sleep(0.02)
    assert await sending == Accepted(contact)
    assert text == LONG[:900]


async def test_a_text_whose_pieces_all_arrived_is_not_sent_again(stage: Stage, phone: RawUdp) -> None:
    done = replace(job(at(phone), text=LONG), taken={"sip:101@10.0.0.9": len(LONG)})
    assert await stage.forwarder.deliver(done) == Accepted("sip:101@10.0.0.9")
    assert await phone.quiet()


# --- late, twice, from elsewhere ----------------------------------------------------------------------------


@pytest.mark.usefixtures("gives_up")
async def test_an_answer_after_timer_f_counts(stage: Stage, phone: RawUdp) -> None:
    sending = stage.deliver(job(at(phone)))
    request = await phone.request()
    assert await sending == Temporary("sip_timeout")
    phone.send(ok_to(request))
    await eventually(lambda: stage.endpoint.stats["client_late"] == 1)
    again = await stage.forwarder.deliver(job(at(phone), attempt=2))
    assert again == Accepted("sip:101@10.0.0.9")
    assert await phone.quiet(), "the phone has shown it already"


@pytest.mark.usefixtures("gives_up")
async def test_a_refusal_after_timer_f_changes_nothing(stage: Stage, phone: RawUdp) -> None:
    sending = stage.deliver(job(at(phone)))
    request = await phone.request()
    await sending
    phone.send(ok_to(request, 503, "Later"))
    await eventually(lambda: stage.endpoint.stats["client_late"] == 1)
    sending = stage.deliver(job(at(phone), attempt=2))
    again = await phone.request()
    phone.send(ok_to(again))
    assert await sending == Accepted("sip:101@10.0.0.9")
    assert again.headers.get("call-id") == request.headers.get("call-id")


@pytest.mark.usefixtures("gives_up")
async def test_a_late_answer_to_a_piece_is_not_forgotten(stage: Stage, phone: RawUdp) -> None:
    sending = stage.deliver(job(at(phone), text=LONG))
    first = await phone.request()
    assert await sending == Temporary("sip_timeout")
    phone.send(ok_to(first))
    await eventually(lambda: stage.endpoint.stats["client_late"] == 1)
    sending = stage.deliver(job(at(phone), text=LONG, attempt=2))
    second = await phone.request()
    assert LONG.startswith(first.body.decode() + second.body.decode())
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_an_answer_that_comes_twice_and_from_elsewhere(
    stage: Stage, phone: RawUdp, other: RawUdp
) -> None:
    sending = stage.deliver(job(at(phone)))
    answer = ok_to(await phone.request())
    other.send(answer)  # another port of the same phone
    assert await sending == Accepted("sip:101@10.0.0.9")
    phone.send(answer)
    await eventually(lambda: stage.endpoint.stats["client_stray"] == 1)
    sending = stage.deliver(replace(job(at(phone)), id=b"K" * 16))
    phone.send(ok_to(await phone.request(), 486, "Busy"))
    assert await sending == Temporary("sip_486"), "it answered the first text, not this one"


async def test_a_repeated_answer_does_not_end_a_wait_early(stage: Stage, phone: RawUdp) -> None:
    """Two texts under way to one phone: each has its own branch."""
    one, two = stage.deliver(job(at(phone))), stage.deliver(replace(job(at(phone)), id=b"K" * 16))
    first, second = await phone.request(), await phone.request()
    phone.send(ok_to(first))
    phone.send(ok_to(first))
    began = time.monotonic()
    done, _ = await asyncio.wait({one, two}, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    assert len(done) == 1
    assert time.monotonic() - began < 5
    phone.send(ok_to(second, 480, "Away"))
    assert {await one, await two} == {Accepted("sip:101@10.0.0.9"), Temporary("sip_480")}


def _request(octets: bytes) -> Request:
    found = parse_datagram(octets)
    assert isinstance(found, Request)
    return found
