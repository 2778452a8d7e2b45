"""Every fault on demand, proven from the client's side of the socket and from the handset's."""

import asyncio
import contextlib
import time

import aiohttp
import pytest

from support.smpp_raw import RawSmpp
from voip_sms.core.clock import SystemClock
from voip_sms.simulator import Simulator, SimulatorSettings
from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers, status, tlv

HANDSET, OTHER, SERVICE = "48601123456", "48602000001", "48601000001"


class World:
    """A simulator, its HTTP API, and as many SMPP clients as the test opens."""

    def __init__(self, simulator, http, stack):
        self.simulator, self._http, self._stack = simulator, http, stack

    def client(self):
        made = RawSmpp(self.simulator.smpp_address)
        self._stack.push_async_callback(self._close, made)
        return made

    async def bound(self, command=numbers.BIND_TRANSCEIVER):
        peer = self.client()
        assert (await peer.bind(command)).status == 0
        return peer

    async def call(self, method, path, body=None):
        async with self._http.request(method, path, json=body) as response:
            assert response.status in (200, 202), await response.text()
            return await response.json()

    async def fault(self, fault, **fields):
        return (await self.call("POST", "/faults", {"fault": fault, **fields}))["id"]

    async def texts(self, number=HANDSET):
        return [
            message["text"] for message in (await self.call("GET", f"/handsets/{number}/messages"))["data"]
        ]

    @staticmethod
    async def _close(made):
        with contextlib.suppress(AttributeError):  # it never got as far as a connection
            await made.close()


@pytest.fixture
def settings():
    return {}


@pytest.fixture
async def world(settings):
    simulator = Simulator(
        SimulatorSettings(smpp="127.0.0.1:0", http="127.0.0.1:0", **settings), SystemClock()
    )
    await simulator.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(simulator.stop)
        http = await stack.enter_async_context(aiohttp.ClientSession(f"http://{simulator.http_address}"))
        yield World(simulator, http, stack)


def receipted(pdu):
    return tlv.receipted_message_id(pdu.tlvs)


# --- submits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [0x58, "0x58", "ESME_RTHROTTLED", "RTHROTTLED"])
async def test_reject_answers_the_status_so_often_and_takes_nothing(world, given):
    peer = await world.bound()
    await world.fault("reject", command_status=given, count=2)
    answers = [await peer.submit(HANDSET, b"%d" % n) for n in range(3)]
    assert [answer.status for answer in answers] == [status.RTHROTTLED, status.RTHROTTLED, 0]
    assert await world.texts() == ["2"]


async def test_a_fault_for_one_number_leaves_the_others_alone(world):
    peer = await world.bound()
    await world.fault("reject", command_status=0x0B, to=f"+{HANDSET}")
    assert (await peer.submit(OTHER)).status == 0
    assert (await peer.submit(HANDSET)).status == status.RINVDSTADR


async def test_latency_delays_response_and_receipt(world):
    peer = await world.bound()
    await world.fault("latency", ms=200, count=1)
    began = time.monotonic()
    answer = await peer.submit(HANDSET)
    assert time.monotonic() - began >= 0.19
    assert receipted(await peer.deliver()) == answer.message_id
    assert peer.kinds()[-2:] == [smpp.SubmitSmResp, smpp.DeliverSm]


async def test_latency_does_not_stop_what_comes_meanwhile(world):
    peer = await world.bound()
    await world.fault("latency", ms=150)
    began = time.monotonic()
    for _ in range(20):
        peer.submit_only(HANDSET, registered_delivery=0)
    sequences = [(await peer.take(smpp.SubmitSmResp)).sequence for _ in range(20)]
    assert time.monotonic() - began < 1.5
    assert sequences == sorted(sequences)


async def test_no_response_takes_the_message_and_says_nothing(world):
    peer = await world.bound()
    await world.fault("no_response", count=1)
    peer.submit_only(HANDSET, b"lost answer")
    await peer.settled()
    assert smpp.SubmitSmResp not in peer.kinds()
    assert await world.texts() == ["lost answer"]
    assert receipted(await peer.deliver())
    assert (await peer.submit(HANDSET)).status == 0


