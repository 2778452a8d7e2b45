"""The mail door: listens for SMTP, with STARTTLS and implicit TLS, and closes without losing a mail."""

import asyncio
from asyncio import sslproto
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

import structlog

from voip_sms.core.guessing import Guesses
from voip_sms.core.ports import Mailing
from voip_sms.doors.mail import answers
from voip_sms.doors.mail.callers import Callers
from voip_sms.doors.mail.conversation import Conversation, House
from voip_sms.doors.mail.hooks import Hooks
from voip_sms.doors.mail.login import Guard
from voip_sms.doors.mail.recipients import Recipients
from voip_sms.doors.mail.settings import MailSettings
from voip_sms.doors.mail.visit import Senders
from voip_sms.net.listeners import split_listener
from voip_sms.net.sip.transports import joined
from voip_sms.net.tls import TlsContexts

log = structlog.get_logger(__name__)

HANDSHAKE_SECONDS: Final = 20
"""For implicit TLS to begin."""
BACKLOG: Final = 128
"""Connections that the kernel keeps until we take them."""


class MailDoor:
    """`start` listens where `[mail]` says; `stop` lets those that are being answered finish."""

    def __init__(
        self,
        settings: MailSettings,
        mailing: Mailing,
        senders: Senders,
        *,
        tls: TlsContexts | None,
        guesses: Guesses,
    ) -> None:
        """`guesses`: that of all doors. `tls` is `settings.tls_contexts()`."""
        self._settings = settings
        self._hooks = Hooks(mailing, senders, Recipients(mailing, settings.domain, settings.recipients))
        self._quiet = asyncio.Event()
        self._house = House(
            settings,
            Callers(settings.max_connections, settings.max_per_address),
            Guard(mailing.authenticate, guesses),
            tls,
            arrived=self._arrived,
            left=self._left,
            rests=self._quiet.set,
        )
        self._conversations: set[Conversation] = set()
        self._servers: list[asyncio.Server] = []

    @property
    def connected(self) -> int:
        """Connections that are up."""
        return len(self._house.callers)

    async def start(self) -> str | None:
        """Listen; where (`host:port`), of two listeners the one without TLS from the start. OSError."""
        plain = await self._listen(self._settings.listen, secure=False)
        secure = await self._listen(self._settings.tls_listen, secure=True)
        if plain or secure:
            log.info("mail_listening", smtp=plain, smtps=secure)
        return plain or secure

    async def stop(self, drain: float) -> None:
        """Take no more; whoever waits for the answer to a mail gets it, within `drain` seconds."""
        for server in self._servers:
            server.close()
        self._dismiss()
        with suppress(TimeoutError):
            async with asyncio.timeout(drain):
                while any(one.busy for one in self._conversations):
                    self._quiet.clear()
                    await self._quiet.wait()
                    self._dismiss()
        for one in list(self._conversations):
            one.abort()

    def _dismiss(self) -> None:
        """Those for whom nothing is being done."""
        for one in [one for one in self._conversations if not one.busy]:
            one.hang_up(answers.CLOSING, linger=0)

    async def _listen(self, where: str, *, secure: bool) -> str | None:
        if not where:
            return None
        host, port = split_listener(where)
        factory = self._entrance if secure else self._conversation
        server = await asyncio.get_running_loop().create_server(factory, host, port, backlog=BACKLOG)
        self._servers.append(server)
        found = server.sockets[0].getsockname()
        return joined((found[0], found[1]))

    def _conversation(self) -> asyncio.Protocol:
        return Conversation(self._hooks, self._house, secure=False)

    def _entrance(self) -> asyncio.Protocol:
        return _Entrance(self._house, self._secured)

    def _secured(self, leave: Callable[[], None]) -> Conversation:
        return Conversation(self._hooks, self._house, secure=True, before=leave)

    def _arrived(self, conversation: Conversation) -> None:
        self._conversations.add(conversation)

    def _left(self, conversation: Conversation) -> None:
        self._conversations.discard(conversation)
        self._quiet.set()


class _Entrance(asyncio.Protocol):
    """A connection whose TLS begins at once; who only connects counts as a caller, and has not long.

    The certificate is that of today. Nothing may be awaited here: what came meanwhile would be lost.
    """

    def __init__(self, house: House, conversation: Callable[[Callable[[], None]], Conversation]) -> None:
        """`conversation` makes what speaks when TLS is up; it calls what it is given before it enters."""
        self._house = house
        self._conversation = conversation
        self._host = ""
        self._inside = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._host = (transport.get_extra_info("peername") or ("",))[0]
        self._inside = self._house.callers.enter(self._host)
        if not self._inside:
            transport.close()
            return
        contexts, loop = self._house.tls, asyncio.get_running_loop()
        assert contexts is not None, "settings need a certificate with tls_listen"
        contexts.refresh()
        waiter: asyncio.Future[None] = loop.create_future()
        waiter.add_done_callback(self._over)
        layer = sslproto.SSLProtocol(
            loop,
            self._conversation(self.leave),
            contexts.server,
            waiter,
            server_side=True,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
        tcp = cast("asyncio.Transport", transport)
        tcp.set_protocol(layer)
        layer.connection_made(tcp)

    def _over(self, waiter: asyncio.Future[None]) -> None:
        """The handshake has ended, one way or the other."""
        if not waiter.cancelled():
            waiter.exception()  # seen: a client that can't do it is no fault of ours
        self.leave()

    def leave(self) -> None:
        """It went in, or away."""
        if self._inside:
            self._inside = False
            self._house.callers.leave(self._host)
