"""Nonsense at every listener of the running service, while a phone and a program go on with their work."""

import asyncio
import random
import time
from contextlib import suppress

import pytest
import pytest_asyncio

from support.service import final, opened, phone_of
from support.sip_raw import Ask

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 2.0
"""Seconds for an answer to a customer who did nothing wrong; on a machine of its own it is milliseconds."""
HELD = 200
"""Connections that begin something and go silent."""

HTTP = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "no such method": b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
    "no such version": b"POST /v1/messages HTTP/7.3\r\nHost: x\r\n\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000,
    "too many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "a broken chunk": b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    "two lengths": b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
    "a negative length": b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "a strange path": b"GET /v1/messages/%00%ff/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header that breaks off": b"GET /health/live HTTP/1.1\r\nHo\x00st: x\r\n\r\n",
}
STREAM = {
    "not SIP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": bytes(70_000),
    "an endless header": b"MESSAGE sip:1@sms.test SIP/2.0\r\nX: " + b"a" * 200_000,
    "too long a body": b"MESSAGE sip:1@sms.test SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n"
    + b"x" * 70_000,
    "a negative length": b"MESSAGE sip:1@sms.test SIP/2.0\r\nContent-Length: -1\r\n\r\n",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage():
    async with opened() as stage:
        yield stage
        assert "Traceback" not in stage.serve.log_text()


class Neighbours:
    """A program and a phone that send all the time. `async with`: at its end all was accepted and delivered."""

    def __init__(self, stage):
        self._stage = stage
        self._ids = []
        self._slowest = 0.0
        self._stopping = False

    async def __aenter__(self):
        self._task = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *error):
        self._stopping = True
        await self._task
        if error == (None, None, None):
            assert len(self._ids) > 3
            assert {one["status"] for one in await final(self._stage, self._ids)} == {"delivered"}
            assert self._slowest < PATIENCE
            assert (await self._stage.api.call("GET", "/health/ready"))[0] == 200

    async def _send(self):
        async with phone_of(self._stage, "101") as phone:
            while not self._stopping or len(self._ids) < 10:
                began = time.monotonic()
                message = await self._stage.api.post(
                    "/v1/messages", {"to": "+48606000001", "text": "at work"}
                )
                self._ids.append(message["id"])
                assert (await phone.send("+48606000002", "at work")).status == 202
                self._slowest = max(self._slowest, time.monotonic() - began)
                await asyncio.sleep(0.01)


def mutations(octets, number, seed):
    """The message with something wrong: octets changed, lost, doubled, or its end missing."""
    chance = random.Random(seed)
    for _ in range(number):
        damaged = bytearray(octets)
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(damaged))
            match chance.randrange(4):
                case 0:
                    damaged[at] = chance.randrange(256)
                case 1:
                    del damaged[at : at + chance.randint(1, 20)]
                case 2:
                    damaged[at:at] = damaged[at : at + 20] * chance.randint(1, 3)
                case _:
                    del damaged[max(at, 20) :]
            if len(damaged) < 30:
                break
        yield bytes(damaged)


async def test_damaged_datagrams(stage):
    async with Neighbours(stage), phone_of(stage, "nobody") as stranger:
        for method in ("MESSAGE", "REGISTER", "INVITE", "\udc80".encode("utf-8", "surrogateescape").hex()):
            for damaged in mutations(Ask(method=method, body="hello " * 20).octets(), 150, method):
                stranger.octets(damaged)
                await asyncio.sleep(0.001)
        for size in (0, 1, 19, 1500, 65_000):
            stranger.octets(random.Random(size).randbytes(size))
        answer = await stranger.send("+48606000003", "never")  # it is still answered as it should be
        assert answer.status == 401


async def test_nonsense_on_streams(stage):
    async with Neighbours(stage):
        for listener, cases in (("sip_tcp", STREAM), ("http", HTTP)):
            for case, octets in cases.items():
                answer = await exchange(stage, listener, octets)
                first = answer.split(b"\r\n")[0].split(b" ")
                assert not answer or 400 <= int(first[1]) < 600, (case, answer[:100])
                assert b"Traceback" not in answer, case


async def test_connections_that_begin_and_go_silent(stage):
    held = []
    for listener, octets in (("http", b"POST /v1/messages HTTP/1.1\r\nHos"), ("sip_tcp", b"MESSAGE sip:1@s")):
        for _ in range(HELD):
            reader, writer = await asyncio.open_connection(*stage.serve.address(listener))
            writer.write(octets)
            held.append((reader, writer))
    async with Neighbours(stage):
        await asyncio.gather(*(trickle(writer) for _, writer in held))
    for _, writer in held:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_a_carrier_that_talks_nonsense(stage):
    """Its connection is made anew; whoever sends meanwhile is accepted."""
    await stage.handsets.fault("garbage", count=1)
    async with Neighbours(stage):
        await asyncio.sleep(0.3)
    await stage.handsets.heal()


async def trickle(writer):
    for _ in range(20):
        with suppress(OSError):
            writer.write(b"x")
            await writer.drain()
        await asyncio.sleep(0.05)


async def exchange(stage, listener, octets):
    """What comes back until the peer closes, or until nothing more comes."""
    reader, writer = await asyncio.open_connection(*stage.serve.address(listener))
    answer = b""
    with suppress(OSError, TimeoutError):
        writer.write(octets)
        await writer.drain()
        async with asyncio.timeout(1.0):
            while piece := await reader.read(65536):
                answer += piece
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return answer
