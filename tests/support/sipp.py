"""Debian's sipp as a scripted SIP phone or peer: runs a scenario and says how its calls went."""

import asyncio
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import peers

# Added to sipp's own time limit before it is killed: it writes its files last.
GRACE = 5.0

SIGNED = """
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="message">
  <send retrans="500"><![CDATA[
MESSAGE sip:[service]@sms.test SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:101@sms.test>;tag=[call_number]
To: <sip:[service]@sms.test>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Max-Forwards: 70
Content-Type: text/plain
Content-Length: [len]

hello from sipp]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
MESSAGE sip:[service]@sms.test SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:101@sms.test>;tag=[call_number]
To: <sip:[service]@sms.test>
Call-ID: [call_id]
CSeq: 2 MESSAGE
[authentication username=101 password=pw101]
Max-Forwards: 70
Content-Type: text/plain
Content-Length: [len]

hello from sipp]]></send>
  <recv response="202"/>
</scenario>
"""
"""A scenario: 101 sends a text and is asked for its password first."""


@dataclass(frozen=True, slots=True)
class SippRun:
    """What to run. `scenario` is XML text; `keys` fill its [name] fields; `lines` its [fieldN], one per call."""

    scenario: str
    target: str  # host:port; for a scenario that waits for requests, whom to expect
    calls: int = 1
    rate: float = 10.0  # calls per second
    at_once: int = 10
    transport: str = "u1"  # u1 UDP, t1 one TCP connection, tn one per call
    service: str = "601123456"  # [service]
    user: str = ""  # of [authentication]
    password: str = ""
    keys: Mapping[str, str] | None = None
    lines: Sequence[str] = ()
    within: float = 20.0  # seconds
    extra: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SippResult:
    """How it went. `exit_code` 0: every call succeeded; 1: some failed; 97 and up: it could not run."""

    exit_code: int
    successful: int
    failed: int
    retransmissions: int
    messages: str  # everything sent and received, as text
    errors: str
    screen: str


async def run_sipp(run: SippRun, folder: Path) -> SippResult:
    """Run one scenario in `folder` (its own, empty); a loud skip when sipp is not installed."""
    program = peers.find_command("sipp")
    if program is None:
        peers.missing("sipp", "apt-get install sip-tester")
    (folder / "scenario.xml").write_text(run.scenario.lstrip(), encoding="utf-8")
    if run.lines:
        (folder / "lines.csv").write_text("SEQUENTIAL\n" + "\n".join(run.lines) + "\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program, *_options(run), cwd=folder, env={"TERM": "dumb", "HOME": str(folder)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(run.within + GRACE):
            screen, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        screen, _ = await process.communicate()
    assert process.returncode is not None
    return _result(process.returncode, screen.decode(errors="replace"), folder)


def _options(run: SippRun) -> list[str]:
    options = [
        run.target, "-sf", "scenario.xml", "-i", "127.0.0.1", "-nostdin", "-t", run.transport, "-s", run.service,
        "-m", str(run.calls), "-r", str(run.rate), "-l", str(run.at_once),
        "-timeout", f"{run.within:.0f}s", "-timeout_error",
        "-trace_stat", "-stf", "statistics.csv", "-fd", "1",
        "-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log",
    ]  # fmt: skip
    if run.user:
        options += ["-au", run.user, "-ap", run.password]
    if run.lines:
        options += ["-inf", "lines.csv"]
    for name, value in (run.keys or {}).items():
        options += ["-key", name, value]
    return [*options, *run.extra]


def _result(code: int, screen: str, folder: Path) -> SippResult:
    last = _last_line(folder / "statistics.csv")
    return SippResult(
        exit_code=code,
        successful=int(last.get("SuccessfulCall(C)", 0)),
        failed=int(last.get("FailedCall(C)", 0)),
        retransmissions=int(last.get("Retransmissions(C)", 0)),
        messages=_text(folder / "messages.log"),
        errors=_text(folder / "errors.log"),
        screen=screen,
    )


def _last_line(statistics: Path) -> dict[str, str]:
    if not statistics.exists():
        return {}
    with statistics.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=";"))
    return lines[-1] if lines else {}


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
