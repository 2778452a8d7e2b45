"""Programs that send one message a request over kept-alive HTTP/1.1 connections; prints what they saw.

    python -m bench.http_load <one line of JSON: Plan>

Written on the bare protocol: a request is four joined byte strings, an answer one look for its status and one
for its end, so that the load takes a fraction of what those cost that it measures.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

from bench.recipients import PLACE, mobile

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"connection: *close", re.IGNORECASE)
# After the load: what is still under way gets this long to be answered.
GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send where. PLACE stands in `request` for the recipient; `rate` 0 means as fast as it goes."""

    host: str
    port: int
    request: str
    connections: int
    seconds: float
    first: int
    rate: float = 0.0


@dataclass(slots=True)
class Seen:
    """All connections' results."""

    times: list[float] = field(default_factory=list)
    refused: int = 0
    broken: int = 0
    complaint: str = ""


class Load:
    """The connections and what they share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.seen = Seen()
        self._pieces = plan.request.encode().split(PLACE.encode())
        self._number = plan.first
        self._loop = asyncio.get_running_loop()
        self._busy = 0
        self._idle = asyncio.Event()
        self._pause = plan.connections / plan.rate if plan.rate else 0.0
        self.end = 0.0

    async def run(self) -> dict[str, object]:
        programs = [Program(self) for _ in range(self.plan.connections)]
        for program in programs:
            await self.connect(program)
        began = time.monotonic()
        self.end = began + self.plan.seconds
        for n, program in enumerate(programs):
            if self._pause:
                self._loop.call_later(self._pause * n / len(programs), program.send)
            else:
                program.send()
        await asyncio.sleep(self.plan.seconds)
        took, in_time = time.monotonic() - began, len(self.seen.times)
        unanswered = await self._wait()
        times = sorted(self.seen.times)
        return {
            "began": began, "accepted": len(times), "in_time": in_time, "seconds": took,
            "refused": self.seen.refused, "broken": self.seen.broken, "unanswered": unanswered,
            "complaint": self.seen.complaint,
            "p50": times[len(times) // 2] if times else 0,
            "p99": times[len(times) * 99 // 100] if times else 0,
        }  # fmt: skip

    async def connect(self, program: "Program") -> None:
        await self._loop.create_connection(lambda: program, self.plan.host, self.plan.port)

    def next_request(self) -> bytes:
        self._busy += 1
        self._number = number = self._number + 1
        return mobile(number).encode().join(self._pieces)

    def answered(self, program: "Program", answer: bytes, began: float) -> None:
        now = time.monotonic()
        self._busy -= 1
        if answer.startswith((b"HTTP/1.1 202", b"HTTP/1.0 202")):
            self.seen.times.append(now - began)
        else:
            self.seen.refused += 1
            self.seen.complaint = self.seen.complaint or answer[:500].decode(errors="replace")
        if now >= self.end:
            self._idle.set()
        elif self._pause:
            self._loop.call_later(max(0.0, began + self._pause - now), program.send)
        elif program.open:
            program.send()

    def lost(self, program: "Program", *, waiting: bool) -> None:
        """A connection is gone: while its answer was due, or between two requests, as HTTP allows."""
        if waiting:
            self._busy -= 1
            self.seen.broken += 1
        if time.monotonic() < self.end:
            self._loop.create_task(self._again(program))

    async def _again(self, program: "Program") -> None:
        await self.connect(program)
        program.send()

    async def _wait(self) -> int:
        until = time.monotonic() + GRACE
        while self._busy and time.monotonic() < until:
            self._idle.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self._idle.wait()
            except TimeoutError:
                break
        return self._busy


class Program(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._began = 0.0
        self._waiting = False
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = b""
        self.open = True

    def send(self) -> None:
        if self.open and not self._waiting and time.monotonic() < self._load.end:
            self._waiting = True
            self._began = time.monotonic()
            self._transport.write(self._load.next_request())

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        end = buffer.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(buffer, 0, end)
        if length is None or len(buffer) < end + len(_END) + int(length[1]):
            return
        self._buffer = b""
        self._waiting = False
        if _CLOSE.search(buffer, 0, end):
            self.open = False
            self._transport.close()
        self._load.answered(self, buffer, self._began)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.open = False
        waiting, self._waiting = self._waiting, False
        self._load.lost(self, waiting=waiting)


async def _run(plan: Plan) -> dict[str, object]:
    return await Load(plan).run()


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    print("figures " + json.dumps(uvloop.run(_run(plan))), flush=True)


if __name__ == "__main__":
    main()
