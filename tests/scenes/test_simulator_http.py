"""The simulator's HTTP API: shapes, refusals, the log, and what is bounded."""

import asyncio

import aiohttp
import pytest

from support.smpp_raw import RawSmpp
from voip_sms.core.clock import SystemClock, from_rfc3339
from voip_sms.simulator import Simulator, SimulatorSettings
from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers

HANDSET, SERVICE = "48601123456", "48601000001"


@pytest.fixture
async def simulator():
    small = SimulatorSettings(smpp="127.0.0.1:0", http="127.0.0.1:0", log_size=100, inbox_size=100)
    running = Simulator(small, SystemClock())
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def http(simulator):
    async with aiohttp.ClientSession(f"http://{simulator.http_address}") as session:
        yield session


@pytest.fixture
async def peer(simulator):
    made = RawSmpp(simulator.smpp_address)
    await made.bind()
    yield made
    await made.close()


async def get(http, path):
    async with http.get(path) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        return await response.json()


@pytest.mark.parametrize("number", [HANDSET, f"+{HANDSET}", f"%2B{HANDSET}"])
async def test_messages_of_a_handset(http, peer, number):
    await peer.submit(HANDSET, b"Hej")
    (message,) = (await get(http, f"/handsets/{number}/messages"))["data"]
    assert set(message) == {"id", "from", "from_ton", "to", "text", "parts", "data_coding", "received_at"}
    assert message["to"] == f"+{HANDSET}"
    assert from_rfc3339(message["received_at"]) <= SystemClock().now()
    assert (await get(http, "/handsets"))["data"] == [{"number": f"+{HANDSET}"}]


async def test_from_is_e164_for_an_international_sender(http, peer):
    await peer.submit(HANDSET, b"Hej", source=smpp.Address.international(SERVICE))
    (message,) = (await get(http, f"/handsets/{HANDSET}/messages"))["data"]
    assert (message["from"], message["from_ton"]) == (f"+{SERVICE}", 1)


async def test_a_handset_nobody_wrote_to_is_empty(http):
    assert await get(http, "/handsets/48999999999/messages") == {"data": []}


async def test_parts_order(http, peer):
    body = {"to": SERVICE, "text": "0123456789" * 40, "parts_order": [3, 1, 2]}
    async with http.post(f"/handsets/{HANDSET}/send", json=body) as response:
        assert response.status == 202
        assert set(await response.json()) == {"id"}
    pdus = [await peer.deliver() for _ in range(3)]
    assert [pdu.short_message[5] for pdu in pdus] == [3, 1, 2]
    assert (
        pdus[1].short_message[6:] + pdus[2].short_message[6:] + pdus[0].short_message[6:]
        == b"0123456789" * 40
    )


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ((HANDSET, f"+{SERVICE}"), ((1, 1, HANDSET), (1, 1, SERVICE))),
        ((HANDSET, "7250"), ((1, 1, HANDSET), (3, 0, "7250"))),
        (("ALLEGRO", SERVICE), ((5, 0, "ALLEGRO"), (1, 1, SERVICE))),
    ],
    ids=["number", "short code", "name"],
)
async def test_addresses_of_what_a_handset_sends(http, peer, written, sent):
    handset, to = written
    async with http.post(f"/handsets/{handset}/send", json={"to": to, "text": "TAK"}) as response:
        assert response.status == 202
    pdu = await peer.deliver()
    assert (pdu.source, pdu.dest) == sent


async def test_the_same_text_typed_twice_is_not_the_same_pdu(http, peer):
    for _ in range(2):
        async with http.post(f"/handsets/{HANDSET}/send", json={"to": SERVICE, "text": "TAK"}) as response:
            assert response.status == 202
    first, second = await peer.deliver(), await peer.deliver()
    assert first.short_message == second.short_message == b"TAK"
    assert smpp.encode(first)[16:] != smpp.encode(second)[16:]


REFUSALS = [
    ("/handsets/48601/send", b"{", 400, "malformed"),
    ("/handsets/48601/send", b'{"to": "48602000001"}', 422, "invalid"),
    ("/handsets/48601/send", b'{"to": "ACME", "text": "x"}', 422, "invalid"),
    ("/handsets/48601/send", b'{"to": "48602000001", "text": "x", "more": 1}', 422, "invalid"),
    ("/handsets/48601/send", b'{"to": "48602000001", "text": "x", "parts_order": [2]}', 422, "invalid"),
    ("/handsets/48601/send", b'{"to": "48602000001", "text": " "}', 422, "text_empty"),
    ("/handsets/123456789012345678901/send", b'{"to": "48602000001", "text": "x"}', 422, "invalid"),
    ("/faults", b'{"fault": "plague"}', 422, "invalid"),
    ("/faults", b'{"fault": "latency"}', 422, "invalid"),
    ("/faults", b'{"fault": "reject", "command_status": "ESME_RNONSENSE"}', 422, "invalid"),
    ("/faults", b'{"fault": "drop", "count": 0}', 422, "invalid"),
    ("/nowhere", b"{}", 404, "not_found"),
    ("/log", b"{}", 405, "method_not_allowed"),
    ("/faults", b" " * 300_000, 413, "too_large"),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSALS)
