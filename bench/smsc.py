"""A carrier that does next to nothing: answers at once, counts, sends receipts on request; a process apart.

The product's simulator keeps handsets and a log; here whatever the carrier spends is taken from those who are
compared, so it reads no more than the header. Every bind is counted under its system_id. One whose system_id
ends in `-receipts` gets a receipt for each. The control port answers each line with the counts in JSON.
"""

import asyncio
import json
import os
import signal
import struct
import time
from collections import deque
from dataclasses import dataclass
from typing import cast

import uvloop

# SMPP 3.4, 5.1.2.1
SUBMIT_SM, SUBMIT_SM_RESP = 0x00000004, 0x80000004
DELIVER_SM, DELIVER_SM_RESP = 0x00000005, 0x80000005
BINDS = (0x00000001, 0x00000002, 0x00000009)
ENQUIRE_LINK, UNBIND = 0x00000015, 0x00000006
RESPONSE = 0x80000000
HEADER = struct.Struct(">IIII")
# Receipts that may be unanswered, as with the simulator.
WINDOW = 100
RECEIPTS = "-receipts"


@dataclass(slots=True)
class Tally:
    """What came in on the binds of one system_id; `last` is the moment (monotonic) of the newest submit."""

    submits: int = 0
    last: float = 0.0
    receipts: int = 0


class Bind(asyncio.Protocol):
    """One connection."""

    def __init__(self, tallies: dict[str, Tally]) -> None:
        self._tallies = tallies
        self._tally = Tally()
        self._buffer = b""
        self._receipts = False
        self._queue: deque[bytes] = deque()
        self._outstanding = 0
        self._sequence = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        answers: list[bytes] = []
        start, end = 0, len(buffer)
        while end - start >= HEADER.size:
            length, command, _, sequence = HEADER.unpack_from(buffer, start)
            if length < HEADER.size or end - start < length:
                break
            self._pdu(command, sequence, buffer[start + HEADER.size : start + length], answers)
            start += length
        self._buffer = buffer[start:]
        self._fill(answers)
        if answers:
            self._transport.write(b"".join(answers))

    def _pdu(self, command: int, sequence: int, body: bytes, answers: list[bytes]) -> None:
        if command == SUBMIT_SM:
            self._submit(sequence, body, answers)
        elif command == DELIVER_SM_RESP:
            self._outstanding -= 1
            self._tally.receipts += 1
        elif command in BINDS:
            system_id = body.partition(b"\0")[0].decode("ascii")
            self._tally = self._tallies.setdefault(system_id, Tally())
            self._receipts = system_id.endswith(RECEIPTS)
            answers.append(_pdu(command | RESPONSE, sequence, b"bench\0"))
        elif not command & RESPONSE:
            answers.append(_pdu(command | RESPONSE, sequence, b""))

    def _submit(self, sequence: int, body: bytes, answers: list[bytes]) -> None:
        tally = self._tally
        tally.submits += 1
        tally.last = time.monotonic()
        identifier = b"%x" % (0x10000000 + tally.submits)
        answers.append(_pdu(SUBMIT_SM_RESP, sequence, identifier + b"\0"))
        if self._receipts:
            self._queue.append(_receipt(body, identifier))

    def _fill(self, answers: list[bytes]) -> None:
        while self._queue and self._outstanding < WINDOW:
            self._sequence += 1
            self._outstanding += 1
            answers.append(_pdu(DELIVER_SM, self._sequence, self._queue.popleft()))


def _pdu(command: int, sequence: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), command, 0, sequence) + body


def _receipt(submit: bytes, identifier: bytes) -> bytes:
    """deliver_sm of a receipt (SMPP 3.4, 4.6.1, appendix B) for the body of a submit_sm."""
    source, at = _address(submit, submit.index(b"\0") + 1)
    destination, _ = _address(submit, at)
    date = time.strftime("%y%m%d%H%M").encode()
    text = b"id:%b sub:001 dlvrd:001 submit date:%b done date:%b stat:DELIVRD err:000 text:" % (
        identifier, date, date,
    )  # fmt: skip
    fixed = b"\x04\0\0" + b"\0\0" + b"\0\0\0\0"  # esm_class: a receipt; no schedule, no validity, no options
    tlvs = struct.pack(">HH", 0x001E, len(identifier) + 1) + identifier + b"\0"
    tlvs += struct.pack(">HHB", 0x0427, 1, 2)  # message_state DELIVERED
    return b"\0" + destination + source + fixed + bytes((len(text),)) + text + tlvs


def _address(body: bytes, at: int) -> tuple[bytes, int]:
    """TON, NPI and digits with their NUL, and where the next field begins."""
    end = body.index(b"\0", at + 2) + 1
    return body[at:end], end


class Control(asyncio.Protocol):
    """Tells the counts, one line of JSON for each line asked."""

    def __init__(self, tallies: dict[str, Tally]) -> None:
        self._tallies = tallies

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        shown = {
            name: {"submits": tally.submits, "last": tally.last, "receipts": tally.receipts}
            for name, tally in self._tallies.items()
        }
        self._transport.write((json.dumps(shown) + "\n").encode() * data.count(b"\n"))


async def _serve() -> None:
    tallies: dict[str, Tally] = {}
    loop = asyncio.get_running_loop()
    smpp = await loop.create_server(lambda: Bind(tallies), "127.0.0.1", 0)
    control = await loop.create_server(lambda: Control(tallies), "127.0.0.1", 0)
    told_to_stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told_to_stop.set)
    addresses = {
        name: "{}:{}".format(*server.sockets[0].getsockname()[:2])
        for name, server in (("smpp", smpp), ("control", control))
    }
    print("ready " + json.dumps({"pid": os.getpid(), **addresses}), flush=True)
    await told_to_stop.wait()


if __name__ == "__main__":
    uvloop.run(_serve())
