"""The SMPP carrier against an SMSC that misbehaves on demand, on real sockets and both event loops."""

import asyncio
import contextlib
import inspect
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator

import pytest
import structlog
import uvloop

from support.carrier import Outcomes, RecordingEvents, bound, link, part, until
from support.smsc import ScriptedSmsc, accept_submit, refusing_bind, refusing_submit, silent
from voip_sms.carriers.smpp.intake import LIMIT
from voip_sms.carriers.smpp.keeper import Pauses
from voip_sms.carriers.smpp.link import LinkContext, SmppLink
from voip_sms.core.directory import Carrier
from voip_sms.core.failures import Accepted, Permanent, Temporary, Uncertain
from voip_sms.net.reconnect import BackOff
from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers, tlv
from voip_sms.wire.smpp import status as codes

HANDSET = smpp.Address(1, 1, "48601123456")
OURS = smpp.Address(1, 1, "48601000001")


@pytest.fixture
async def smsc() -> AsyncIterator[ScriptedSmsc]:
    async with ScriptedSmsc() as one:
        yield one


@pytest.fixture
def events() -> RecordingEvents:
    return RecordingEvents()


@contextlib.asynccontextmanager
async def running(smsc, events=None, **changes) -> AsyncIterator[SmppLink]:
    carrier = link(smsc.port, events, **changes)
    await carrier.start()
    try:
        yield carrier
    finally:
        await carrier.stop(0.0)


def deliver(sequence=1, text=b"Hej", esm_class=0, **fields):
    return smpp.DeliverSm(sequence, HANDSET, OURS, text, esm_class, **fields)


RECEIPT = deliver(9, b"id:1 stat:DELIVRD err:000", numbers.ESM_RECEIPT)


# --- binding -----------------------------------------------------------------------------------------------------------


async def test_it_binds_with_what_was_set_and_says_so(smsc):
    async with running(smsc, system_id="acme", password="s3cret-longer", system_type="VMA") as carrier:
        assert carrier.state().state == "connecting"
        assert carrier.free() == 0
        await bound(carrier)
        [bind] = await (await smsc.bound()).got(smpp.Bind)
        assert (bind.command, bind.system_id, bind.password, bind.system_type, bind.interface_version) == (
            numbers.BIND_TRANSCEIVER, "acme", "s3cret-longer", "VMA", 0x34,
        )  # fmt: skip
        assert carrier.free() == 10


async def test_a_carrier_as_it_is_stored_makes_a_link(smsc, events, clock):
    smsc.scripts[smpp.SubmitSm] = silent
    stored = Carrier("sim", "smpp", {"host": "127.0.0.1", "port": smsc.port, "system_id": "x", "window": 3})
    carrier = SmppLink.of(stored, LinkContext(events, clock, "PL", response_timeout=0.1))
    await carrier.start()
    await bound(carrier)
    assert (carrier.name, carrier.free()) == ("sim", 3)
    outcomes = Outcomes()
    carrier.submit(part(), outcomes.done)
    assert await outcomes.count(1, within=5) == [Uncertain("no_response")]
    await carrier.stop(0.0)
    with pytest.raises(ValueError, match="window"):
        SmppLink.of(Carrier("sim", "smpp", {"window": 0}), LinkContext(events, clock, "PL"))


async def test_a_pair_submits_on_the_transmitter_and_hears_on_the_receiver(smsc, events):
    async with running(smsc, events, bind="pair") as carrier:
        await bound(carrier)
        binds = {(await smsc.bound(n)).pdus[0].command: smsc.connections[n - 1] for n in (1, 2)}
        transmitter, receiver = binds[numbers.BIND_TRANSMITTER], binds[numbers.BIND_RECEIVER]
        outcomes = Outcomes()
        carrier.submit(part(), outcomes.done)
        assert await outcomes.count(1) == [Accepted("2", "2")]
        await transmitter.got(smpp.SubmitSm)
        receiver.send(deliver(5))
        assert (await receiver.got(smpp.DeliverSmResp))[0].status == 0
        transmitter.send(deliver(6))
        assert (await transmitter.got(smpp.DeliverSmResp))[0].status == codes.RINVBNDSTS
        assert len(events.received) == 1
        receiver.close()
        await until(lambda: carrier.state().state == "connecting")
        await bound(carrier)
        assert len(smsc.connections) == 3


