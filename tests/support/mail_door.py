"""A mail door on loopback with an engine that notes what it is given, and a client that sends any octets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from voip_sms.core.directory import Account, Identity, MailSender
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import Guesses
from voip_sms.core.mail.addressing import Group, Number, Recipient, Service, number_of
from voip_sms.core.mail.letters import Letter, Posted
from voip_sms.doors.mail.answers import Answer
from voip_sms.doors.mail.door import MailDoor
from voip_sms.doors.mail.settings import MailSettings
from voip_sms.doors.mail.visit import Proven, Visit
from voip_sms.wire.mail.model import Mail

ADDRESS, SECRET = "biuro@example.test", "s3cret"
UNPROVEN = Answer(550, "5.7.1", "Nobody vouches for this", "Nikt za to nie reczy")


def sender(address: str = ADDRESS) -> MailSender:
    """A sender as the engine's directory has it."""
    account = Account(
        id=b"a" * 16, tenant_id=b"t" * 16, kind="mail", name=address, identity=Identity("name", "ACME")
    )
    return MailSender(account, token="k7q2")


class NotingEngine:
    """`ports.Mailing`: one sender; `refuse` says what becomes of a recipient, `trouble` of the whole mail."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.refuse: Callable[[Recipient], Refusal | None] = lambda _: None
        self.trouble: Exception | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.busy = asyncio.Event()
        self.tried: list[tuple[str, str]] = []

    def sender(self, address: str) -> MailSender | None:
        return sender() if address.lower() == ADDRESS else None

    async def authenticate(self, user: str, secret: str) -> MailSender | None:
        self.tried.append((user, secret))
        return sender() if (user, secret) == (ADDRESS, SECRET) else None

    def known(self, recipient: Recipient, sender: MailSender | None = None) -> Refusal | None:
        match recipient:
            case Number():
                try:
                    number_of(recipient, "PL")
                except Refusal as refusal:
                    return refusal
            case Group(name=name):
                return None if sender and name == "staff" else Refusal("recipient_invalid", "no such group")
            case Service(name=name):
                return None if name == "postmaster" else Refusal("recipient_invalid", "nobody reads that")
        return None

    async def accept(self, letter: Letter) -> Sequence[Posted]:
        self.busy.set()
        await self.go_on.wait()
        if self.trouble is not None:
            raise self.trouble
        self.letters.append(letter)
        return [Posted(one, refused=self.refuse(one)) for one in letter.recipients]


class TrustingSenders:
    """`visit.Senders`: whoever logged in, and a From of ours with the word `proven` in its subject."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.everybody = False

    async def who(self, visit: Visit, mail: Mail, octets: bytes) -> Proven | Answer:
        self.visits.append(visit)
        assert octets
        if visit.login is not None:
            return Proven(visit.login, "auth")
        trusted = self.everybody or "proven" in mail.subject
        return Proven(sender(), "test") if trusted else UNPROVEN


class SmtpClient:
    """Reads whole replies, and sends whatever it is told to."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(*self._to)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def reply(self, within: float = 10) -> list[str]:
        """The lines of one reply; [] when the connection was closed."""
        lines: list[str] = []
        async with asyncio.timeout(within):
            while True:
                try:
                    line = (await self.reader.readline()).decode()
                except ConnectionResetError:
                    return lines
                if not line:
                    return lines
                assert line.endswith("\r\n")
                lines.append(line[:-2])
                if line[3:4] == " ":
                    return lines

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def say(self, line: str) -> list[str]:
        """One command and its reply."""
        self.send(f"{line}\r\n".encode())
        return await self.reply()

    async def envelope(self, *to: str) -> None:
        """Up to DATA, as a client that nobody knows."""
        assert (await self.reply())[0].startswith("220 ")
        for line in ("EHLO c.test", "MAIL FROM:<x@y.test>", *(f"RCPT TO:<{one}@sms.test>" for one in to)):
            assert (await self.say(line))[-1].startswith("250"), line
        assert (await self.say("DATA"))[0].startswith("354")


class Hosted:
    """A door that listens."""

    def __init__(self, door: MailDoor, engine: NotingEngine, senders: TrustingSenders, where: str) -> None:
        self.door, self.engine, self.senders = door, engine, senders
        host, _, port = where.rpartition(":")
        self.at = host, int(port)

    def client(self) -> SmtpClient:
        return SmtpClient(*self.at)


@asynccontextmanager
async def hosted(
    settings: dict[str, Any] | None = None, *, stop: bool = True, drain: float = 0
) -> AsyncIterator[Hosted]:
    """A door with these settings beside the usual ones."""
    chosen = MailSettings.model_validate({"listen": "127.0.0.1:0"} | (settings or {}))
    engine, senders = NotingEngine(), TrustingSenders()
    door = MailDoor(chosen, engine, senders, tls=chosen.tls_contexts(), guesses=Guesses(time.monotonic))
    where = await door.start()
    assert where is not None
    try:
        yield Hosted(door, engine, senders, where)
    finally:
        if stop:
            await door.stop(drain)
