"""The bench's own tools say what really happened: loads count what servers saw, the carrier counts submits."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from bench.load import Http, LoadFailedError, http_load, mail_load, sip_load
from bench.processes import module, usage
from bench.recipients import PLACE, mobile
from bench.report import Goal, Result, missed
from bench.rounds import Sample, alternate, middle, ratio
from bench.witness import Carrier
from support.mail_door import hosted
from voip_sms.core.addresses import recipient
from voip_sms.core.mail.addressing import Number

Answer = Callable[[int], int]


class Recorder:
    """An HTTP server that keeps the recipients it was asked for; `answer` gives the status of the n-th."""

    def __init__(self) -> None:
        self.to: list[str] = []
        self.answer: Answer = lambda _: 202

    async def serve(self, request: web.Request) -> web.Response:
        self.to.append((await request.json())["to"])
        return web.Response(status=self.answer(len(self.to)), body=b"{}")


@pytest.fixture
async def server() -> AsyncIterator[tuple[Recorder, Http]]:
    recorder = Recorder()
    app = web.Application()
    app.router.add_post("/v1/messages", recorder.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield recorder, Http(f"{host}:{port}", "POST", "/v1/messages", f'{{"to":"+{PLACE}"}}')
    await runner.cleanup()


async def test_every_request_goes_to_another_mobile_and_each_is_counted(
    server: tuple[Recorder, Http],
) -> None:
    recorder, request = server
    figures = await http_load(request, 5, 0.5, first=100)
    assert figures.accepted == len(recorder.to) == len(set(recorder.to)) > 5
    assert set(recorder.to) == {f"+{mobile(n)}" for n in range(101, 101 + figures.accepted)}
    assert {recipient(number, "PL").e164 for number in recorder.to} == set(recorder.to)
    assert 0 < figures.p50 <= figures.p99
    assert figures.began > 0


async def test_one_refusal_fails_the_load_and_is_shown(server: tuple[Recorder, Http]) -> None:
    recorder, request = server
    recorder.answer = lambda n: 422 if n == 7 else 202
    with pytest.raises(LoadFailedError, match=r"'refused': 1.*422"):
        await http_load(request, 2, 0.3, first=0)


async def test_with_a_rate_it_asks_no_more_often(server: tuple[Recorder, Http]) -> None:
    recorder, request = server
    figures = await http_load(request, 4, 1.0, first=0, rate=40)
    assert 30 <= figures.accepted == len(recorder.to) <= 50


async def test_phones_prove_who_they_are_and_get_their_202(tmp_path: Path) -> None:
    async with module("sip_edge", tmp_path) as edge:
        figures = await sip_load(edge.address("sip_udp"), 5, 0.5, first=0)
        assert usage([edge.pid]).memory > 1_000_000
    assert figures.accepted > 5
    assert figures.repeated == 0


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_phones_over_each_transport_get_their_202_from_our_own_edge(
    tmp_path: Path, transport: str
) -> None:
    async with module("sip_door", tmp_path) as edge:
        figures = await sip_load(edge.address(f"sip_{transport}"), 5, 0.5, first=0, transport=transport)
    assert figures.accepted > 5


async def test_a_phone_that_is_refused_fails_the_load(tmp_path: Path) -> None:
    class Refusing(asyncio.DatagramProtocol):
        """Challenges always, whatever is shown."""

        def connection_made(self, transport: asyncio.DatagramTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            via = next(line for line in data.split(b"\r\n") if line.startswith(b"Via"))
            challenge = b'WWW-Authenticate: Digest realm="x", nonce="n", algorithm=MD5, qop="auth"'
            self.transport.sendto(b"\r\n".join([b"SIP/2.0 401 No", via, challenge, b"", b""]), addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Refusing, local_addr=("127.0.0.1", 0))
    with pytest.raises(LoadFailedError, match=r"'refused': [1-9]"):
        await sip_load(transport.get_extra_info("sockname"), 1, 0.2, first=0)
    transport.close()


def pdu(command: int, sequence: int, body: bytes = b"") -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body


SUBMIT = pdu(4, 7, b"\0\5\0ACME\0\1\1" + b"48601123456\0" + b"\0\0\0\0\0\1\0\0\0\2hi")


@pytest.mark.parametrize(("system_id", "receipts"), [("plain", 0), ("with-receipts", 1)])
async def test_the_carrier_counts_submits_by_bind(tmp_path: Path, system_id: str, receipts: int) -> None:
    async with Carrier(tmp_path) as carrier:
        reader, writer = await asyncio.open_connection(carrier.host, carrier.port)
        writer.write(pdu(9, 1, f"{system_id}\0sim\0\0".encode() + bytes((0x34, 0, 0, 0))) + SUBMIT[:10])
        await reader.readexactly(16 + len(b"bench\0"))
        writer.write(SUBMIT[10:])
        head = struct.unpack(">IIII", await reader.readexactly(16))
        assert (head[1], head[3]) == (0x80000004, 7)
        identifier = await reader.readexactly(head[0] - 16)
        if receipts:
            head = struct.unpack(">IIII", await reader.readexactly(16))
            body = await reader.readexactly(head[0] - 16)
            assert head[1] == 5
            assert body.startswith(b"\0\1\x0148601123456\0\5\0ACME\0\4")
            assert b"id:" + identifier.rstrip(b"\0") + b" " in body
            writer.write(pdu(0x80000005, head[3], b"\0"))
        assert await carrier.drained(system_id, 1) > 0
        count = await carrier.quiet(system_id)
        assert (count.submits, count.receipts) == (1, receipts)
        assert (await carrier.count("nobody")).submits == 0
        writer.close()


def sample(accepted: float) -> Sample:
    return Sample(accepted, 1.0, 2.0)


async def test_rounds_alternate_and_ratios_are_of_one_round_each() -> None:
    order: list[str] = []
    speeds = {"ours": [10.0, 40.0, 30.0], "theirs": [5.0, 10.0, 30.0]}

    def turn(name: str) -> Callable[[], Awaitable[Sample]]:
        async def take() -> Sample:
            order.append(name)
            return sample(speeds[name].pop(0))

        return take

    rounds = await alternate({name: turn(name) for name in speeds}, 3)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert ratio(rounds, "ours", "theirs", "accepted") == 2.0  # of 2, 4 and 1: not of the medians, 30 / 10
    assert middle(rounds, "theirs").accepted == 10.0


def test_a_goal_knows_which_way_is_better() -> None:
    speed, latency = Goal("speed", 1.0, 2.0), Goal("latency", 1.2, 0.7, less=True)
    assert [speed.verdict(x) for x in (2.0, 1.0, 0.99)] == ["reached", "floor held", "BELOW THE FLOOR"]
    assert [latency.verdict(x) for x in (0.7, 1.2, 1.21)] == ["reached", "floor held", "BELOW THE FLOOR"]
    assert missed([Result(speed, "us", 0.5)])
    assert not missed([Result(latency, "us", 0.5)])


def test_the_request_says_how_long_it_is() -> None:
    wire = str(Http("h:1", "POST", "/x", '{"to":"ą"}', {"A": "b"}))
    assert wire == 'POST /x HTTP/1.1\r\nHost: h:1\r\nA: b\r\nContent-Length: 11\r\n\r\n{"to":"ą"}'
    assert json.loads(wire.partition("\r\n\r\n")[2])


async def test_every_mail_goes_to_another_mobile_and_each_is_counted() -> None:
    async with hosted() as door:
        door.senders.everybody = True
        figures = await mail_load(door.at, 3, 0.1, first=100)  # one connection takes a thousand mails
        sent = [one.recipients[0] for one in door.engine.letters]
        assert (
            figures.accepted == len(sent) == len({one.typed for one in sent if isinstance(one, Number)}) > 3
        )
        assert 0 < figures.p50 <= figures.p99


async def test_one_refused_mail_fails_the_load() -> None:
    async with hosted() as door:
        with pytest.raises(LoadFailedError, match=r"550 5\.7\.1"):
            await mail_load(door.at, 2, 0.3, first=0)