async def test_a_bind_over_tls_trusts_only_the_authority_that_was_set(tmp_path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*make, *names], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    async with ScriptedSmsc(tls=server) as smsc:
        async with running(smsc, tls=True, tls_ca=str(cert)) as carrier:
            outcomes = Outcomes()
            (await bound(carrier)).submit(part(), outcomes.done)
            assert await outcomes.count(1) == [Accepted("2", "2")]
        async with running(smsc, tls=True) as carrier:
            await until(lambda: "certificate" in carrier.state().detail.lower())
            assert carrier.state().state == "connecting"


# --- 4, 5: receipts and messages are answered after the commit ---------------------------------------------------------------


async def test_4_a_receipt_that_overtakes_the_response_is_handed_on(smsc, events):
    def receipt_first(connection, pdu):
        connection.send(
            deliver(1, b"id:2 stat:DELIVRD", numbers.ESM_RECEIPT), smpp.SubmitSmResp(pdu.sequence, "2")
        )

    smsc.scripts[smpp.SubmitSm] = receipt_first
    async with running(smsc, events) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        assert await outcomes.count(1) == [Accepted("2", "2")]
        await until(lambda: events.receipts)
        assert events.receipts[0].references[0] == "2"
        assert events.receipts[0].recipient == "+48601123456"


async def test_5_deliver_sm_resp_follows_the_commit(smsc, events):
    events.gate.clear()
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(deliver(7), RECEIPT, smpp.EnquireLink(3))
        await connection.got(smpp.EnquireLinkResp)
        await until(lambda: events.waiting == 2)
        assert not [pdu for pdu in connection.pdus if isinstance(pdu, smpp.DeliverSmResp)]
        events.gate.set()
        answers = await connection.got(smpp.DeliverSmResp, 2)
        assert {(one.sequence, one.status) for one in answers} == {(7, 0), (9, 0)}
        assert events.carriers == {"sim"}


@pytest.mark.parametrize("pdu", [deliver(7), RECEIPT], ids=["message", "receipt"])
async def test_5_a_failed_store_is_a_temporary_error_and_the_repetition_is_the_same(smsc, events, pdu):
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        events.down = True
        connection.send(pdu)
        assert (await connection.got(smpp.DeliverSmResp))[0].status == codes.RX_T_APPN
        events.down, events.fault = False, ValueError("a defect")
        connection.send(pdu)
        assert (await connection.got(smpp.DeliverSmResp, 2))[1].status == codes.RX_T_APPN
        events.fault = None
        connection.send(pdu)
        connection.send(pdu)
        assert [one.status for one in await connection.got(smpp.DeliverSmResp, 4)][2:] == [0, 0]
        seen = events.received + events.receipts
        assert len(seen) == 2
        assert seen[0] == seen[1]


async def test_5_a_store_that_never_answers_is_a_temporary_error_too(smsc, events):
    events.gate.clear()
    async with running(smsc, events, store_time=0.05) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(deliver())
        assert (await connection.got(smpp.DeliverSmResp))[0].status == codes.RX_T_APPN


async def test_5_a_flood_of_deliveries_is_all_answered_and_never_all_in_work(smsc, events):
    events.gate.clear()
    async with running(smsc, events, enquire_interval=0.05, response_timeout=0.05) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        flood = 10_000  # far more than the buffers of a socket hold
        connection.send(b"".join(smpp.encode(deliver(n)) for n in range(1, flood + 1)))
        await until(lambda: events.waiting >= LIMIT)
        seen = -1
        while seen != events.waiting:  # until reading rests
            seen = events.waiting
            await asyncio.sleep(0.1)
        assert seen < flood / 2
        assert carrier.state().state == "bound"
        events.gate.set()
        answers = await connection.got(smpp.DeliverSmResp, flood, within=30)
        assert {one.sequence for one in answers} == set(range(1, flood + 1))
        assert len(smsc.connections) == 1


