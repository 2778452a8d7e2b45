"""Mail servers that hand in one mail after another over connections that stay; prints what they saw.

    python -m bench.mail_load HOST PORT SECONDS CONNECTIONS FIRST

Each mail has one recipient and an author who proves himself by the token in it. MAIL, RCPT and DATA go in one
segment (RFC 2920), as servers send them.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

import uvloop

from bench.recipients import mobile

SENDER, TOKEN = "biuro@example.test", "k7q2"
MAIL = (
    f"From: Biuro <{SENDER}>\r\nTo: {{to}}@sms.test\r\nSubject: Parcel\r\n"
    "Message-ID: <{number}@example.test>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    "The parcel is waiting, the code is 123456. It will be kept for 3 days.\r\n.\r\n"
)
ANSWER = 10.0
"""Seconds for one answer."""


@dataclass(slots=True)
class Seen:
    """All connections' results."""

    times: list[float] = field(default_factory=list)
    in_time: int = 0
    refused: int = 0
    complaint: str = ""


class Load:
    """The connections and what they share."""

    def __init__(self, host: str, port: int, seconds: float, first: int) -> None:
        self._to = host, port
        self._seconds = seconds
        self._number = first
        self.seen = Seen()

    async def run(self, connections: int) -> dict[str, object]:
        """Everybody until the time is over, and the last answers."""
        ready = [await asyncio.open_connection(*self._to) for _ in range(connections)]
        for reader, writer in ready:
            await _reply(reader)
            writer.write(b"EHLO bench.test\r\n")
            await _reply(reader)
        began = time.monotonic()
        await asyncio.gather(*(self._send(began + self._seconds, *one) for one in ready))
        seen, times = self.seen, sorted(self.seen.times)
        return {
            "began": began, "accepted": len(times), "in_time": seen.in_time, "seconds": self._seconds,
            "refused": seen.refused, "unanswered": 0, "complaint": seen.complaint,
            "p50": times[len(times) // 2] if times else 0,
            "p99": times[len(times) * 99 // 100] if times else 0,
        }  # fmt: skip

    async def _send(self, end: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (began := time.monotonic()) < end:
            self._number = number = self._number + 1
            to = mobile(number)
            writer.write(
                f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{to}+{TOKEN}@sms.test>\r\nDATA\r\n".encode("ascii")
            )
            said = [await _reply(reader) for _ in range(3)]
            if not said[-1].startswith(b"354"):
                self._refused(said[-2])
                return
            writer.write(MAIL.format(to=to, number=number).encode("ascii"))
            answer = await _reply(reader)
            if not answer.startswith(b"250"):
                self._refused(answer)
                return
            now = time.monotonic()
            self.seen.times.append(now - began)
            self.seen.in_time += now <= end

    def _refused(self, answer: bytes) -> None:
        self.seen.refused += 1
        self.seen.complaint = self.seen.complaint or answer.decode(errors="replace")


async def _reply(reader: asyncio.StreamReader) -> bytes:
    """The last line of one."""
    async with asyncio.timeout(ANSWER):
        while True:
            line = await reader.readline()
            if not line or line[3:4] == b" ":
                return line


def main() -> None:
    host, port, seconds, connections, first = sys.argv[1:]
    load = Load(host, int(port), float(seconds), int(first))
    print("figures " + json.dumps(uvloop.run(load.run(int(connections)))), flush=True)


if __name__ == "__main__":
    main()
