"""The load on HTTP, SIP and SMTP, each in a process of its own; its figures as values."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.http_load import Plan

# Beyond the load itself: start, stop, and answers that come late.
SLACK = 30.0
TEXT = "The parcel is waiting, the code is 123456. It will be kept for 3 days."


class LoadFailedError(Exception):
    """The load did not run, or somebody refused what should have been accepted."""


@dataclass(frozen=True, slots=True)
class Http:
    """One kind of HTTP request; recipients.PLACE stands where the recipient goes."""

    address: str
    method: str
    path: str
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """In wire form."""
        headers = {"Host": self.address, **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body.encode()))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n{self.body}"


@dataclass(frozen=True, slots=True)
class Figures:
    """What the load saw: all that was accepted, how much per second while it lasted, latencies in ms.

    `began` is a moment on the monotonic clock that all processes share; `repeated` counts retransmissions.
    """

    began: float
    accepted: int
    rate: float
    p50: float
    p99: float
    repeated: int = 0


async def http_load(
    request: Http, connections: int, seconds: float, first: int, rate: float = 0.0
) -> Figures:
    """Keep `connections` requests under way for `seconds`, to recipients from number `first` on."""
    host, _, port = request.address.rpartition(":")
    plan = Plan(host, int(port), str(request), connections, seconds, first, rate)
    return await _figures("http_load", json.dumps(asdict(plan)), within=seconds + SLACK)


async def sip_load(
    address: tuple[str, int], waiting: int, seconds: float, first: int, transport: str = "udp"
) -> Figures:
    """Keep `waiting` MESSAGE requests under way for `seconds`, over udp, tcp or tls."""
    host, port = address
    arguments = (host, str(port), str(seconds), str(waiting), str(first), transport)
    return await _figures("sip_load", *arguments, within=seconds + SLACK)


async def mail_load(address: tuple[str, int], connections: int, seconds: float, first: int) -> Figures:
    """Hand in one mail after another on each of `connections`."""
    host, port = address
    arguments = (host, str(port), str(seconds), str(connections), str(first))
    return await _figures("mail_load", *arguments, within=seconds + SLACK)


async def _figures(name: str, *arguments: str, within: float) -> Figures:
    found = await _run(sys.executable, "-m", f"bench.{name}", *arguments, within=within)
    if found["refused"] or found.get("broken") or found["unanswered"] or not found["accepted"]:
        raise LoadFailedError(f"{name}: {found}")
    return Figures(
        began=found["began"],
        accepted=found["accepted"],
        rate=found["in_time"] / found["seconds"],
        p50=found["p50"] * 1e3,
        p99=found["p99"] * 1e3,
        repeated=found.get("repeated", 0),
    )


async def _run(*command: str, within: float) -> dict[str, Any]:
    """Run it to its end and read the line of figures."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = out.decode(errors="replace")
    for line in text.splitlines():
        if line.startswith("figures "):
            found: dict[str, Any] = json.loads(line.removeprefix("figures "))
            return found
    raise LoadFailedError(f"{' '.join(command[1:3])} ended with {process.returncode}:\n{text[-2000:]}")