async def test_7_an_acknowledgement_of_the_handset_is_answered_and_nothing_else(smsc, events):
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(
            deliver(1, esm_class=numbers.ESM_DELIVERY_ACK), deliver(2, esm_class=numbers.ESM_USER_ACK)
        )
        assert [one.status for one in await connection.got(smpp.DeliverSmResp, 2)] == [0, 0]
        assert not events.received
        assert not events.receipts


async def test_data_sm_brings_messages_and_receipts_like_deliver_sm(smsc, events):
    payload = (smpp.Tlv(numbers.TAG_MESSAGE_PAYLOAD, b"by another PDU"),)
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(
            smpp.DataSm(4, HANDSET, OURS, tlvs=payload),
            smpp.DataSm(5, HANDSET, OURS, numbers.ESM_RECEIPT, tlvs=tlv.of_receipt("77", 2)),
        )
        answers = await connection.got(smpp.DataSmResp, 2)
        assert {(one.sequence, one.status) for one in answers} == {(4, 0), (5, 0)}
        assert events.received[0].text == "by another PDU"
        assert events.receipts[0].references[0] == "77"


# --- 12: throttling --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [codes.RTHROTTLED, codes.RMSGQFUL])
async def test_12_throttling_is_temporary_and_slows_the_whole_bind(smsc, status):
    smsc.scripts[smpp.SubmitSm] = refusing_submit(status)
    async with running(smsc) as carrier:
        outcomes, woken = Outcomes(), []
        carrier.on_free(lambda: woken.append(carrier.free()))
        (await bound(carrier)).submit(part(), outcomes.done)
        [outcome] = await outcomes.count(1)
        assert outcome == Temporary(codes.status_name(status), slow=True)
        assert carrier.free() == 0
        woken.clear()
        began = asyncio.get_running_loop().time()
        await until(lambda: woken)  # after the pause it is said aloud that there is room
        assert 0.8 < asyncio.get_running_loop().time() - began < 3
        carrier.submit(part(), outcomes.done)
        assert (await outcomes.count(2))[1] == Accepted("3", "3")
        first, second = (await smsc.bound()).pdus[1:3]
        assert first.registered_delivery == second.registered_delivery == 1


async def test_12_a_rate_is_kept_and_counts_parts(smsc):
    async with running(smsc, rate=50, window=100) as carrier:
        outcomes, loop = Outcomes(), asyncio.get_running_loop()

        def send() -> None:
            while carrier.free() > 0:
                carrier.submit(part(len(outcomes.all) % 200 + 1, total=3, no=1), outcomes.done)

        await bound(carrier)
        carrier.on_free(send)
        began = loop.time()
        send()
        await outcomes.count(60)
        taken = loop.time() - began
        assert 0.9 * (60 - 5) / 50 < taken < 3 * 60 / 50


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (codes.RSYSERR, Temporary("ESME_RSYSERR")),
        (codes.RX_T_APPN, Temporary("ESME_RX_T_APPN")),
        (codes.RINVDSTADR, Permanent("ESME_RINVDSTADR")),
        (codes.RSUBMITFAIL, Permanent("ESME_RSUBMITFAIL")),
        (0x499, Permanent("0x00000499")),
    ],
)
async def test_other_refusals_say_temporary_or_permanent(smsc, status, outcome):
    smsc.scripts[smpp.SubmitSm] = refusing_submit(status)
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        assert await outcomes.count(1) == [outcome]
        assert carrier.free() == 10


@pytest.mark.parametrize("status", [0, codes.RINVCMDID])
async def test_a_generic_nack_for_a_submit_means_that_it_was_not_taken(smsc, status):
    smsc.scripts[smpp.SubmitSm] = lambda conn, pdu: conn.send(smpp.GenericNack(pdu.sequence, status))
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        assert isinstance((await outcomes.count(1))[0], Permanent)


