"""The SMPP carrier against the product's simulator: texts to handsets, receipts and answers back."""

import asyncio
import contextlib

import pytest

from support.carrier import Outcomes, RecordingEvents, bound, link, part, until
from voip_sms.core.clock import SystemClock
from voip_sms.core.failures import Accepted, Uncertain
from voip_sms.core.joining import Fragment, join
from voip_sms.core.model import Sender
from voip_sms.core.segments import segment
from voip_sms.simulator import Simulator, SimulatorSettings, faults
from voip_sms.simulator.handsets import Outgoing

HANDSET, SERVICE = "+48601123456", "+48601000001"
LONG = "Zażółć gęślą jaźń 😀 " * 12
LONG_GSM = "a@b[c]€ " * 60


class World:
    """A simulator and a bound link to it, with all that the link reported."""

    def __init__(self, simulator, carrier, events):
        self.simulator, self.carrier, self.events = simulator, carrier, events
        self.outcomes = Outcomes()

    async def send(self, text, **changes):
        """Submit a text in as many parts as it takes; their outcomes, in order."""
        cut = segment(text, 20)
        pieces = (text,) if changes.pop("whole", False) else cut.parts
        before = len(self.outcomes.all)
        for no, piece in enumerate(pieces, 1):
            fields = {"no": no, "total": len(pieces), "reference": 4711, "encoding": cut.encoding}
            self.carrier.submit(part(text=piece, **(fields | changes)), self.outcomes.done)
        return (await self.outcomes.count(before + len(pieces)))[before:]

    def inbox(self, number=HANDSET):
        return self.simulator.centre.handsets.messages(number.removeprefix("+"))


@contextlib.asynccontextmanager
async def world(simulator=None, **changes):
    running = Simulator(SimulatorSettings(smpp="127.0.0.1:0", **(simulator or {})), SystemClock())
    await running.start()
    events = RecordingEvents()
    port = int(running.smpp_address.rsplit(":", 1)[1])
    carrier = link(port, events, **changes)
    await carrier.start()
    try:
        yield World(running, await bound(carrier), events)
    finally:
        await carrier.stop(1.0)
        await running.stop()


@pytest.mark.parametrize("bind", ["transceiver", "pair"])
async def test_a_text_arrives_and_its_receipt_finds_it(bind):
    async with world(bind=bind) as here:
        [outcome] = await here.send("Dzień dobry")
        assert isinstance(outcome, Accepted)
        await until(lambda: here.events.receipts)
        receipt = here.events.receipts[0]
        assert receipt.references[0] == outcome.reference
        assert (receipt.status, receipt.recipient) == ("delivered", HANDSET)
        [message] = here.inbox()
        assert (message["text"], message["from"], message["from_ton"]) == ("Dzień dobry", "ACME", 5)


@pytest.mark.parametrize("text", [LONG, LONG_GSM])
@pytest.mark.parametrize("how", ["udh", "sar", "payload"])
@pytest.mark.parametrize("alphabet", ["gsm7", "latin1"])
async def test_long_texts_come_together_letter_by_letter(text, how, alphabet):
    if alphabet == "latin1" and how != "payload":
        text = text.replace("€", "E").replace("[", "(").replace("]", ")")
    async with world({"default_alphabet": alphabet}, long=how, default_alphabet=alphabet) as here:
        outcomes = await here.send(text, whole=how == "payload")
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert len({outcome.reference for outcome in outcomes}) == len(outcomes)
        await until(lambda: len(here.events.receipts) == len(outcomes))
        [message] = here.inbox()
        assert message["text"] == text
        assert {one.references[0] for one in here.events.receipts} == {one.reference for one in outcomes}


@pytest.mark.parametrize("sender", [Sender("number", SERVICE), Sender("2way", "+48799000001", "pl")])
async def test_a_number_is_shown_as_a_number(sender):
    async with world() as here:
        await here.send("Hej", sender=sender)
        assert here.inbox()[0]["from"] == sender.value


