"""Debian's baresip as a phone: a process of its own, worked over its control socket, read from its SIP trace."""

import asyncio
import contextlib
import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any, Final, Self

from support import peers
from voip_sms.demo.children import dies_with_us
from voip_sms.demo.phone import ANSWER, CLOSE, START, Inbox, Incoming, PhoneAccount, PhoneFailedError, Sent
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.recorder import Recorder

MODULES: Final = "/usr/lib/baresip/modules"
REPLY: Final = 5.0  # seconds for its answer to a command
LINE_LIMIT: Final = 1 << 20
TRIES: Final = 3
"""It ends when somebody else took one of its ports (with TLS the next one, too) before it did."""
# The trace frames every packet: colour, "#", the addresses, the packet, colour off.
_PACKET: Final = re.compile(rb"\x1b\[36;1m#\n(\w+) (\S+) -> (\S+)\n(.*?)\x1b\[;m", re.DOTALL)
_BEGIN: Final = b"\x1b[36;1m#\n"
_CONFIG: Final = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
{trust}
net_interface 127.0.0.1
module_path {modules}
module_tmp account.so
module ctrl_tcp.so
module stdio.so
module_app contact.so
module_app menu.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


class _EndedError(PhoneFailedError):
    """It ended before it could be told anything."""


class Baresip(Inbox):
    """One baresip with one account. It writes to its contacts only: `contacts` are the numbers or users it knows."""

    def __init__(
        self,
        account: PhoneAccount,
        folder: Path,
        contacts: tuple[str, ...],
        root_ca: Path | None = None,
    ) -> None:
        super().__init__()
        self.account = account
        self._folder, self._contacts, self._root_ca = folder, contacts, root_ca
        self._answers: Recorder[tuple[str, int, str]] = Recorder()  # method, status, reason
        self._tokens = itertools.count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._control: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._tracing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> Self:
        """Start its process; it registers by itself."""
        program = peers.find_command("baresip")
        if program is None:
            peers.missing("baresip", "apt-get install baresip-core")
        for _ in range(TRIES - 1):
            with contextlib.suppress(_EndedError):
                return await self._start(program)
            await self.kill()
        return await self._start(program)

    async def _start(self, program: str) -> Self:
        control = quiet_port()
        self._write_home(control)
        # A pipe would be filled before it is flushed.
        unbuffered = [stdbuf, "-o0"] if (stdbuf := shutil.which("stdbuf")) else []
        self._process = await asyncio.create_subprocess_exec(
            *(*dies_with_us(), *unbuffered, program, "-f", str(self._folder), "-s"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LINE_LIMIT,
        )
        self._tracing = asyncio.create_task(self._trace())
        async with asyncio.timeout(START):
            self._control = await self._connect(control)
        return self

    async def register(self, within: float = ANSWER) -> Sent:
        """Wait for the final answer to its REGISTER. Starts it first."""
        if self._process is None:
            await self.start()
        _, status, reason = await self._answers.first(
            lambda one: one[0] == "REGISTER" and one[1] not in (100, 401), within
        )
        return Sent(status, reason)

    async def send(self, to: str, text: str, within: float = ANSWER) -> Sent:
        """Send a MESSAGE to one of the contacts; its final answer."""
        async with self._turn:
            await self._choose(to)
            seen = len(self._answers)
            self._type(f"/message {text}\n")
            _, status, reason = await self._answers.first(
                lambda one: one[0] == "MESSAGE" and one[1] not in (100, 401), within, after=seen
            )
        return Sent(status, reason)

    async def close(self) -> None:
        """Quit: it takes its binding away on the way out."""
        if self._process is not None and self._control is not None:
            with contextlib.suppress(TimeoutError, ConnectionError):
                self._control[1].write(_netstring({"command": "quit"}))
                async with asyncio.timeout(CLOSE):
                    await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """Cut the power: no goodbye, the binding stays with the registrar."""
        process, self._process = self._process, None
        control, self._control = self._control, None
        tracing, self._tracing = self._tracing, None
        if control is not None:
            control[1].close()
            with contextlib.suppress(ConnectionError):
                await control[1].wait_closed()
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()
            assert process.stdin is not None
            process.stdin.close()
        if tracing is not None:
            await tracing

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _write_home(self, control: int) -> None:
        account = self.account
        config = _CONFIG.format(
            port=quiet_port(),
            control=control,
            modules=MODULES,
            trust=f"sip_cafile {self._root_ca}" if self._root_ca else "",
        )
        (self._folder / "config").write_text(config, encoding="utf-8")
        line = (
            f"<sip:{account.user}@{account.domain};transport={account.transport}>;auth_user={account.user};"
            f"auth_pass={account.password};regint={account.expires};"
            f'outbound="sip:{account.host}:{account.port};transport={account.transport}"\n'
        )
        (self._folder / "accounts").write_text(line, encoding="utf-8")
        known = "".join(f'"{one}" <sip:{one}@{account.domain}>\n' for one in self._contacts)
        (self._folder / "contacts").write_text(known, encoding="utf-8")

    async def _choose(self, contact: str) -> None:
        """Make it the current one; the list has two ends."""
        for step in ["contact_prev"] * len(self._contacts) + ["contact_next"] * len(self._contacts):
            if f"<sip:{contact}@" in (await self._ask(step, ""))["data"]:
                return
        raise PhoneFailedError(f"{contact} is not among the contacts")

    def _type(self, line: str) -> None:
        """On its keyboard: the control socket takes no command over a kilobyte."""
        if self._process is None:
            raise PhoneFailedError("the phone is not running")
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())

    async def _connect(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert self._process is not None
        while self._process.returncode is None:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.05)
        raise _EndedError("baresip ended")

    async def _ask(self, command: str, parameters: str) -> dict[str, Any]:
        if self._control is None:
            raise PhoneFailedError("the phone is not running")
        reader, writer = self._control
        token = str(next(self._tokens))
        writer.write(_netstring({"command": command, "params": parameters, "token": token}))
        async with asyncio.timeout(REPLY):
            while True:  # its events come on the same socket
                size = int((await reader.readuntil(b":"))[:-1])
                answer: dict[str, Any] = json.loads((await reader.readexactly(size + 1))[:-1])
                if answer.get("token") == token:
                    return answer

    async def _trace(self) -> None:
        assert self._process is not None
        stdout = self._process.stdout
        assert stdout is not None
        rest = b""
        with (self._folder / "output").open("wb") as log:
            while octets := await stdout.read(65536):
                log.write(octets)
                rest += octets
                while found := _PACKET.search(rest):
                    rest = rest[found.end() :]
                    self._take(found[4])
                begun = rest.find(_BEGIN)  # what stands before is echo of the keyboard
                rest = rest[begun if begun >= 0 else -len(_BEGIN) :]

    def _take(self, packet: bytes) -> None:
        head, _, body = packet.partition(b"\r\n\r\n")
        first, *lines = head.decode(errors="replace").split("\r\n")
        headers = tuple(
            (name.strip(), value.strip()) for name, _, value in (one.partition(":") for one in lines)
        )
        values = {name.lower(): value for name, value in headers}
        if first.startswith("SIP/2.0 "):
            _, status, reason = first.split(" ", 2)
            self._answers.add((values.get("cseq", "").rpartition(" ")[2], int(status), reason))
        elif first.startswith("MESSAGE ") and values.get("user-agent", "").startswith("voip-sms"):
            self.messages.add(_incoming(values, headers, body))


def _incoming(values: dict[str, str], headers: tuple[tuple[str, str], ...], body: bytes) -> Incoming:
    return Incoming(
        sender=values.get("from", ""),
        to=values.get("to", ""),
        contact=values.get("contact", ""),
        body=body.decode(errors="replace"),
        content_type=values.get("content-type", ""),
        headers=headers,
    )


def _netstring(command: dict[str, str]) -> bytes:
    octets = json.dumps(command, ensure_ascii=False).encode()
    return b"%d:%b," % (len(octets), octets)