async def test_an_smsc_that_forgot_the_bind_is_bound_anew(smsc):
    smsc.scripts[smpp.SubmitSm] = refusing_submit(codes.RINVBNDSTS)
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        assert await outcomes.count(1) == [Temporary("ESME_RINVBNDSTS")]
        await smsc.bound(2)
        await bound(carrier)


async def test_what_cannot_be_said_is_permanent_and_leaves_the_window_alone(smsc):
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(text="Ż"), outcomes.done)
        carrier.submit(part(total=300, no=300), outcomes.done)
        assert [outcome.cause for outcome in await outcomes.count(2)] == ["not_encodable"] * 2
        assert carrier.free() == 10


# --- 13, 14: the window ------------------------------------------------------------------------------------------------------


async def test_13_outstanding_never_exceeds_the_window_and_any_order_matches(smsc):
    held: list[smpp.SubmitSm] = []
    most = 0

    def hold(connection, pdu):
        nonlocal most
        held.append(pdu)
        most = max(most, len(held))
        if len(held) == 4 or pdu.short_message == b"last":
            connection.send(
                *(smpp.SubmitSmResp(one.sequence, one.short_message.decode()) for one in reversed(held))
            )
            held.clear()

    smsc.scripts[smpp.SubmitSm] = hold
    async with running(smsc, window=4) as carrier:
        outcomes = Outcomes()
        await bound(carrier)
        texts = iter([*(f"text {n}" for n in range(1, 100)), "last"])

        def send() -> None:
            while carrier.free() > 0 and (text := next(texts, None)):
                carrier.submit(part(text=text), outcomes.done)

        carrier.on_free(send)
        send()
        await outcomes.count(100)
        assert most == 4
        assert all(outcome == Accepted(one.text, one.text) for one, outcome in outcomes.all)


async def test_13_beyond_the_window_nothing_is_sent(smsc):
    smsc.scripts[smpp.SubmitSm] = silent
    async with running(smsc, window=2) as carrier:
        outcomes = Outcomes()
        await bound(carrier)
        for _ in range(3):
            carrier.submit(part(), outcomes.done)
        assert await outcomes.count(1) == [Temporary("not_bound")]
        assert (carrier.free(), carrier.state().in_flight) == (0, 2)


async def test_14_no_response_in_time_is_uncertain_and_a_late_one_changes_nothing(smsc):
    smsc.scripts[smpp.SubmitSm] = silent
    async with running(smsc, response_timeout=0.1, window=1) as carrier:
        outcomes, woken = Outcomes(), []
        (await bound(carrier)).submit(part(), outcomes.done)
        carrier.on_free(lambda: woken.append(True))
        connection = await smsc.bound()
        [sent] = await connection.got(smpp.SubmitSm)
        assert await outcomes.count(1) == [Uncertain("no_response")]
        assert woken
        connection.send(smpp.SubmitSmResp(sent.sequence, "late"), smpp.EnquireLink(5))
        await connection.got(smpp.EnquireLinkResp)
        assert len(outcomes.all) == 1
        smsc.scripts[smpp.SubmitSm] = accept_submit
        carrier.submit(part(), outcomes.done)
        assert isinstance((await outcomes.count(2))[1], Accepted)


async def test_14_a_lost_connection_leaves_what_was_in_flight_uncertain(smsc):
    smsc.scripts[smpp.SubmitSm] = lambda conn, _: conn.reset() if len(conn.pdus) == 4 else None
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        await bound(carrier)
        for number in range(3):
            carrier.submit(part(number), outcomes.done)
        assert await outcomes.count(3) == [Uncertain("no_response")] * 3
        assert len({one.message_id for one, _ in outcomes.all}) == 3
        smsc.scripts[smpp.SubmitSm] = accept_submit
        await smsc.bound(2)
        (await bound(carrier)).submit(part(), outcomes.done)
        assert isinstance((await outcomes.count(4))[3], Accepted)


# --- 15: keep-alive ----------------------------------------------------------------------------------------------------------


