"""Linphone to hold in one's hand: Debian's linphone-daemon in a process of its own behind awaitable calls."""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from voip_sms.demo.children import dies_with_us
from voip_sms.demo.phone import ANSWER, CLOSE, START, Inbox, Incoming, PhoneAccount, PhoneFailedError, Sent
from voip_sms.demo.recorder import Recorder

PROGRAM: Final = "linphone-daemon"
POLL: Final = 0.05
"""Seconds between two looks at its queue of events; it looks at its own sockets every 20 ms."""
REPLY: Final = 5.0
"""Seconds for its answer to a command: it takes commands every 50 ms."""
REPLY_LIMIT: Final = 1 << 18
"""Octets of one answer; an event holds one message."""
_SENT: Final = ("LinphoneChatMessageStateDelivered", "LinphoneChatMessageStateDeliveredToUser")
_FAILED: Final = "LinphoneChatMessageStateNotDelivered"
_REGISTERED: Final = {
    "LinphoneRegistrationOk": Sent(200, "OK"),
    "LinphoneRegistrationFailed": Sent(0, "LinphoneRegistrationFailed"),
}
_DELIVERED: Final = "moving from Delivered to DeliveredToUser"
_CONTENT: Final = re.compile(r'Content: "(.*)"\n', re.DOTALL)
_CONFIG: Final = """\
[sip]
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
bind_address=127.0.0.1
default_proxy=0
register_only_when_network_is_up=0
root_ca={root_ca}
[misc]
deliver_imdn=1
[net]
dns_srv_enabled=0
enable_nat_helper=0
[proxy_0]
reg_proxy=<sip:{host}:{port};transport={transport}>
reg_route=<sip:{host}:{port};transport={transport};lr>
reg_identity=sip:{user}@{domain}
reg_expires={expires}
reg_sendregister=1
publish=0
[proxy_0_default_values]
cpim_in_basic_chat_rooms_enabled={cpim}
[auth_info_0]
username={user}
passwd={password}
realm={domain}
domain={domain}
"""
"""COMPAT: Linphone 5.1 reads the account's CPIM switch from its default values only, not from the account."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How it is set up: texts in CPIM with wishes for receipts; whose certificates it trusts."""

    cpim: bool = False
    root_ca: Path | None = None  # PEM


