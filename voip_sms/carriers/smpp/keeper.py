"""Keeps a carrier's binds up: connects, binds, notes why not, waits, tries again."""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from voip_sms.carriers.smpp.session import BindRefusedError, Session
from voip_sms.core.clock import Clock
from voip_sms.core.model import LinkState
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.net.reconnect import BackOff
from voip_sms.wire.errors import WireError

log = structlog.get_logger(__name__)

LOST: Final = BackOff(first=0.5, longest=15.0)
REFUSED: Final = BackOff(first=5.0, longest=120.0)
STEADY: Final = 30.0
"""Seconds after which a bind was a good one; those that end sooner are tried again ever more slowly."""

Role = Literal["transceiver", "transmitter", "receiver"]
_Word = Literal["bound", "connecting", "refused"]
_WORST: Final[tuple[_Word, ...]] = ("refused", "connecting", "bound")


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long until the next try.

    After a lost connection: quickly at first, then steadily; one SYN a quarter of a minute burdens nobody.
    After a refused bind: slowly, many carriers lock an account that hammers; a person has to look.
    """

    lost: BackOff = LOST
    refused: BackOff = REFUSED
    random: Callable[[], float] = random.random

    def after_loss(self, times: int) -> float:
        """Seconds, where it was lost so often before."""
        return self.lost.delay(times, self.random)

    def after_refusal(self, times: int) -> float:
        """Seconds, where it was refused so often before."""
        return self.refused.delay(times, self.random)


PAUSES: Final = Pauses()


class Keeper:
    """One task per role; `state` speaks for the worst of them."""

    def __init__(
        self,
        settings: SmppCarrier,
        roles: tuple[Role, ...],
        session: Callable[[Role], Session],
        clock: Clock,
        pauses: Pauses,
    ) -> None:
        self._settings = settings
        self._session = session
        self._clock = clock
        self._pauses = pauses
        self._notes: dict[Role, tuple[_Word, str]] = dict.fromkeys(roles, ("connecting", ""))
        self._sessions: dict[Role, Session] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._word: _Word = "connecting"
        self._since = clock.now()
        self._stopping = False

    @property
    def transmitter(self) -> Session | None:
        """The session that submits may go out over, if it is bound and nobody stops."""
        if self._stopping:
            return None
        for session in self._sessions.values():
            if session.transmits:
                return session
        return None

    def state(self) -> LinkState:
        """The worst of all binds, with its reason."""
        detail = next((why for word, why in self._notes.values() if word == self._word and why), "")
        in_flight = sum(session.in_flight for session in self._sessions.values())
        return LinkState(self._word, self._since, detail, in_flight)

    def start(self) -> None:
        """Begin connecting."""
        name = self._settings.name
        self._tasks = [
            asyncio.create_task(self._keep(role), name=f"smpp {name} {role}") for role in self._notes
        ]

    async def stop(self, drain: float) -> None:
        """Stop submitting, wait up to `drain` seconds for responses and deliveries, unbind, end."""
        self._stopping = True
        await asyncio.gather(*(session.unbind(drain) for session in tuple(self._sessions.values())))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, role: Role) -> None:
        lost = refused = 0
        while not self._stopping:
            try:
                held = await self._once(role)
            except BindRefusedError as error:
                log.error("carrier_bind_refused", carrier=self._settings.name, role=role, status=str(error))  # noqa: TRY400 - the peer's answer, no fault of ours
                self._note(role, "refused", str(error))
                delay, refused = self._pauses.after_refusal(refused), refused + 1
                await asyncio.sleep(delay)
                continue
            refused = 0
            lost = 0 if held >= STEADY else lost + 1
            await asyncio.sleep(self._pauses.after_loss(max(0, lost - 1)))

    async def _once(self, role: Role) -> float:
        """Connect, bind, stay until it ends; for how many seconds it was bound. Raises BindRefusedError."""
        loop = asyncio.get_running_loop()
        try:
            session = await self._connect(role)
        except (OSError, WireError) as error:  # TimeoutError is an OSError
            self._note(role, "connecting", str(error) or type(error).__name__)
            return 0.0
        except BindRefusedError:
            raise
        except Exception as error:  # a fault of ours must not end the trying: it would never be bound again
            log.exception("carrier_fault", carrier=self._settings.name, role=role)
            self._note(role, "connecting", type(error).__name__)
            return 0.0
        began = loop.time()
        await self._hold(role, session)
        return loop.time() - began

    async def _connect(self, role: Role) -> Session:
        settings = self._settings
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(settings.connect_timeout):
                _, session = await loop.create_connection(
                    lambda: self._session(role), settings.host, settings.port, ssl=self._tls()
                )
        except TimeoutError:
            raise TimeoutError(f"no connection within {settings.connect_timeout:g} s") from None
        try:
            await session.bind()
        except BaseException:
            session.close("not bound")
            raise
        return session

    async def _hold(self, role: Role, session: Session) -> None:
        name = self._settings.name
        self._sessions[role] = session
        self._note(role, "bound", "")
        log.info("carrier_bound", carrier=name, role=role)
        session.ready()
        try:
            reason = await session.closed()
        finally:
            self._sessions.pop(role, None)
        self._note(role, "connecting", reason)
        if not self._stopping:
            log.warning("carrier_lost", carrier=name, role=role, reason=reason)

    def _tls(self) -> ssl.SSLContext | None:
        if not self._settings.tls:
            return None
        context = ssl.create_default_context(cafile=self._settings.tls_ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _note(self, role: Role, word: _Word, why: str) -> None:
        self._notes[role] = (word, why)
        words = {word for word, _ in self._notes.values()}
        worst = next(word for word in _WORST if word in words)
        if worst != self._word:
            self._word, self._since = worst, self._clock.now()