async def test_drop_before_the_response(world):
    peer = await world.bound()
    await world.fault("drop", when="before_response", count=1)
    peer.submit_only(HANDSET, b"dropped")
    await asyncio.wait_for(peer.closed.wait(), 3)
    assert peer.kinds() == [smpp.BindResp]
    assert await world.texts() == ["dropped"]
    assert receipted(await (await world.bound()).deliver())


async def test_drop_after_the_response(world):
    peer = await world.bound()
    await world.fault("drop", when="after_response", count=1)
    answer = await peer.submit(HANDSET)
    await asyncio.wait_for(peer.closed.wait(), 3)
    assert peer.kinds() == [smpp.BindResp, smpp.SubmitSmResp]
    again = await world.bound()
    assert receipted(await again.deliver()) == answer.message_id


async def test_garbage_instead_of_a_response(world):
    peer = await world.bound()
    await world.fault("garbage", count=1)
    peer.submit_only(HANDSET)
    await asyncio.wait_for(peer.closed.wait(), 3)
    assert peer.broken is not None
    assert (await (await world.bound()).submit(HANDSET)).status == 0


async def test_garbage_on_an_idle_link_comes_with_the_enquiry(world):
    peer = await world.bound()
    await world.fault("garbage", count=1, hex="00000001")
    peer.send(smpp.EnquireLink)
    await asyncio.wait_for(peer.closed.wait(), 3)
    assert peer.broken.length == 1


# --- binds ------------------------------------------------------------------------------------------------


async def test_refuse_bind(world):
    await world.fault("refuse_bind", count=1)
    refused = world.client()
    assert (await refused.bind()).status == status.RBINDFAIL
    await asyncio.wait_for(refused.closed.wait(), 3)
    await world.bound()


async def test_offline_closes_everything_until_it_is_lifted(world):
    peer = await world.bound()
    await world.fault("offline")
    await asyncio.wait_for(peer.closed.wait(), 3)
    away = await world.client().connect()
    await asyncio.wait_for(away.closed.wait(), 3)
    await world.call("POST", f"/handsets/{HANDSET}/send", {"to": SERVICE, "text": "waiting"})
    assert (await world.call("DELETE", "/faults")) == {"removed": 1}
    assert (await (await world.bound()).deliver()).short_message == b"waiting"


async def test_a_handset_that_is_off_gets_it_later(world):
    peer = await world.bound()
    await world.fault("offline", to=HANDSET)
    answer = await peer.submit(HANDSET, b"later")
    assert (await peer.submit(OTHER, b"now")).status == 0
    await peer.deliver()
    assert (await world.texts(), await world.texts(OTHER)) == ([], ["now"])
    await world.call("DELETE", "/faults")
    assert receipted(await peer.deliver()) == answer.message_id
    assert await world.texts() == ["later"]


async def test_a_message_that_waits_can_be_cancelled(world):
    peer = await world.bound()
    await world.fault("offline", to=HANDSET)
    answer = await peer.submit(HANDSET, b"never")
    peer.send(smpp.QuerySm, answer.message_id)
    assert (await peer.take(smpp.QuerySmResp)).message_state == numbers.STATE_ENROUTE
    peer.send(smpp.CancelSm, answer.message_id)
    assert (await peer.take(smpp.CancelSmResp)).status == 0
    assert tlv.message_state((await peer.deliver()).tlvs) == numbers.STATE_DELETED
    await world.call("DELETE", "/faults")
    peer.send(smpp.CancelSm, answer.message_id)
    assert (await peer.take(smpp.CancelSmResp)).status == status.RCANCELFAIL
    assert await world.texts() == []


# --- receipts and MO --------------------------------------------------------------------------------------


async def test_the_receipt_follows_the_response(world):
    peer = await world.bound()
    answer = await peer.submit(HANDSET)
    receipt = await peer.deliver()
    assert peer.kinds() == [smpp.BindResp, smpp.SubmitSmResp, smpp.DeliverSm]
    assert (receipt.esm_class, receipted(receipt)) == (numbers.ESM_RECEIPT, answer.message_id)
    assert (receipt.source.value, receipt.dest) == (HANDSET, smpp.Address.alphanumeric("ACME"))