async def test_15_enquire_link_is_answered_and_sent_only_when_bound(smsc):
    smsc.scripts[smpp.Bind] = silent
    async with running(smsc, enquire_interval=0.05, response_timeout=2.0) as carrier:
        connection = await smsc.bound()
        connection.send(smpp.EnquireLink(77))
        assert (await connection.got(smpp.EnquireLinkResp))[0].sequence == 77
        await asyncio.sleep(0.2)  # four intervals
        assert [type(pdu) for pdu in connection.pdus] == [smpp.Bind, smpp.EnquireLinkResp]
        bind = connection.pdus[0]
        connection.send(smpp.BindResp(bind.command | numbers.RESPONSE, bind.sequence))
        await connection.got(smpp.EnquireLink, 3)
        assert carrier.state().state == "bound"


async def test_15_an_unanswered_enquire_link_means_a_new_connection(smsc):
    smsc.scripts[smpp.EnquireLink] = silent
    smsc.scripts[smpp.SubmitSm] = silent
    async with running(smsc, enquire_interval=0.05, response_timeout=0.1) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        await connection.got(smpp.EnquireLink)
        await connection.gone()
        await smsc.bound(2)


async def test_15_traffic_is_a_sign_of_life(smsc):
    smsc.scripts[smpp.EnquireLink] = silent
    async with running(smsc, enquire_interval=0.3, response_timeout=0.3) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        for sequence in range(1, 30):
            connection.send(smpp.EnquireLink(sequence))
            await asyncio.sleep(0.03)
        assert connection.open
        assert not [pdu for pdu in connection.pdus if isinstance(pdu, smpp.EnquireLink)]


# --- 16: coming back ---------------------------------------------------------------------------------------------------------


async def test_16_a_carrier_that_is_away_is_bound_when_it_comes(smsc):
    await smsc.stop()
    async with running(smsc) as carrier:
        await until(lambda: carrier.state().detail)
        assert carrier.state().state == "connecting"
        woken = []
        carrier.on_free(lambda: woken.append(True))
        await smsc.start()
        await bound(carrier)
        assert woken


async def test_16_a_refused_bind_alarms_and_keeps_trying(smsc):
    smsc.scripts[smpp.Bind] = refusing_bind(codes.RINVPASWD)
    with structlog.testing.capture_logs() as logs:
        async with running(smsc) as carrier:
            await until(lambda: carrier.state().state == "refused")
            assert carrier.state().detail == "ESME_RINVPASWD"
            await smsc.bound(3)
            assert carrier.state().state == "refused"
            smsc.scripts[smpp.Bind] = smsc.scripts[smpp.Bind] = ScriptedSmsc().scripts[smpp.Bind]
            await bound(carrier)
            assert carrier.state().detail == ""
    alarms = [line for line in logs if line["event"] == "carrier_bind_refused"]
    assert alarms[0]["log_level"] == "error"
    assert (alarms[0]["carrier"], alarms[0]["status"]) == ("sim", "ESME_RINVPASWD")
    assert "password" not in str(logs)


async def test_16_binds_that_end_at_once_are_tried_ever_more_slowly(smsc):
    waits: list[int] = []

    class Counting(BackOff):
        def delay(self, attempt, _):
            waits.append(attempt)
            return 0.001

    accept = smsc.scripts[smpp.Bind]

    def accept_and_close(connection, pdu):
        accept(connection, pdu)
        connection.close()

    smsc.scripts[smpp.Bind] = accept_and_close
    async with running(smsc, pauses=Pauses(lost=Counting())):
        await until(lambda: len(waits) >= 5)
    assert waits[:5] == [0, 1, 2, 3, 4]


async def test_16_a_refused_half_of_a_pair_shows(smsc):
    accept = smsc.scripts[smpp.Bind]

    def only_transmitters(connection, pdu):
        (accept if pdu.command == numbers.BIND_TRANSMITTER else refusing_bind(codes.RINVSYSID))(
            connection, pdu
        )

    smsc.scripts[smpp.Bind] = only_transmitters
    async with running(smsc, bind="pair") as carrier:
        await until(lambda: carrier.state().state == "refused")
        await until(lambda: carrier.free() == 10)
        assert carrier.state().state == "refused"
        assert carrier.state().detail == "ESME_RINVSYSID"


