"""Our SMPP carrier against an independent SMSC (smpp34): both sides of the codec in other hands."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.carrier import PATIENCE, Outcomes, RecordingEvents, bound, link, part, until
from voip_sms.core.failures import Accepted, Temporary
from voip_sms.core.joining import Fragment, join
from voip_sms.core.model import Sender
from voip_sms.core.segments import segment

pytestmark = pytest.mark.peer("smpp34")

HANDSET, SERVICE = "+48601123456", "+48601000001"
LONG = "Zażółć gęślą jaźń 😀 " * 12
LONG_GSM = "a@b[c]€ " * 60


class Peer:
    """The SMSC's process and what it said."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self._process = process
        self.lines: list[dict] = []

    async def said(self, event: str, count: int = 1) -> list[dict]:
        """All events of this name, once there are `count`."""
        async with asyncio.timeout(PATIENCE):
            while len(found := [line for line in self.lines if line["event"] == event]) < count:
                self.lines.append(json.loads(await self._process.stdout.readline()))
        return found


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "support.smpp34_server", str(port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        smsc = Peer(process, port)
        await smsc.said("ready")
        yield smsc
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def running(peer, events=None, **changes):
    carrier = link(peer.port, events, **changes)
    await carrier.start()
    try:
        yield await bound(carrier)
    finally:
        await carrier.stop(2.0)


async def test_a_text_its_receipt_and_an_answer_through_an_independent_smsc(peer):
    events, outcomes = RecordingEvents(), Outcomes()
    async with running(peer, events) as carrier:
        carrier.submit(part(text="a@b€", sender=Sender("number", SERVICE)), outcomes.done)
        [outcome] = await outcomes.count(1)
        [seen] = await peer.said("submit")
        assert (seen["source"], seen["dest"]) == ([1, 1, SERVICE[1:]], [1, 1, HANDSET[1:]])
        assert (seen["coding"], seen["esm_class"], seen["registered"]) == (0, 0, 1)
        assert bytes.fromhex(seen["text"]) == b"a\x00b\x1be"
        assert outcome == Accepted("a1", "000000A1")
        await until(lambda: events.receipts and events.received)
        receipt, answer = events.receipts[0], events.received[0]
        assert (receipt.references[0], receipt.status, receipt.recipient) == ("a1", "delivered", HANDSET)
        assert (answer.sender, answer.to, answer.text) == (HANDSET, SERVICE, "a@b€")
        assert (await peer.said("receipt"))[0]["status"] == 0
        assert (await peer.said("echo"))[0]["status"] == 0
    await peer.said("unbound")


@pytest.mark.parametrize("how", ["udh", "sar", "payload"])
@pytest.mark.parametrize("text", [LONG, LONG_GSM])
async def test_long_texts_there_and_back(peer, how, text):
    events, outcomes = RecordingEvents(), Outcomes()
    cut = segment(text, 20)
    pieces = (text,) if how == "payload" else cut.parts
    async with running(peer, events, long=how) as carrier:
        for no, piece in enumerate(pieces, 1):
            one = part(text=piece, no=no, total=len(pieces), reference=4711, encoding=cut.encoding)
            carrier.submit(one, outcomes.done)
        assert all(isinstance(one, Accepted) for one in await outcomes.count(len(pieces)))
        await until(lambda: len(events.received) == len(pieces))
        back = {one.no: Fragment(one.text, one.encoding) for one in events.received}
        assert join(back, len(pieces)).text == text


async def test_12_throttled_by_an_independent_smsc(peer):
    outcomes = Outcomes()
    async with running(peer) as carrier:
        carrier.submit(part(text="throttle me"), outcomes.done)
        assert await outcomes.count(1) == [Temporary("ESME_RTHROTTLED", slow=True)]
        assert carrier.free() == 0


async def test_5_a_store_that_fails_is_a_temporary_error_to_an_independent_smsc(peer):
    events, outcomes = RecordingEvents(), Outcomes()
    events.down = True
    async with running(peer, events) as carrier:
        carrier.submit(part(), outcomes.done)
        assert (await peer.said("receipt"))[0]["status"] == 0x64


async def test_13_three_hundred_parts_in_a_window_of_ten(peer):
    events, outcomes = RecordingEvents(), Outcomes()
    async with running(peer, events, window=10) as carrier:
        numbers = iter(range(300))

        def send() -> None:
            while carrier.free() > 0 and (number := next(numbers, None)) is not None:
                carrier.submit(part(number, text=f"No. {number}"), outcomes.done)

        carrier.on_free(send)
        send()
        accepted = await outcomes.count(300)
        await until(lambda: len(events.receipts) == 300)
        assert {one.references[0] for one in events.receipts} == {one.reference for one in accepted}
