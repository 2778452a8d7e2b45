"""An independent client, smpplib, against the simulator: bind, submit, receipt, MO, long texts both ways."""

import asyncio
from collections import Counter

import aiohttp
import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

from voip_sms.core.clock import SystemClock
from voip_sms.simulator import Simulator, SimulatorSettings
from voip_sms.wire import gsm0338

HANDSET = "48601123456"
SERVICE = "48601000001"
LONG = "Zażółć gęślą jaźń 😀 " * 12


@pytest.fixture
async def simulator():
    running = Simulator(SimulatorSettings(smpp="127.0.0.1:0", http="127.0.0.1:0"), SystemClock())
    await running.start()
    yield running
    await running.stop()


def client(simulator, bind="bind_transceiver", **who):
    host, port = simulator.smpp_address.split(":")
    made = smpplib.client.Client(host, port, timeout=5, allow_unknown_opt_params=True)
    made.connect()
    try:
        getattr(made, bind)(**{"system_id": "sim", "password": "sim"} | who)
    except smpplib.exceptions.PDUError:
        made.disconnect()
        raise
    return made


def submit(peer, text, *, udhi=True, encoding=smpplib.consts.SMPP_ENCODING_DEFAULT):
    parts, coding, esm_class = smpplib.gsm.make_parts(text, encoding, use_udhi=udhi)
    for number, part in enumerate(parts, 1):
        sar = {"sar_msg_ref_num": 7, "sar_total_segments": len(parts), "sar_segment_seqnum": number}
        peer.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
            source_addr="ACME",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr=HANDSET,
            short_message=part,
            data_coding=coding,
            esm_class=esm_class,
            registered_delivery=True,
            **({} if udhi or len(parts) == 1 else sar),
        )
    return len(parts)


def collect(peer, kinds):
    """Read until as many PDUs of each kind came as asked; smpplib answers deliver_sm by itself."""
    seen = []
    peer.set_message_sent_handler(lambda pdu, **_: seen.append(pdu))
    peer.set_message_received_handler(lambda pdu, **_: seen.append(pdu))
    while Counter(pdu.command for pdu in seen) != kinds:
        peer.read_once(auto_send_enquire_link=False)
    return seen


async def inbox(simulator):
    url = f"http://{simulator.http_address}/handsets/+{HANDSET}/messages"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        return (await response.json())["data"]


async def send_from_handset(simulator, **body):
    url = f"http://{simulator.http_address}/handsets/{HANDSET}/send"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as response:
        assert response.status == 202
        return (await response.json())["id"]


async def test_submit_reaches_the_handset_and_its_receipt_comes_back(simulator):
    def talk():
        with client(simulator) as peer:
            submit(peer, "Hej @ €")
            return collect(peer, {"submit_sm_resp": 1, "deliver_sm": 1})

    answer, receipt = await asyncio.to_thread(talk)
    assert answer.status == 0
    assert receipt.esm_class == smpplib.consts.SMPP_MSGTYPE_DEFAULT | 0x04
    assert receipt.receipted_message_id.rstrip(b"\0") == answer.message_id.rstrip(b"\0")
    assert receipt.message_state == smpplib.consts.SMPP_MESSAGE_STATE_DELIVERED
    assert b"stat:DELIVRD err:000" in receipt.short_message
    (message,) = await inbox(simulator)
    shown = {name: message[name] for name in ("from", "from_ton", "to", "text", "parts", "data_coding")}
    assert shown == {
        "from": "ACME",
        "from_ton": 5,
        "to": f"+{HANDSET}",
        "text": "Hej @ €",
        "parts": 1,
        "data_coding": 0,
    }


@pytest.mark.parametrize("udhi", [True, False], ids=["udh", "sar"])
async def test_a_long_text_is_joined_and_every_part_has_its_receipt(simulator, udhi):
    def talk():
        with client(simulator) as peer:
            count = submit(peer, LONG, udhi=udhi)
            return count, collect(peer, {"submit_sm_resp": count, "deliver_sm": count})

    count, seen = await asyncio.to_thread(talk)
    assert count > 2
    assert len({pdu.message_id for pdu in seen if pdu.command == "submit_sm_resp"}) == count
    (message,) = await inbox(simulator)
    assert (message["text"], message["parts"], message["data_coding"]) == (LONG, count, 8)


async def test_a_long_text_from_a_handset_comes_in_parts(simulator):
    peer = await asyncio.to_thread(client, simulator)
    text = "Odpowiedź, która nie mieści się w jednym SMS. " * 3
    assert await send_from_handset(simulator, to=f"+{SERVICE}", text=text)
    seen = await asyncio.to_thread(collect, peer, {"deliver_sm": 3})
    await asyncio.to_thread(peer.__exit__, None, None, None)
    assert {pdu.source_addr for pdu in seen} == {HANDSET.encode()}
    assert {pdu.destination_addr for pdu in seen} == {SERVICE.encode()}
    assert all(pdu.esm_class & smpplib.consts.SMPP_GSMFEAT_UDHI for pdu in seen)
    assert [pdu.short_message[:6] for pdu in seen] == [
        bytes((5, 0, 3, seen[0].short_message[3], 3, number)) for number in (1, 2, 3)
    ]
    assert b"".join(pdu.short_message[6:] for pdu in seen).decode("utf-16-be") == text


async def test_a_gsm_text_from_a_handset_is_plain_septets(simulator):
    peer = await asyncio.to_thread(client, simulator)
    await send_from_handset(simulator, to=f"+{SERVICE}", text="TAK @ 5€")
    (pdu,) = await asyncio.to_thread(collect, peer, {"deliver_sm": 1})
    await asyncio.to_thread(peer.__exit__, None, None, None)
    assert (pdu.esm_class, pdu.data_coding) == (0, 0)
    assert gsm0338.decode(pdu.short_message) == "TAK @ 5€"


async def test_a_transmitter_and_a_receiver_share_the_work(simulator):
    def talk():
        with client(simulator, "bind_transmitter") as sender, client(simulator, "bind_receiver") as receiver:
            submit(sender, "Hej")
            return collect(sender, {"submit_sm_resp": 1}), collect(receiver, {"deliver_sm": 1})

    (answer,), (receipt,) = await asyncio.to_thread(talk)
    assert receipt.receipted_message_id.rstrip(b"\0") == answer.message_id.rstrip(b"\0")


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"password": "wrong"}, smpplib.consts.SMPP_ESME_RINVPASWD),
        ({"system_id": "eve"}, smpplib.consts.SMPP_ESME_RINVSYSID),
    ],
    ids=["password", "system_id"],
)
async def test_wrong_credentials_are_refused(simulator, who, status):
    with pytest.raises(smpplib.exceptions.PDUError) as caught:
        await asyncio.to_thread(client, simulator, **who)
    assert caught.value.args[1] == status


async def test_query_says_delivered(simulator):
    def talk():
        with client(simulator) as peer:
            submit(peer, "Hej")
            answer, _ = collect(peer, {"submit_sm_resp": 1, "deliver_sm": 1})
            found = []
            peer.set_query_resp_handler(lambda pdu, **_: found.append(pdu))
            message_id = answer.message_id.rstrip(b"\0").decode()
            peer.query_message(message_id=message_id, source_addr_ton=5, source_addr="ACME")
            peer.read_once(auto_send_enquire_link=False)
            return found

    (found,) = await asyncio.to_thread(talk)
    assert found.message_state == smpplib.consts.SMPP_MESSAGE_STATE_DELIVERED