@pytest.mark.parametrize(("asked", "comes"), [(0, False), (1, True), (2, False)])
async def test_a_receipt_only_as_asked(world, asked, comes):
    peer = await world.bound()
    await peer.submit(HANDSET, registered_delivery=asked)
    await peer.settled()
    assert (smpp.DeliverSm in peer.kinds()) is comes


async def test_no_receipt(world):
    peer = await world.bound()
    await world.fault("no_receipt", count=1)
    await peer.submit(HANDSET, b"1")
    second = await peer.submit(HANDSET, b"2")
    assert receipted(await peer.deliver()) == second.message_id
    await peer.settled()
    assert peer.kinds().count(smpp.DeliverSm) == 1
    assert await world.texts() == ["1", "2"]


@pytest.mark.parametrize("asked", [1, 2])
async def test_receipt_with_another_outcome(world, asked):
    peer = await world.bound()
    await world.fault("receipt", stat="UNDELIV", err="069")
    answer = await peer.submit(HANDSET, registered_delivery=asked)
    receipt = await peer.deliver()
    assert receipted(receipt) == answer.message_id
    assert tlv.message_state(receipt.tlvs) == numbers.STATE_UNDELIVERABLE
    assert tlv.network_error(receipt.tlvs) == tlv.NetworkError(3, 69)
    assert b"dlvrd:000" in receipt.short_message
    assert b"stat:UNDELIV err:069" in receipt.short_message
    assert await world.texts() == []


async def test_receipt_with_a_text_of_its_own_and_no_parameters(world):
    peer = await world.bound()
    await world.fault("receipt", tlvs=False, text="id:{id} done date:0000000000 stat:FAILED")
    answer = await peer.submit(HANDSET)
    receipt = await peer.deliver()
    assert receipt.tlvs == ()
    assert receipt.short_message.decode() == f"id:{answer.message_id} done date:0000000000 stat:FAILED"


async def test_receipt_before_response(world):
    peer = await world.bound()
    await world.fault("receipt_before_response", count=1)
    answer = await peer.submit(HANDSET)
    assert receipted(await peer.deliver()) == answer.message_id
    assert peer.kinds() == [smpp.BindResp, smpp.DeliverSm, smpp.SubmitSmResp]


async def test_duplicate_receipt(world):
    peer = await world.bound()
    await world.fault("duplicate_receipt", count=1)
    answer = await peer.submit(HANDSET)
    first, second = await peer.deliver(), await peer.deliver()
    assert {receipted(first), receipted(second)} == {answer.message_id}
    assert first.sequence != second.sequence


async def test_duplicate_mo_is_the_same_but_for_its_sequence(world):
    peer = await world.bound()
    await world.fault("duplicate_mo", to=f"+{SERVICE}", count=1)
    await world.call("POST", f"/handsets/{HANDSET}/send", {"to": f"+{SERVICE}", "text": "TAK"})
    first, second = await peer.deliver(), await peer.deliver()
    assert smpp.encode(first)[16:] == smpp.encode(second)[16:]
    assert first.sequence != second.sequence
    await world.call("POST", f"/handsets/{HANDSET}/send", {"to": f"+{SERVICE}", "text": "once"})
    assert (await peer.deliver()).short_message == b"once"
    await peer.settled()
    assert peer.kinds().count(smpp.DeliverSm) == 3


async def test_faults_add_up(world):
    peer = await world.bound()
    await world.fault("latency", ms=50)
    await world.fault("receipt_before_response")
    await world.fault("duplicate_receipt")
    await peer.submit(HANDSET)
    assert peer.kinds() == [smpp.BindResp, smpp.DeliverSm, smpp.DeliverSm, smpp.SubmitSmResp]


# --- delivering until it is taken -------------------------------------------------------------------------