@pytest.mark.parametrize(
    ("answers", "receipts", "id_format"),
    [
        ("hex", "dec", "auto"),
        ("dec", "hex", "auto"),
        ("hex", "dec", "hex"),
        ("dec", "hex", "dec"),
        ("text", "same", "text"),
    ],
)
async def test_1_ids_match_whatever_the_carrier_makes_of_them(answers, receipts, id_format):
    async with world({"id_format": answers, "receipt_id_format": receipts}, id_format=id_format) as here:
        [outcome] = await here.send("Hej")
        await until(lambda: here.events.receipts)
        assert outcome.reference in here.events.receipts[0].references


@pytest.mark.parametrize("how", ["udh", "sar", "payload"])
@pytest.mark.parametrize("text", ["TAK", LONG, LONG_GSM])
async def test_answers_come_back_whole(how, text):
    async with world({"long": how}) as here:
        here.simulator.centre.send(HANDSET[1:], Outgoing(to=SERVICE, text=text))
        await until(
            lambda: here.events.received and len(here.events.received) == here.events.received[0].total
        )
        parts = here.events.received
        assert {(one.sender, one.to) for one in parts} == {(HANDSET, SERVICE)}
        pieces = {one.no: Fragment(one.text, one.encoding) for one in parts}
        assert join(pieces, parts[0].total).text == text


async def test_5_a_repeated_answer_is_the_same_to_the_engine():
    async with world() as here:
        here.simulator.centre.arm(faults.DuplicateMo(fault="duplicate_mo"))
        here.simulator.centre.send(HANDSET[1:], Outgoing(to=SERVICE, text="TAK"))
        await until(lambda: len(here.events.received) == 2)
        first, second = here.events.received
        assert first == second


async def test_5_what_the_store_refused_comes_again():
    async with world({"retry_delay": 0.05}) as here:
        here.events.down = True
        here.simulator.centre.send(HANDSET[1:], Outgoing(to=SERVICE, text="TAK"))
        await until(lambda: here.events.carriers)
        assert not here.events.received
        here.events.down = False
        await until(lambda: here.events.received)


@pytest.mark.parametrize(
    ("fault", "uncertain"),
    [
        (faults.NoResponse(fault="no_response", count=1), True),
        (faults.Drop(fault="drop", count=1, when="before_response"), True),
        (faults.Drop(fault="drop", count=1, when="after_response"), False),
        (faults.Garbage(fault="garbage", count=1), True),
    ],
)
async def test_14_faults_of_the_line_end_uncertain_and_the_link_comes_back(fault, uncertain):
    async with world(response_timeout=0.5) as here:
        here.simulator.centre.arm(fault)
        [outcome] = await here.send("once")
        assert (outcome == Uncertain("no_response")) is uncertain
        await until(lambda: here.carrier.free() > 0)
        [again] = await here.send("again")
        assert isinstance(again, Accepted)
        assert [message["text"] for message in here.inbox()] == ["once", "again"]


async def test_16_a_carrier_that_goes_offline_is_bound_again():
    async with world() as here:
        here.simulator.centre.arm(faults.Offline(fault="offline"))
        await until(lambda: here.carrier.state().state == "connecting")
        assert here.carrier.free() == 0
        await asyncio.sleep(0.1)  # some tries in vain
        here.simulator.centre.clear_faults()
        await bound(here.carrier)
        assert isinstance((await here.send("back"))[0], Accepted)


async def test_13_a_thousand_parts_through_a_window_of_twenty():
    async with world(window=20) as here:
        numbers = iter(range(1000))

        def send():
            while here.carrier.free() > 0 and (number := next(numbers, None)) is not None:
                here.carrier.submit(part(number, text=f"No. {number}"), here.outcomes.done)

        here.carrier.on_free(send)
        send()
        outcomes = await here.outcomes.count(1000)
        assert len({outcome.reference for outcome in outcomes}) == 1000
        await until(lambda: len(here.events.receipts) == 1000)
        assert {one.references[0] for one in here.events.receipts} == {one.reference for one in outcomes}
        assert {message["text"] for message in here.inbox()} == {f"No. {number}" for number in range(1000)}
