"""The SIP door: puts REGISTER and MESSAGE handlers on the endpoint, and looks after the phones behind it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from voip_sms.core.directory import Account
from voip_sms.core.failures import Code, Refusal
from voip_sms.core.guessing import Guesses
from voip_sms.core.ports import Credentials, Dispositions, Registrations, Submitter
from voip_sms.doors.sip.auth import Authenticator, Verdict
from voip_sms.doors.sip.keepalive import KeepAlive
from voip_sms.doors.sip.message import DOOR, Messages
from voip_sms.doors.sip.phones import CAPACITY, Phones
from voip_sms.doors.sip.registrar import Registrar
from voip_sms.doors.sip.replies import NOT_OWNER, refused
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.engine.metrics import Metrics
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.net.sip.traffic import Incoming, Reply
from voip_sms.net.sip.transports import joined
from voip_sms.wire.sip.headers import NameAddr

log = structlog.get_logger(__name__)

Serve = Callable[[Incoming, Account], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Engine:
    """The use cases that the door calls."""

    submitter: Submitter
    credentials: Credentials
    registrations: Registrations
    dispositions: Dispositions
    metrics: Metrics = field(default_factory=Metrics)
    guesses: Guesses | None = None


class SipDoor:
    """`attach` before the endpoint starts, `start` after it, `stop` before it closes."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: SipSettings,
        engine: Engine,
        *,
        nonce_key: bytes,
        now: Callable[[], int],
        random: Callable[[int], bytes],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`nonce_key`: at least 16 secret octets, the same after a restart; `now` in epoch microseconds."""
        self._endpoint = endpoint
        self._settings = settings
        self._registrations = engine.registrations
        self._authenticator = Authenticator(
            settings, engine.credentials, nonce_key, now, random, guesses=engine.guesses
        )
        self._phones = Phones(self._authenticator.bans, now)
        self._messages = Messages(engine.submitter, engine.dispositions, engine.metrics, now)
        registrar = Registrar(settings, engine.registrations, self._phones, now)
        self._serve_register = _timed(registrar.serve, engine.metrics.timer(DOOR, "register"), seconds)
        self._serve_announced = _timed(registrar.announce, engine.metrics.timer(DOOR, "register"), seconds)
        self._serve_message = _timed(self._messages.serve, engine.metrics.timer(DOOR, "message"), seconds)
        self._keep_alive = KeepAlive(
            endpoint,
            settings,
            self._phones,
            credentials=engine.credentials,
            registrations=engine.registrations,
            random=random,
        )
        self._background: set[asyncio.Task[None]] = set()

    def attach(self) -> None:
        """Register the handlers."""
        self._endpoint.handle("REGISTER", self.register)
        self._endpoint.handle("MESSAGE", self.message)
        self._endpoint.on_flow_lost(self._flow_lost)
        self._endpoint.spare(self._authenticator.knows)

    async def start(self) -> None:
        """Know again who was registered, and begin to hold NATs open."""
        await self._remember()
        if self._settings.keep_alive:
            self._spawn(self._keep_alive.forever())

    async def stop(self) -> None:
        """End the background work."""
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    def register(self, incoming: Incoming) -> Reply | Awaitable[Reply] | None:
        """REGISTER: the address of record is To (RFC 3261 10.3)."""
        return self._admit(incoming, incoming.read.recipient, self._register_as, _refuse)

    def message(self, incoming: Incoming) -> Reply | Awaitable[Reply] | None:
        """MESSAGE: whoever authenticated must own From."""
        return self._admit(
            incoming, incoming.read.sender, lambda _: self._serve_message, self._messages.refuse
        )

    def _register_as(self, verdict: Verdict) -> Serve:
        """Where the phones of the account are decides what a REGISTER of one of them is."""
        assert verdict.account is not None
        if verdict.account.via == "direct":
            return self._serve_register
        if verdict.account.via == "proxy" and verdict.vouched:
            return self._serve_announced
        return _elsewhere

    def _admit(
        self,
        incoming: Incoming,
        address: NameAddr,
        serving: Callable[[Verdict], Serve],
        refuse: Callable[[Code, Account], Reply],
    ) -> Reply | Awaitable[Reply] | None:
        verdict = self._authenticator.check(incoming)
        account = verdict.account
        if account is None:
            return verdict.reply
        if not self._authenticator.owns(account, address):
            return refuse(NOT_OWNER, account.account)
        if incoming.transport != "udp":
            self._endpoint.trust(incoming.flow)
        return serving(verdict)(incoming, account.account)

    def _flow_lost(self, flow: str) -> None:
        if self._phones.flow_lost(flow):
            self._spawn(self._drop(flow))

    async def _remember(self) -> None:
        """NATs keep no hole open for a phone's whole registration interval. Without it phones come anew."""
        try:
            bindings = await self._registrations.everywhere(CAPACITY)
        except Refusal:
            log.warning("sip_bindings_not_read")
            return
        self._phones.known(bindings, self._endpoint.flow_alive)

    async def _drop(self, flow: str) -> None:
        """Tidiness only: delivery looks whether the connection lives, and the binding expires by itself."""
        try:
            await self._registrations.flow_died(flow)
        except Refusal as refusal:
            log.warning("sip_flow_drop_failed", code=refusal.code.name)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _elsewhere(incoming: Incoming, account: Account) -> Reply:
    """A phone at the wrong place: with a 200 it would wait for texts that are sent to the right one."""
    log.warning("sip_registers_elsewhere", user=account.name, source=joined(incoming.source))
    return Reply(403, "Registers Elsewhere")


def _refuse(code: Code, account: Account) -> Reply:
    return refused(code, account.language)


def _timed(serve: Serve, took: Callable[[float], None], seconds: Callable[[], float]) -> Serve:
    """`serve`, with the time it takes measured."""

    async def timed(incoming: Incoming, account: Account) -> Reply:
        began = seconds()
        try:
            return await serve(incoming, account)
        finally:
            took(seconds() - began)

    return timed