async def test_16_silence_after_connecting_is_given_up(smsc):
    smsc.scripts[smpp.Bind] = silent
    async with running(smsc, response_timeout=0.05) as carrier:
        await smsc.bound(2)
        assert carrier.state().detail == "no answer to the bind"


async def test_16_a_host_that_is_no_host_is_only_a_state(smsc):
    async with running(smsc, host="x" * 70 + ".example") as carrier:
        await until(lambda: carrier.state().detail)
        assert carrier.state().state == "connecting"


# --- 17: the end -------------------------------------------------------------------------------------------------------------


async def test_17_shutdown_stops_submitting_drains_and_unbinds(smsc, events):
    smsc.scripts[smpp.SubmitSm] = silent
    events.gate.clear()
    async with running(smsc, events) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        connection = await smsc.bound()
        [sent] = await connection.got(smpp.SubmitSm)
        connection.send(deliver(5))
        await until(lambda: events.waiting)
        stopping = asyncio.create_task(carrier.stop(5.0))
        await until(lambda: carrier.free() == 0)
        carrier.submit(part(), outcomes.done)
        assert await outcomes.count(1) == [Temporary("not_bound")]
        assert not [pdu for pdu in connection.pdus if isinstance(pdu, smpp.Unbind)]
        connection.send(smpp.SubmitSmResp(sent.sequence, "77"))
        assert (await outcomes.count(2))[1] == Accepted("77", "77")
        events.gate.set()
        await stopping
        kinds = [type(pdu) for pdu in connection.pdus]
        assert kinds == [smpp.Bind, smpp.SubmitSm, smpp.DeliverSmResp, smpp.Unbind]
        await connection.gone()
        assert len(smsc.connections) == 1


async def test_17_a_drain_ends_when_its_time_is_over(smsc):
    smsc.scripts[smpp.SubmitSm] = silent
    smsc.scripts[smpp.Unbind] = silent
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        async with asyncio.timeout(8):
            await carrier.stop(0.1)
        assert await outcomes.count(1) == [Uncertain("no_response")]


async def test_17_stop_ends_a_link_that_never_connected(smsc):
    smsc.scripts[smpp.Bind] = silent
    carrier = link(smsc.port)
    await carrier.start()
    connection = await smsc.bound()
    async with asyncio.timeout(2):
        await carrier.stop(5.0)
    await connection.gone()


async def test_17_the_carriers_unbind_is_answered_after_what_is_in_flight(smsc):
    smsc.scripts[smpp.SubmitSm] = silent
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        connection = await smsc.bound()
        [sent] = await connection.got(smpp.SubmitSm)
        connection.send(smpp.Unbind(42))
        await until(lambda: carrier.free() == 0)
        connection.send(smpp.SubmitSmResp(sent.sequence, "77"))
        assert await outcomes.count(1) == [Accepted("77", "77")]
        assert (await connection.got(smpp.UnbindResp))[0].sequence == 42
        await connection.gone()
        await smsc.bound(2)
        await bound(carrier)


async def test_17_a_carrier_that_unbinds_and_answers_nothing_more(smsc):
    smsc.scripts[smpp.SubmitSm] = silent
    async with running(smsc) as carrier:
        outcomes = Outcomes()
        (await bound(carrier)).submit(part(), outcomes.done)
        connection = await smsc.bound()
        await connection.got(smpp.SubmitSm)
        connection.send(smpp.Unbind(42))
        await connection.got(smpp.UnbindResp)
        assert await outcomes.count(1) == [Uncertain("no_response")]


# --- 18: framing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 15, 0x7FFFFFFF, 70_000])
async def test_18_a_bad_command_length_closes_the_bind(smsc, events, length):
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(deliver(1), length.to_bytes(4) + bytes(12), deliver(2))
        assert (await connection.got(smpp.GenericNack))[0].status == codes.RINVCMDLEN
        await connection.gone()
        await until(lambda: events.received)
        assert len(events.received) == 1
        await smsc.bound(2)
        await bound(carrier)


