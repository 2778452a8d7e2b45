"""A real SIP phone to hold in one's hand: PJSIP in a subprocess behind a few awaitable calls."""

import asyncio
import importlib.util
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from voip_sms.demo.call import Call, CallState
from voip_sms.demo.recorder import Recorder

# The library loads in 0.3 s; this is for a busy two-core machine.
START = 15.0
# RFC 3261 17.1.2.2, timer F: a request without an answer ends after 32 s; PJSIP then reports 408.
ANSWER = 40.0
# PJSIP unregisters on the way out and waits a little for the answer.
CLOSE = 10.0
# A message of the network's largest size with all headers is far below this.
LINE_LIMIT = 1 << 20


class PhoneFailedError(Exception):
    """The phone's process ended, or said that it cannot do what was asked."""


class Sent(NamedTuple):
    """The final answer to a MESSAGE: SIP status (408: none came; 0: it never left) and reason phrase."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A MESSAGE that the phone took."""

    sender: str  # From, as a URI with or without display name
    to: str
    contact: str
    body: str
    content_type: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """The first header of this name, whatever its case; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True, slots=True)
class PhoneAccount:
    """Whose phone it is and where its registrar listens; `transport`: udp, tcp or tls; `expires` in seconds.

    `root_ca`: with tls, the PEM file of whom it trusts; empty: it takes any certificate.
    """

    user: str
    password: str
    domain: str
    host: str
    port: int
    transport: str = "udp"
    expires: int = 300
    root_ca: str = ""


class Inbox:
    """What a phone took: `messages` keeps all of it."""

    def __init__(self) -> None:
        self.messages: Recorder[Incoming] = Recorder()
        self._read = 0

    async def next_message(self, within: float = 10.0) -> Incoming:
        """The next message not handed out yet, in order of arrival; TimeoutError after `within` seconds."""
        message = await self.messages.first(lambda _: True, within, after=self._read)
        self._read += 1
        return message

    async def message_with(self, text: str, within: float = 10.0) -> Incoming:
        """The first message whose text contains `text`, whether handed out or not."""
        return await self.messages.first(lambda message: text in message.body, within)


class Phone(Inbox):
    """One phone with one account. Every call is bounded; `messages` and `calls` keep what came in."""

    def __init__(self, account: PhoneAccount, log: Path | None = None) -> None:
        super().__init__()
        self.account = account
        self.address = ""
        self.calls: Recorder[Call] = Recorder()
        self._by_name: dict[str, Call] = {}
        self._recordings = Path()
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._next = 0
        self._waiting: dict[str, asyncio.Future[Mapping[str, Any]]] = {}

    @staticmethod
    def available() -> bool:
        """Whether this Python has PJSIP; it is never loaded here."""
        return importlib.util.find_spec("pjsua2") is not None

    @staticmethod
    def why_not() -> str:
        """What to tell a person when it is not available."""
        return (
            f"no pjsua2 for Python {platform.python_version()} on {platform.machine()}: "
            "`make demo` installs it for Python 3.11 and 3.12 on x86_64"
        )

    async def start(self) -> Self:
        """Start the phone's process; it has an address of its own then, and takes messages."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "voip_sms.demo.phone_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_LIMIT,
        )
        self._reader = asyncio.create_task(self._listen())
        account = self.account
        started = await self._ask(
            "started",
            START,
            do="start",
            user=account.user,
            password=account.password,
            domain=account.domain,
            host=account.host,
            port=account.port,
            transport=account.transport,
            expires=account.expires,
            root_ca=account.root_ca,
            log=str(self._log or ""),
        )
        self.address = str(started["address"])
        return self

    async def register(self, within: float = ANSWER) -> Sent:
        """REGISTER and wait for the final answer (after the 401): 200, or why not. Starts the phone first."""
        if self._process is None:
            await self.start()
        answer = await self._ask("registered", within, do="register")
        return Sent(answer["status"], answer["reason"])

    async def unregister(self, within: float = ANSWER) -> Sent:
        """REGISTER with Expires: 0."""
        answer = await self._ask("registered", within, do="unregister")
        return Sent(answer["status"], answer["reason"])

    async def send(self, to: str, text: str, within: float = ANSWER) -> Sent:
        """Send a MESSAGE to a number as typed, or to a URI; its final answer. They leave one by one."""
        self._next += 1
        answer = await self._ask(
            f"sent {self._next}", within, do="send", id=self._next, to=self._uri(to), text=text
        )
        return Sent(answer["status"], answer["reason"])

    async def call(self, to: str, recording: Path) -> Call:
        """Call a number as typed, or a URI; what is heard goes into the WAV file `recording`."""
        self._next += 1
        call = self._known(Call(f"out {self._next}", recording, self._do))
        await self._do("call", id=call.name, to=self._uri(to), record=str(recording))
        return call

    async def answer_calls(self, folder: Path) -> None:
        """Answer from now on whoever calls, record each in `folder`, and add it to `calls` when it is up."""
        self._recordings = folder
        await self._ask("answering", ANSWER, do="answer", record=str(folder / "{}.wav"))

    async def close(self) -> None:
        """Hang up for good, with a REGISTER that removes the binding."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            async with asyncio.timeout(CLOSE):
                self._write(process, do="quit")
                await process.wait()
        except (TimeoutError, ConnectionError):
            await self._kill(process)
        await self._reap()

    async def kill(self) -> None:
        """Cut the power: no goodbye, the binding stays with the registrar."""
        process, self._process = self._process, None
        if process is not None:
            await self._kill(process)
            await self._reap()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(self, event: str, within: float, **command: Any) -> Mapping[str, Any]:
        process = self._process
        if process is None:
            raise PhoneFailedError("the phone is not running")
        waiter: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[event] = waiter
        try:
            self._write(process, **command)
            async with asyncio.timeout(within):
                return await waiter
        except ConnectionError as error:
            raise PhoneFailedError("the phone's process ended") from error
        finally:
            self._waiting.pop(event, None)

    def _uri(self, to: str) -> str:
        return to if to.startswith(("sip:", "sips:", "tel:")) else f"sip:{to}@{self.account.domain}"

    def _known(self, call: Call) -> Call:
        self._by_name[call.name] = call
        return call

    async def _do(self, command: str, **values: Any) -> None:
        """A command whose outcome shows in later events."""
        if self._process is None:
            raise PhoneFailedError("the phone is not running")
        self._write(self._process, do=command, **values)

    def _write(self, process: asyncio.subprocess.Process, **command: Any) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(command).encode() + b"\n")

    async def _listen(self) -> None:
        assert self._process is not None
        stdout = self._process.stdout
        assert stdout is not None
        while line := await stdout.readline():
            self._take(json.loads(line))
        self._fail_all("the phone's process ended")

    def _take(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "message":
                self.messages.add(_incoming(event))
            case "error":
                self._fail_all(str(event["text"]))
            case "sent":
                self._answer(f"sent {event['id']}", event)
            case "call":
                self._call_changed(event)
            case name:
                self._answer(name, event)

    def _call_changed(self, event: Mapping[str, Any]) -> None:
        name = str(event["id"])
        call = self._by_name.get(name)
        if call is None:
            number = name.removeprefix("in ")
            call = self._known(Call(name, self._recordings / f"{number}.wav", self._do))
            self.calls.add(call)
        call.caller = event["caller"]
        call.states.add(CallState(event["state"], event["status"], event["reason"]))

    def _answer(self, name: str, event: Mapping[str, Any]) -> None:
        waiter = self._waiting.get(name)
        if waiter is not None and not waiter.done():
            waiter.set_result(event)

    def _fail_all(self, text: str) -> None:
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(PhoneFailedError(text))

    async def _kill(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def _reap(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader


def _incoming(event: Mapping[str, Any]) -> Incoming:
    return Incoming(
        sender=event["from"],
        to=event["to"],
        contact=event["contact"],
        body=event["body"],
        content_type=event["content_type"],
        headers=tuple((name, value) for name, value in event["headers"]),
    )
