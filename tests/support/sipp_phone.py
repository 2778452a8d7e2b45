"""Debian's sipp as a phone: one process that is registered and answers, one more for each text sent."""

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Final, Self

from support import peers
from support.sipp import SippRun, run_sipp
from voip_sms.demo.children import dies_with_us
from voip_sms.demo.phone import ANSWER, Inbox, Incoming, PhoneAccount, Sent
from voip_sms.demo.ports import quiet_port

POLL: Final = 0.05  # seconds between two looks at its log
LIFETIME: Final = 600_000  # ms that it stays registered without being told to end
_TRANSPORTS: Final = {"udp": "u1", "tcp": "t1"}
# Its log frames every message with its direction and its length in octets.
_LOGGED: Final = re.compile(rb"(?:UDP|TCP) message (sent|received) [\[(](\d+)(?: bytes\)|\] bytes ?):\n\n")
_REQUEST: Final = """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
From: <sip:{user}@{domain}>;tag=[call_number]
Call-ID: [call_id]
Max-Forwards: 70
"""
_REGISTER: Final = """
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="registered">
  <send retrans="500"><![CDATA[
REGISTER sip:{domain} SIP/2.0
{request}To: <sip:{user}@{domain}>
CSeq: 1 REGISTER
Contact: <sip:{user}@[local_ip]:[local_port];transport=[transport]>
Expires: {expires}
Content-Length: 0

]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
REGISTER sip:{domain} SIP/2.0
{request}To: <sip:{user}@{domain}>
CSeq: 2 REGISTER
Contact: <sip:{user}@[local_ip]:[local_port];transport=[transport]>
Expires: {expires}
[authentication username={user} password={password}]
Content-Length: 0

]]></send>
  <recv response="200"/>
  <pause milliseconds="{lifetime}"/>
</scenario>
"""
_ANSWER: Final = """
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="answers">
  <recv request="MESSAGE"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""
_MESSAGE: Final = """
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="message">
  <send retrans="500"><![CDATA[
MESSAGE sip:[service]@{domain} SIP/2.0
{request}To: <sip:[service]@{domain}>
CSeq: 1 MESSAGE
Content-Type: text/plain;charset=UTF-8
Content-Length: [len]

[field0]]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
MESSAGE sip:[service]@{domain} SIP/2.0
{request}To: <sip:[service]@{domain}>
CSeq: 2 MESSAGE
[authentication username={user} password={password}]
Content-Type: text/plain;charset=UTF-8
Content-Length: [len]

[field0]]]></send>
  <recv response="202" optional="true" next="end"/>
  <recv response="413"/>
  <label id="end"/>
</scenario>
"""


class SippPhone(Inbox):
    """One account; `messages` keeps what came in. Texts have one line and no semicolon (its fields end there)."""

    def __init__(self, account: PhoneAccount, folder: Path) -> None:
        super().__init__()
        self.account = account
        self._folder = folder
        self._sent = 0
        self._process: asyncio.subprocess.Process | None = None
        self._tailing: asyncio.Task[None] | None = None
        self._registered = asyncio.Event()

    async def start(self) -> Self:
        """Start the process that registers and answers."""
        program = peers.find_command("sipp")
        if program is None:
            peers.missing("sipp", "apt-get install sip-tester")
        (self._folder / "register.xml").write_text(self._scenario(_REGISTER), encoding="utf-8")
        (self._folder / "answer.xml").write_text(_ANSWER.lstrip(), encoding="utf-8")
        self._process = await asyncio.create_subprocess_exec(
            *(*dies_with_us(), program, f"{self.account.host}:{self.account.port}"),
            *("-sf", "register.xml", "-oocsf", "answer.xml", "-i", "127.0.0.1", "-nostdin", "-m", "1"),
            *("-p", str(quiet_port())),  # its usual one would be another sipp's over TCP
            *("-t", _TRANSPORTS[self.account.transport], "-trace_msg", "-message_file", "messages.log"),
            *("-trace_err", "-error_file", "errors.log"),
            cwd=self._folder,
            env={"TERM": "dumb", "HOME": str(self._folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._tailing = asyncio.create_task(self._tail())
        return self

    async def register(self, within: float = ANSWER) -> Sent:
        """Wait until the registrar said 200. Starts it first."""
        if self._process is None:
            await self.start()
        async with asyncio.timeout(within):
            await self._registered.wait()
        return Sent(200, "OK")

    async def send(self, to: str, text: str, within: float = ANSWER) -> Sent:
        """Send a MESSAGE; its final answer."""
        self._sent += 1
        folder = self._folder / f"sent-{self._sent}"
        folder.mkdir()
        run = SippRun(
            self._scenario(_MESSAGE),
            f"{self.account.host}:{self.account.port}",
            transport=_TRANSPORTS[self.account.transport],
            service=to,
            lines=[text],
            within=within,
        )
        result = await run_sipp(run, folder)
        answers = re.findall(r"^SIP/2\.0 (\d+) ([^\r\n]*)", result.messages, re.MULTILINE)
        return Sent(int(answers[-1][0]), answers[-1][1]) if answers else Sent(408, result.errors)

    async def close(self) -> None:
        """End it; sipp says no goodbye, so the binding stays until it expires."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        tailing, self._tailing = self._tailing, None
        if tailing is not None:
            tailing.cancel()
            await asyncio.gather(tailing, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _scenario(self, text: str) -> str:
        account = self.account
        names = {"user": account.user, "password": account.password, "domain": account.domain}
        request = _REQUEST.format(**names)
        return text.format(**names, request=request, expires=account.expires, lifetime=LIFETIME).lstrip()

    async def _tail(self) -> None:
        """Read its log as it grows."""
        file = self._folder / "messages.log"
        at = 0
        while True:
            octets = file.read_bytes() if file.exists() else b""
            while (found := _LOGGED.search(octets, at)) is not None:
                direction, size = found[1], int(found[2])
                message = octets[found.end() : found.end() + size]
                if len(message) < size:
                    break
                at = found.end() + size
                if direction == b"received":
                    self._take(message)
            await asyncio.sleep(POLL)

    def _take(self, message: bytes) -> None:
        head, _, body = message.partition(b"\r\n\r\n")
        first, *lines = head.decode(errors="replace").split("\r\n")
        headers = tuple((one.partition(":")[0], one.partition(":")[2].strip()) for one in lines)
        values = {name.lower(): value for name, value in headers}
        if first.startswith("SIP/2.0 200") and "REGISTER" in values.get("cseq", ""):
            self._registered.set()
        elif first.startswith("MESSAGE "):
            self.messages.add(
                Incoming(
                    sender=values.get("from", ""),
                    to=values.get("to", ""),
                    contact=values.get("contact", ""),
                    body=body.decode(errors="replace"),
                    content_type=values.get("content-type", ""),
                    headers=headers,
                )
            )
