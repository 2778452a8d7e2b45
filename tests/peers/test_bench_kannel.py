"""The Kannel of the bench binds to a carrier, takes an SMS over HTTP, hands it over, and goes away."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bench.kannel import Kannel, KannelFailedError, Smsc

pytestmark = pytest.mark.peer("kannel")

SUBMIT_SM = 4
RESPONSE = 0x80000000


class TinySmsc:
    """Says yes to every PDU and keeps the submits; SMPP 3.4 section 3.2: length, command, status, sequence."""

    def __init__(self) -> None:
        self.submits: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(16):
            length, command, _, sequence = struct.unpack(">IIII", head)
            body = await reader.readexactly(length - 16)
            if command & RESPONSE:
                continue
            if command == SUBMIT_SM:
                self.submits.put_nowait(body)
            answer = b"id1\0"
            writer.write(struct.pack(">IIII", 16 + len(answer), command | RESPONSE, 0, sequence) + answer)
        writer.close()


@pytest.fixture
async def smsc() -> AsyncIterator[tuple[TinySmsc, int]]:
    tiny = TinySmsc()
    server = await asyncio.start_server(tiny.serve, "127.0.0.1", 0)
    yield tiny, server.sockets[0].getsockname()[1]
    server.close()


async def test_it_takes_an_sms_and_hands_it_to_the_carrier(
    smsc: tuple[TinySmsc, int], tmp_path: Path
) -> None:
    tiny, port = smsc
    async with Kannel(Smsc("127.0.0.1", port), tmp_path) as kannel, aiohttp.ClientSession() as client:
        async with client.get(kannel.url("+48601123456", "Hello from the bench")) as response:
            assert response.status == 202
        body = await asyncio.wait_for(tiny.submits.get(), 10)
        assert b"48601123456\0" in body
        assert b"Hello from the bench" in body
        boxes = list(kannel._boxes)
    assert [box.returncode is not None for box in boxes] == [True, True]


async def test_without_a_carrier_it_says_why_and_leaves_nothing_running(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("bench.kannel.START", 2.0)
    kannel = Kannel(Smsc("127.0.0.1", 9), tmp_path)
    with pytest.raises(KannelFailedError, match="did not get ready"):
        await kannel.start()
    assert not kannel._boxes