async def test_what_no_receiver_takes_waits_for_one(world):
    sender = await world.bound(numbers.BIND_TRANSMITTER)
    answer = await sender.submit(HANDSET)
    await world.call("POST", f"/handsets/{HANDSET}/send", {"to": SERVICE, "text": "TAK"})
    assert smpp.DeliverSm not in sender.kinds()
    receiver = await world.bound(numbers.BIND_RECEIVER)
    assert receipted(await receiver.deliver()) == answer.message_id
    assert (await receiver.deliver()).short_message == b"TAK"


async def test_what_was_not_answered_comes_again_after_a_rebind(world):
    peer = await world.bound()
    await world.call("POST", f"/handsets/{HANDSET}/send", {"to": SERVICE, "text": "TAK"})
    first = await peer.take(smpp.DeliverSm)
    await peer.close()
    second = await (await world.bound()).deliver()
    assert smpp.encode(first)[16:] == smpp.encode(second)[16:]


class TestRetries:
    @pytest.fixture
    def settings(self):
        return {"retry_delay": 0.05, "max_attempts": 3, "response_timeout": 0.2}

    @pytest.mark.parametrize(
        ("answer", "tries"), [(status.RSYSERR, 3), (status.RX_T_APPN, 3), (status.RX_P_APPN, 1), (0, 1)]
    )
    async def test_temporary_errors_are_tried_again_within_bounds(self, world, answer, tries):
        peer = await world.bound()
        await world.call("POST", f"/handsets/{HANDSET}/send", {"to": SERVICE, "text": "TAK"})
        for _ in range(tries):
            await peer.deliver(answer)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await peer.take(smpp.DeliverSm)

    async def test_no_answer_in_time_is_tried_again(self, world):
        peer = await world.bound()
        await world.call("POST", f"/handsets/{HANDSET}/send", {"to": SERVICE, "text": "TAK"})
        first = await peer.take(smpp.DeliverSm)
        second = await peer.deliver()
        assert smpp.encode(first)[16:] == smpp.encode(second)[16:]


class TestWindow:
    @pytest.fixture
    def settings(self):
        return {"window": 2}

    async def test_no_more_outstanding_than_the_window(self, world):
        peer = await world.bound()
        for n in range(4):
            await world.call("POST", f"/handsets/{HANDSET}/send", {"to": SERVICE, "text": str(n)})
        await peer.settled()
        assert peer.kinds().count(smpp.DeliverSm) == 2
        assert [(await peer.deliver()).short_message for _ in range(4)] == [b"0", b"1", b"2", b"3"]


# --- the protocol -----------------------------------------------------------------------------------------


async def test_a_receiver_may_not_submit(world):
    peer = await world.bound(numbers.BIND_RECEIVER)
    assert (await peer.submit(HANDSET)).status == status.RINVBNDSTS


async def test_nobody_submits_before_a_bind(world):
    peer = await world.client().connect()
    assert (await peer.submit(HANDSET)).status == status.RINVBNDSTS


async def test_a_second_bind_on_one_connection_is_refused_and_the_first_lives_on(world):
    peer = await world.bound()
    peer.write(smpp.Bind(numbers.BIND_TRANSCEIVER, 1, "sim", "sim"))
    assert (await peer.take(smpp.BindResp)).status == status.RALYBND
    assert (await peer.submit(HANDSET)).status == 0


async def test_unbind_is_answered_and_closes(world):
    peer = await world.bound()
    peer.send(smpp.Unbind)
    await peer.take(smpp.UnbindResp)
    await asyncio.wait_for(peer.closed.wait(), 3)


async def test_unknown_commands_get_a_nack(world):
    peer = await world.bound()
    peer.write(smpp.Unknown(0x00000021, 77))
    assert await peer.take(smpp.GenericNack) == smpp.GenericNack(77, status.RINVCMDID)
    peer.write(smpp.Unknown(0x80000021, 78))
    await peer.settled()
    assert peer.kinds().count(smpp.GenericNack) == 1