async def test_what_cannot_be_done_is_a_problem(http, path, body, status, code):
    async with http.post(path, data=body) as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["status"], problem["code"]) == (status, status, code)
    assert {"type", "title", "detail"} <= set(problem)


async def test_an_unpaired_surrogate_is_no_way_to_break_it(http, peer):
    body = b'{"to": "48602000001", "text": "\\ud83d"}'
    async with http.post(f"/handsets/{HANDSET}/send", data=body) as response:
        assert response.status in (202, 400, 422)
    await peer.settled()


async def test_faults_are_listed_and_removed_one_by_one(http):
    async with http.post(
        "/faults", json={"fault": "latency", "ms": 5, "count": 2, "to": "+48601"}
    ) as response:
        first = (await response.json())["id"]
    async with http.post("/faults", json={"fault": "no_receipt"}) as response:
        second = (await response.json())["id"]
    listed = (await get(http, "/faults"))["data"]
    assert [(one["id"], one["fault"], one["left"]) for one in listed] == [
        (first, "latency", 2),
        (second, "no_receipt", None),
    ]
    async with http.delete(f"/faults/{first}") as response:
        assert response.status == 200
    async with http.delete(f"/faults/{first}") as response:
        assert response.status == 404
    assert [one["id"] for one in (await get(http, "/faults"))["data"]] == [second]


# --- the log ----------------------------------------------------------------------------------------------


async def test_the_log_shows_every_pdu_both_ways(http, peer):
    answer = await peer.submit(HANDSET, b"Hej")
    await peer.deliver()
    await peer.settled()
    entries = (await get(http, "/log?after=0"))["data"]
    told = [(one["dir"], one["command"], one["command_status"], one["sequence"]) for one in entries]
    assert told == [
        ("in", "bind_transceiver", 0, 1),
        ("out", "bind_transceiver_resp", 0, 1),
        ("in", "submit_sm", 0, 2),
        ("out", "submit_sm_resp", 0, 2),
        ("out", "deliver_sm", 0, 1),
        ("in", "deliver_sm_resp", 0, 1),
        ("in", "enquire_link", 0, 3),
        ("out", "enquire_link_resp", 0, 3),
    ]
    assert [one["n"] for one in entries] == list(range(1, 9))
    assert len({one["conn"] for one in entries}) == 1
    submit, response, receipt = entries[2]["fields"], entries[3]["fields"], entries[4]["fields"]
    assert (submit["source_addr"], submit["source_addr_ton"]) == ("ACME", 5)
    assert (submit["destination_addr"], submit["short_message"]) == (HANDSET, b"Hej".hex())
    assert response["message_id"] == answer.message_id
    assert receipt["tlvs"]["message_state"] == "02"
    assert smpp.decode(bytes.fromhex(entries[3]["hex"])) == answer
    assert [one["n"] for one in (await get(http, "/log?after=6"))["data"]] == [7, 8]
    assert await get(http, "/log?after=8") == {"data": []}


async def test_the_log_hides_the_password(http, simulator):
    peer = RawSmpp(simulator.smpp_address)
    await peer.bind(password="hunter2")
    await peer.close()
    (entry,) = (one for one in (await get(http, "/log"))["data"] if one["command"] == "bind_transceiver")
    assert entry["fields"]["password"] == "***"
    assert b"hunter2" not in bytes.fromhex(entry["hex"])


async def test_the_log_keeps_malformed_and_garbage(http, peer):
    peer.write(smpp.Unknown(numbers.SUBMIT_SM, 77, 0, b"no end"))
    await peer.take(smpp.SubmitSmResp)
    async with http.post("/faults", json={"fault": "garbage", "hex": "00000001dead"}) as response:
        assert response.status == 200
    peer.send(smpp.EnquireLink)
    await asyncio.wait_for(peer.closed.wait(), 3)
    entries = {one["command"]: one for one in (await get(http, "/log"))["data"]}
    assert "malformed" in entries["submit_sm"]["fields"]
    assert entries["garbage"]["hex"] == "00000001dead"


async def test_the_log_forgets_the_oldest(http, peer):
    for _ in range(80):
        peer.send(smpp.EnquireLink)
    await peer.settled()
    entries = (await get(http, "/log?after=0"))["data"]
    assert [one["n"] for one in entries] == list(range(65, 165))


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30])
async def test_a_nonsense_position_in_the_log(http, after):
    async with http.get("/log", params={"after": after}) as response:
        assert response.status == 422


async def test_handsets_forget_the_oldest(http, peer):
    await peer.submit("48600000001", b"first", registered_delivery=0)
    for number in range(100):
        await peer.submit(HANDSET, b"%d" % number, registered_delivery=0)
    assert await get(http, "/handsets/48600000001/messages") == {"data": []}
    texts = [message["text"] for message in (await get(http, f"/handsets/{HANDSET}/messages"))["data"]]
    assert texts == [str(number) for number in range(100)]


async def test_the_page_is_there(http):
    async with http.get("/") as response:
        assert response.content_type == "text/html"
        assert "Carrier simulator" in await response.text()