async def test_18_something_else_on_the_port_is_no_carrier(smsc):
    smsc.scripts[smpp.Bind] = lambda conn, _: conn.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    async with running(smsc) as carrier:
        await until(lambda: "command_length" in carrier.state().detail)


async def test_18_unknown_commands_get_generic_nack_and_the_bind_lives(smsc):
    async with running(smsc) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(
            smpp.Unknown(0x00010203, 31),
            smpp.SubmitSm(32, HANDSET, OURS, b"to us?"),
            smpp.QuerySm(33, "77"),
            smpp.Unknown(0x00000102, 34, body=bytes(8)),  # alert_notification has no response
            smpp.Unknown(0x80010203, 35),
            smpp.EnquireLink(36),
        )
        await connection.got(smpp.EnquireLinkResp)
        nacks = await connection.got(smpp.GenericNack, 3)
        assert [(one.sequence, one.status) for one in nacks] == [(n, codes.RINVCMDID) for n in (31, 32, 33)]
        assert carrier.state().state == "bound"


async def test_18_unknown_and_overlong_tlvs_do_not_lose_the_framing(smsc, events):
    unknown = (smpp.Tlv(0x1403, b"\xaa\xbb"), smpp.Tlv(0x0001, b""))
    overlong = smpp.encode(deliver(2, b"two")) + b"\x14\x03\xff\xff" + b"short"
    overlong = len(overlong).to_bytes(4) + overlong[4:]
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(deliver(1, b"one", tlvs=unknown), overlong, deliver(3, b"three"))
        assert [one.status for one in await connection.got(smpp.DeliverSmResp, 3)] == [0, 0, 0]
        assert [one.text for one in events.received] == ["one", "two", "three"]


async def test_18_a_malformed_body_is_refused_and_the_next_pdu_read(smsc, events):
    broken = smpp.encode(deliver(1))[:40]
    broken = len(broken).to_bytes(4) + broken[4:]
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.send(broken, deliver(2, b"whole"))
        answers = await connection.got(smpp.DeliverSmResp, 2)
        assert {one.sequence: bool(one.status) for one in answers} == {1: True, 2: False}
        assert [one.text for one in events.received] == ["whole"]


async def test_18_pdus_in_pieces_of_one_octet(smsc, events):
    async with running(smsc, events) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        for octet in smpp.encode(deliver(1, "Żółw".encode("utf-16-be"), data_coding=8)):
            connection.send(bytes((octet,)))
            await asyncio.sleep(0)
        await connection.got(smpp.DeliverSmResp)
        assert events.received[0].text == "Żółw"


async def test_a_carrier_that_does_not_read_is_left(smsc, events):
    async with running(smsc, events, window=1000) as carrier:
        await bound(carrier)
        connection = await smsc.bound()
        connection.deaf()
        ours = carrier._keeper.transmitter._transport.get_extra_info("socket")
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        outcomes = Outcomes()
        while carrier.free() > 0:  # until neither the socket nor the window takes more
            carrier.submit(part(text="x" * 153, total=2), outcomes.done)
            await asyncio.sleep(0)
        assert carrier.free() == 0
        flood = b"".join(smpp.encode(deliver(n)) for n in range(1, 2001))
        for _ in range(100):  # 17 octets of answer each, a megabyte of which is too much
            connection.send(flood)
            await asyncio.sleep(0)
        await smsc.bound(2)
        await bound(carrier)


# --- and all of it on the event loop that the service uses ------------------------------------------------------------------


def on_uvloop():
    """Every story above that needs no more than an SMSC and an engine."""
    for name, story in list(globals().items()):
        if name.startswith("test_") and set(inspect.signature(story).parameters) <= {"smsc", "events"}:
            yield pytest.param(story, id=name.removeprefix("test_"))


@pytest.mark.parametrize("story", list(on_uvloop()))
def test_on_uvloop(story):
    async def tell() -> None:
        async with ScriptedSmsc() as smsc:
            given = {"smsc": smsc, "events": RecordingEvents()}
            await story(**{name: given[name] for name in inspect.signature(story).parameters})

    uvloop.run(tell())