async def test_a_malformed_submit_is_refused_and_the_bind_lives_on(world):
    peer = await world.bound()
    peer.write(smpp.Unknown(numbers.SUBMIT_SM, 77, 0, b"no end"))
    assert await peer.take(smpp.SubmitSmResp) == smpp.SubmitSmResp(77, "", status.RINVCMDLEN)
    assert (await peer.submit(HANDSET)).status == 0


async def test_a_bad_length_closes_the_bind_after_what_came_before(world):
    peer = await world.bound()
    good = smpp.encode(smpp.EnquireLink(5))
    peer.write(good + b"\0\0\0\x04" + good)
    await peer.take(smpp.EnquireLinkResp)
    await peer.take(smpp.GenericNack)
    await asyncio.wait_for(peer.closed.wait(), 3)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"to": "+48601"}, status.RINVDSTADR),
        ({"source": smpp.Address.alphanumeric("TWELVE CHARS")}, status.RINVSRCADR),
        ({"text": b"x" * 161}, status.RINVMSGLEN),
        ({"text": b"x" * 142, "data_coding": 8}, status.RINVMSGLEN),
        ({"tlvs": (smpp.Tlv(numbers.TAG_MESSAGE_PAYLOAD, b"x"),)}, status.ROPTPARNOTALLWD),
        ({"text": bytes.fromhex("050003010201") + b"x", "esm_class": 0x40, "tlvs": tlv.of_sar(1, 2, 1)}, status.RINVESMCLASS),
    ],
    ids=["plus", "name", "septets", "ucs2", "payload twice", "parts twice"],
)  # fmt: skip
async def test_a_strict_carrier(world, fields, expected):
    peer = await world.bound()
    to = fields.pop("to", HANDSET)
    address = smpp.Address(1, 1, to)
    sequence = peer.send(
        smpp.SubmitSm, fields.pop("source", smpp.Address.alphanumeric("ACME")), address, fields.pop("text", b"x"), **fields
    )  # fmt: skip
    answer = await peer.take(smpp.SubmitSmResp)
    assert (answer.sequence, answer.status) == (sequence, expected)


async def test_parts_are_joined_in_any_order_and_once(world):
    peer = await world.bound()
    for n in (3, 1, 3, 2):
        header = bytes((5, 0, 3, 9, 3, n))
        await peer.submit(HANDSET, header + b"part%d " % n, esm_class=numbers.ESM_UDHI)
    assert await world.texts() == ["part1 part2 part3 "]


async def test_a_payload_is_one_message(world):
    peer = await world.bound()
    payload = smpp.Tlv(numbers.TAG_MESSAGE_PAYLOAD, b"long " * 100)
    assert (await peer.submit(HANDSET, b"", tlvs=(payload,))).status == 0
    assert await world.texts() == ["long " * 100]


class TestHabits:
    @pytest.fixture
    def settings(self):
        return {"receipt_id_format": "dec", "default_alphabet": "latin1", "long": "sar"}

    async def test_ids_in_receipts_may_be_decimal_where_responses_are_hex(self, world):
        peer = await world.bound()
        answer = await peer.submit(HANDSET)
        assert receipted(await peer.deliver()) == str(int(answer.message_id, 16))

    async def test_data_coding_0_may_be_latin1(self, world):
        peer = await world.bound()
        await peer.submit(HANDSET, b"caf\xe9 @")
        assert await world.texts() == ["café @"]

    async def test_long_texts_may_come_by_sar(self, world):
        peer = await world.bound()
        body = {"to": SERVICE, "text": "a" * 200, "parts_order": [2, 1]}
        await world.call("POST", f"/handsets/{HANDSET}/send", body)
        parts = [await peer.deliver(), await peer.deliver()]
        assert [tlv.sar(pdu.tlvs).sequence for pdu in parts] == [2, 1]
        assert [pdu.short_message for pdu in parts] == [b"a" * 47, b"a" * 153]
        assert all(pdu.esm_class == 0 for pdu in parts)


class TestSlowStart:
    @pytest.fixture
    def settings(self):
        return {"idle_timeout": 0.5}

    async def test_a_silent_bind_is_closed(self, world):
        peer = await world.bound()
        await asyncio.wait_for(peer.closed.wait(), 3)
