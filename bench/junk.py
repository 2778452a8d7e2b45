"""A registered phone that sends while others throw junk at the port: its latency, and what the junk costs."""

import asyncio
import json
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.load import LoadFailedError
from bench.processes import usage
from bench.sip_load import DOMAIN, T1, Phone, password_of, user_of

RATE = 2000.0
SOURCES = 100
"""Each stays below what one address may do for ever: all of the junk is read."""
EVERY = 0.02
"""Seconds between the phone's messages."""
_FIRST = 500_000_000


@dataclass(frozen=True, slots=True)
class Felt:
    """What the phone felt, in ms; the service's processor seconds, and how much junk it got meanwhile."""

    p50: float
    p95: float
    p99: float
    sent: int
    processor: float
    junk: int = 0

    def __str__(self) -> str:
        return f"p50 {self.p50:6.2f} ms  p95 {self.p95:6.2f} ms  p99 {self.p99:6.2f} ms"


async def turn(
    address: tuple[str, int], pids: Sequence[int], seconds: float, sources: int = 0, rate: float = RATE
) -> Felt:
    """The phone sends for so long; with `sources`, junk comes from so many addresses meanwhile."""
    before = usage(pids).seconds
    throwing = asyncio.create_task(_throw(address, seconds, sources, rate)) if sources else None
    times = sorted(await asyncio.to_thread(_phone, address, seconds))
    junk = await throwing if throwing else 0
    at = [1000 * times[len(times) * share // 100] for share in (50, 95, 99)]
    return Felt(at[0], at[1], at[2], len(times), usage(pids).seconds - before, junk)


async def _throw(address: tuple[str, int], seconds: float, sources: int, rate: float) -> int:
    words = map(str, (*address, seconds, rate, sources))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.junk_load", *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), seconds + 30)
    if process.returncode:
        raise LoadFailedError(f"junk_load ended with {process.returncode}")
    return int(json.loads(out.decode().partition("figures ")[2])["sent"])


def _phone(address: tuple[str, int], seconds: float) -> list[float]:
    """Register, then a message every so often; the seconds each took from first sending to its 202."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.connect(address)
        own.settimeout(T1)
        local = "{}:{}".format(*own.getsockname()).encode()
        phone = Phone(user_of(0), password_of(0))
        number = _FIRST + time.monotonic_ns() % 100_000_000
        _register(own, phone, local)
        times: list[float] = []
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            number += 1
            octets = phone.message(number, local)
            answered(own, octets, b"-%d;" % number)
            times.append(time.monotonic() - began)
            time.sleep(max(0.0, began + EVERY - time.monotonic()))
        return times


def answered(own: socket.socket, octets: bytes, branch: bytes) -> bytes:
    """Send until there is an answer to it (RFC 3261 17.1.2.2), at most 32 s."""
    for _ in range(64):
        own.send(octets)
        try:
            while branch not in (reply := own.recv(65536)):
                pass
        except TimeoutError:
            continue
        if reply.startswith((b"SIP/2.0 20", b"SIP/2.0 401")):
            return reply
        raise LoadFailedError(f"the phone was refused: {reply[:60]!r}")
    raise LoadFailedError("the phone got no answer")


def _register(own: socket.socket, phone: Phone, local: bytes) -> None:
    for count in (1, 2):
        lines = [
            b"REGISTER sip:%b SIP/2.0" % DOMAIN.encode(),
            b"Via: SIP/2.0/UDP %b;branch=z9hG4bK-%d;rport" % (local, count),
            b"Max-Forwards: 70",
            b"From: <sip:%b@%b>;tag=r" % (phone.user.encode(), DOMAIN.encode()),
            b"To: <sip:%b@%b>" % (phone.user.encode(), DOMAIN.encode()),
            b"Call-ID: register-%d" % time.monotonic_ns(),
            b"CSeq: %d REGISTER" % count,
            b"Contact: <sip:%b@%b>" % (phone.user.encode(), local),
            b"Expires: 300",
            b"Content-Length: 0",
        ]
        if count > 1:
            lines.insert(-1, phone.credentials(b"REGISTER", b"sip:" + DOMAIN.encode()))
        reply = answered(own, b"\r\n".join((*lines, b"", b"")), b"-%d;" % count)
        if count == 1:
            phone.take_nonce(reply)
