"""A text for a phone on an Asterisk, against a PBX that answers in every way there is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from support.ari import FakeAri, Fault
from support.fakes import START
from support.sip_engine import message
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.model import ForwardJob
from voip_sms.forwards.pbx import OCTETS, PbxForwarder
from voip_sms.net.ari import Ari

PUT = ("PUT", "sendMessage")
TAKEN = Accepted("PJSIP/101", handed_to="PBX")


@dataclass
class Pbx:
    fake: FakeAri
    forwarder: PbxForwarder

    async def deliver(self, work: ForwardJob, status: int | str = 204) -> Outcome:
        self.fake.faults[PUT] = Fault(status)
        return await self.forwarder.deliver(work)


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    fake = FakeAri()
    await fake.start()
    ari = Ari(fake.settings(), deadline=0.3)
    yield Pbx(fake, PbxForwarder(ari, "PJSIP/{user}"))
    await ari.close()
    await fake.stop()


def job(
    text: str | None = "Zażółć", sender: str = "+48601123456", event: str = "message.received"
) -> ForwardJob:
    inbound = message(sender=sender, text=text, created_at=START)
    return ForwardJob(b"J" * 16, b"T" * 16, "sip", "101", event, inbound, 1, START, via="asterisk")


async def test_the_pbx_gets_the_text_its_author_and_its_hour(pbx: Pbx) -> None:
    assert await pbx.deliver(job()) == TAKEN
    assert pbx.fake.requests == [("PUT", "endpoints/PJSIP/101/sendMessage")]
    (body,) = pbx.fake.bodies
    assert (body["from"], body["body"]) == ("+48601123456", "Zażółć")
    assert body["variables"].keys() == {"Date"}
    assert body["variables"]["Date"].endswith(" GMT")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, TAKEN),
        (404, Temporary("not_registered")),
        (400, Permanent("pbx_refused", "400 told to fail")),
        (401, Temporary("pbx_refused", "401 user or password is not that of ari.conf")),
        (403, Temporary("pbx_refused", "403 this ARI user may only read; set read_only=no")),
        (500, Temporary("pbx_refused", "500 told to fail")),
        ("hang", Uncertain("no_answer", "no answer within 0.3 s")),
    ],
)
async def test_what_an_answer_means(pbx: Pbx, status: int | str, outcome: Outcome) -> None:
    assert await pbx.deliver(job(), status) == outcome


async def test_a_pbx_that_is_away_is_tried_again(pbx: Pbx) -> None:
    await pbx.fake.stop()
    outcome = await pbx.deliver(job())
    assert isinstance(outcome, Temporary)
    assert outcome.cause == "unreachable"


async def test_what_it_can_not_carry_is_not_tried(pbx: Pbx) -> None:
    assert await pbx.deliver(job(text=None)) == Permanent("text_gone")
    assert await pbx.deliver(job(event="imdn.delivered")) == Permanent("no_reader")
    assert not pbx.fake.requests


async def test_a_long_text_goes_in_pieces_in_order_and_stops_at_the_first_that_is_refused(pbx: Pbx) -> None:
    text = "słowo " * 300
    assert await pbx.deliver(job(text=text)) == TAKEN
    pieces = [body["body"] for body in pbx.fake.bodies]
    assert "".join(pieces) == text
    assert 2 < len(pieces) == len([one for one in pieces if len(one.encode()) <= OCTETS])
    pbx.fake.bodies.clear()
    assert await pbx.deliver(job(text=text), 404) == Temporary("not_registered")
    assert len(pbx.fake.bodies) == 1


async def test_the_next_try_goes_on_after_what_was_taken(pbx: Pbx) -> None:
    text = "słowo " * 300
    work = job(text=text)
    pbx.fake.faults[PUT] = Fault(204, 1)
    outcome = await pbx.forwarder.deliver(work)  # the second piece finds no such endpoint
    assert isinstance(outcome, Temporary)
    ((contact, cause, taken),) = [(one.contact, one.cause, one.taken) for one in outcome.contacts]
    assert (contact, cause) == ("PJSIP/101", "not_registered")
    assert 0 < taken < len(text)
    first = pbx.fake.bodies[0]["body"]
    pbx.fake.bodies.clear()
    assert await pbx.deliver(replace(work, taken={contact: taken})) == TAKEN
    assert first + "".join(body["body"] for body in pbx.fake.bodies) == text


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("ACME", "ACME"),
        ("Jan & Co.", "Jan%20&%20Co."),
        ("x\r\nX-Evil: 1", "x%0D%0AX-Evil%3A%201"),
        ("a@b;c<d>", "a%40b%3Bc%3Cd%3E"),
        ("sip:102", "102"),
    ],
)
async def test_an_author_is_a_name_and_nothing_else(pbx: Pbx, sender: str, shown: str) -> None:
    await pbx.deliver(job(sender=sender))
    assert pbx.fake.bodies[0]["from"] == shown


async def test_half_a_surrogate_pair_is_no_fault(pbx: Pbx) -> None:
    assert await pbx.deliver(job(text="a\ud83dz")) == TAKEN
    assert pbx.fake.bodies[0]["body"] == "a?z"


async def test_a_notice_of_failure_comes_from_the_number_that_was_written_to(pbx: Pbx) -> None:
    sent = message(text="Będę", sender="+48601000001")._replace(to="+48601123456")
    failed = replace(job(event="message.undelivered"), message=sent, created_at=START + 10**6)
    assert await pbx.deliver(failed) == TAKEN
    assert pbx.fake.bodies[0]["from"] == "+48601123456"
    assert "+48601123456 was not delivered" in pbx.fake.bodies[0]["body"]


async def test_a_dozen_at_once_are_a_dozen(pbx: Pbx) -> None:
    outcomes = await asyncio.gather(*(pbx.deliver(job(text=f"text {number}")) for number in range(12)))
    assert outcomes == [TAKEN] * 12
    assert {body["body"] for body in pbx.fake.bodies} == {f"text {number}" for number in range(12)}
