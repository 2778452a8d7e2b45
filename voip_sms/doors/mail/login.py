"""AUTH PLAIN and LOGIN (RFC 4954, RFC 4616): which sender it is, slowly for those who guess."""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from voip_sms.core.directory import MailSender
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import Guesses, Turn
from voip_sms.doors.mail import answers
from voip_sms.doors.mail.answers import Answer

DELAY_MOST: Final = 10.0
"""Seconds that a password, or the answer to a wrong one, is kept back at most: clients give up after 30."""
LOOKS: Final = 10
"""Seconds, one after the other, in which a turn is looked for: those in front may be right and need none."""
WRONG_MOST: Final = 3
"""Wrong passwords in one connection."""
LONGEST: Final = 1_024
"""Octets of an address and of a password."""

Authenticate = Callable[[str, str, str], Awaitable[MailSender | None]]
"""Address of the client, user, password: the sender, or None. Refusal when it can't be known now."""


class Guard:
    """Checks passwords: at once where the same user was right before, answering late if it was wrong now.

    Anybody else takes turns, before anything is looked at: connections side by side are no way around.
    """

    def __init__(
        self,
        check: Callable[[str, str], Awaitable[MailSender | None]],
        guesses: Guesses,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`check` is `Mailing.authenticate`."""
        self._check = check
        self._guesses = guesses
        self._sleep = sleep

    async def __call__(self, peer: str, user: str, secret: str) -> MailSender | None:
        """`Authenticate`."""
        name = user.lower()
        if self._guesses.at_home(peer, name):
            found = await self._check(user, secret)
            if found is None:
                await self._sleep(min(self._guesses.wrong(peer, name), DELAY_MOST))
            return found
        turn = await self._turn(peer, name)
        await self._sleep(turn.seconds)
        found = await self._check(user, secret)
        if found is not None:
            self._guesses.spare(turn)
            self._guesses.right(peer, name)
        return found

    async def _turn(self, peer: str, name: str) -> Turn:
        for _ in range(LOOKS):
            with suppress(Refusal):
                return self._guesses.turn(peer, name, DELAY_MOST)
            await self._sleep(1.0)
        return self._guesses.turn(peer, name, DELAY_MOST)


class Client(Protocol):
    """What logging in needs of a conversation."""

    peer: str
    sender: MailSender | None
    wrong_logins: int
    envelope: Any
    session: Any

    @property
    def may_log_in(self) -> bool:
        """Whether a password may be said here."""
        ...

    async def challenge_auth(self, challenge: str) -> Any:
        """Ask with 334; the octets of the answer, or a mark when it was refused and answered already."""
        ...


async def log_in(client: Client, arg: str, authenticate: Authenticate) -> Answer | None:
    """The reply to `AUTH arg`; None when it was given already."""
    refused = _out_of_place(client)
    if refused is not None:
        return refused
    mechanism, _, initial = arg.partition(" ")
    try:
        said = await _credentials(client, mechanism.upper(), initial.strip())
    except ValueError:
        return answers.AUTH_BROKEN
    if said is None or isinstance(said, Answer):
        return said
    try:
        sender = await authenticate(client.peer, *said)
    except Refusal:
        return answers.AUTH_TRY_LATER
    if sender is None:
        client.wrong_logins += 1
        return answers.WRONG_PASSWORD
    client.sender = sender
    client.session.authenticated = True
    return answers.LOGGED_IN


def _out_of_place(client: Client) -> Answer | None:
    if not client.may_log_in:
        return answers.NEEDS_TLS
    if client.sender is not None:
        return answers.AUTH_TWICE
    if client.envelope.mail_from:
        return answers.AUTH_MIDDLE
    return answers.TOO_MANY_ERRORS if client.wrong_logins >= WRONG_MOST else None


async def _credentials(client: Client, mechanism: str, initial: str) -> tuple[str, str] | Answer | None:
    """User and password; ValueError for what can't be decoded."""
    if mechanism not in ("PLAIN", "LOGIN"):
        return answers.AUTH_UNKNOWN
    plain = mechanism == "PLAIN"
    first = _decoded(initial) if initial else await _asked(client, "" if plain else "User Name\0")
    if first is None:
        return None
    if plain:
        _, user, secret = first.split(b"\0")
        return _text(user), _text(secret)
    second = await _asked(client, "Password\0")
    return None if second is None else (_text(first), _text(second))


async def _asked(client: Client, challenge: str) -> bytes | None:
    said = await client.challenge_auth(challenge)
    return said if isinstance(said, bytes) else None


def _text(octets: bytes) -> str:
    if len(octets) > LONGEST:
        raise ValueError("too long")
    return octets.decode()


def _decoded(initial: str) -> bytes:
    """`=` stands for nothing (RFC 4954 section 4)."""
    if initial == "=":
        return b""
    try:
        return b64decode(initial.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("no base64") from None