class Linphone(Inbox):
    """One Linphone with one account. Every call is bounded; `messages` keeps what came in.

    Linphone shows of a message only whether it was sent or not: `send` tells 202 or 0. Texts have one line.
    """

    def __init__(self, account: PhoneAccount, folder: Path, habits: Habits | None = None) -> None:
        """`folder` becomes its home: configuration, data and log live there."""
        super().__init__()
        self.account = account
        self._folder = folder
        self._habits = habits or Habits()
        self._pipe = Path("/tmp", f"voip-sms-{secrets.token_hex(8)}")  # it makes its socket nowhere else
        self._process: asyncio.subprocess.Process | None = None
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._states: Recorder[tuple[str, str]] = Recorder()

    @staticmethod
    def available() -> bool:
        """Whether Debian's package is here."""
        return shutil.which(PROGRAM) is not None

    @staticmethod
    def why_not() -> str:
        """What to tell a person when it is not available."""
        return "no linphone-daemon on this machine: apt-get install linphone-cli"

    async def start(self) -> Self:
        """Start its process; it registers by itself."""
        self._write_home()
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(*dies_with_us(), PROGRAM, "--pipe", self._pipe.name),
                *("--config", str(self._folder / "linphonerc"), "--log", str(self._folder / "linphone.log")),
                cwd=self._folder,
                env=os.environ | {"HOME": str(self._folder)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        async with asyncio.timeout(START):
            self._stream = await self._connect()
        self._looking = asyncio.create_task(self._look())
        return self

    async def register(self, within: float = ANSWER) -> Sent:
        """Wait until it says how its REGISTER went: 200, or 0. Starts it first."""
        if self._process is None:
            await self.start()
        async with asyncio.timeout(within):
            return await self._registration(_REGISTERED)

    async def unregister(self, within: float = ANSWER) -> Sent:
        """Take the binding away."""
        async with asyncio.timeout(within):
            await self._ask("unregister 1")
            return await self._registration({"LinphoneRegistrationCleared": Sent(200, "OK")})

    async def send(self, to: str, text: str, within: float = ANSWER) -> Sent:
        """Send a MESSAGE to a number as typed, or to a URI, and wait until it is sent or has failed."""
        uri = to if to.startswith(("sip:", "sips:")) else f"sip:{to}@{self.account.domain}"
        seen = len(self._states)
        named = _field(await self._ask(f"message {uri} {text}"), "Id")
        _, state = await self._states.first(
            lambda one: one[0] == named and one[1] in (*_SENT, _FAILED), within, after=seen
        )
        return Sent(0, state) if state == _FAILED else Sent(202, "Accepted")

    def delivered_so_far(self) -> int:
        """How many texts of its own it shows as delivered to whom they were for (RFC 5438 receipts)."""
        return self.log_text().count(_DELIVERED)

    async def shows_delivered(self, count: int = 1, within: float = 10.0) -> None:
        """Wait until it shows so many texts as delivered."""
        async with asyncio.timeout(within):
            while self.delivered_so_far() < count:  # noqa: ASYNC110 - its log is all it shows of that
                await asyncio.sleep(POLL)

    def log_text(self) -> str:
        """Its own log: everything sent and received, and what it made of it."""
        file = self._folder / "linphone.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    async def close(self) -> None:
        """Quit: it takes its binding away on the way out."""
        if self._process is not None and self._stream is not None:
            with contextlib.suppress(TimeoutError, ConnectionError):
                await self._stop_looking()
                self._stream[1].write(b"quit")
                async with asyncio.timeout(CLOSE):
                    await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """Cut the power: no goodbye, the binding stays with the registrar."""
        await self._stop_looking()
        process, self._process = self._process, None
        stream, self._stream = self._stream, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()
        if stream is not None:
            stream[1].close()
            with contextlib.suppress(ConnectionError):
                await stream[1].wait_closed()
        self._pipe.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- how it is talked to ---

    def _write_home(self) -> None:
        for folder in (".local/share/linphone", ".config/linphone"):
            (self._folder / folder).mkdir(parents=True, exist_ok=True)  # it makes none, and crashes without
        account, habits = self.account, self._habits
        config = _CONFIG.format(
            user=account.user,
            password=account.password,
            domain=account.domain,
            host=_name_of(account),
            port=account.port,
            transport=account.transport,
            expires=account.expires,
            cpim=int(habits.cpim),
            root_ca=habits.root_ca or "",
        )
        (self._folder / "linphonerc").write_text(config, encoding="utf-8")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert self._process is not None
        while self._process.returncode is None:
            with contextlib.suppress(OSError):
                return await asyncio.open_unix_connection(self._pipe, limit=REPLY_LIMIT)
            await asyncio.sleep(POLL)
        raise PhoneFailedError((self._folder / "output").read_text(errors="replace")[-1000:])

    async def _registration(self, ends: Mapping[str, Sent]) -> Sent:
        while True:
            state = _field(await self._ask("register-status 1"), "State")
            if state in ends:
                return ends[state]
            await asyncio.sleep(POLL)

    async def _ask(self, command: str) -> str:
        """Its answer to one command, which ends with an empty line."""
        if self._stream is None:
            raise PhoneFailedError("the phone is not running")
        reader, writer = self._stream
        async with self._turn, asyncio.timeout(REPLY):
            writer.write(command.encode())
            answer = b""
            while not answer.endswith(b"\n\n"):
                octets = await reader.read(REPLY_LIMIT)
                if not octets:
                    raise PhoneFailedError("linphone-daemon hung up")
                answer += octets
        return answer.decode(errors="replace")

    async def _look(self) -> None:
        """Take its events one by one."""
        while True:
            event = await self._ask("pop-event")
            match _field(event, "Event-type"):
                case "message-received":
                    self.messages.add(_incoming(event))
                case "message-state-changed":
                    self._states.add((_field(event, "Id"), _field(event, "State")))
            if _field(event, "Size") in ("", "0"):
                await asyncio.sleep(POLL)

    async def _stop_looking(self) -> None:
        task, self._looking = self._looking, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _name_of(account: PhoneAccount) -> str:
    """COMPAT: Linphone 5.1 finds an IP address in no certificate; a name it does."""
    return "localhost" if (account.host, account.transport) == ("127.0.0.1", "tls") else account.host


def _field(answer: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)$", answer, re.MULTILINE)
    return found[1] if found else ""


def _incoming(event: str) -> Incoming:
    content = _CONTENT.search(event)
    return Incoming(
        sender=_field(event, "From"),
        to=_field(event, "To"),
        contact="",
        body=content[1] if content else "",
        content_type="",
        headers=(("Message-ID", _field(event, "Id")),),
    )
