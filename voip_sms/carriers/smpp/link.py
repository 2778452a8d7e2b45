"""A carrier over SMPP 3.4: keeps its binds up, takes parts within window and rate, hands inbound on."""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from voip_sms.carriers.smpp import inbound, outbound
from voip_sms.carriers.smpp.pace import Pace
from voip_sms.carriers.smpp.session import BindRefusedError, Session
from voip_sms.carriers.smpp.settings import SmppSettings
from voip_sms.core.clock import Clock
from voip_sms.core.failures import Accepted, Outcome, Permanent, Refusal, Temporary, Uncertain
from voip_sms.core.model import CarrierReceipt, LinkState, OutboundPart
from voip_sms.core.ports import CarrierEvents
from voip_sms.net.reconnect import BackOff
from voip_sms.wire import smpp
from voip_sms.wire.receipts import canonical_id
from voip_sms.wire.smpp import status as codes

log = structlog.get_logger(__name__)

LOST: Final = BackOff(first=0.5, longest=15.0)
"""After a lost connection: quickly at first, then steadily; one SYN a quarter of a minute burdens nobody."""
REFUSED: Final = BackOff(first=5.0, longest=120.0)
"""After a refused bind: slowly, many carriers lock an account that hammers; a person has to look."""

Done = Callable[[OutboundPart, Outcome], None]


@dataclass(frozen=True, slots=True)
class LinkContext:
    """What every link gets from the house."""

    events: CarrierEvents
    clock: Clock
    country: str
    random: Callable[[], float] = random.random


class SmppLink:
    """ports.CarrierLink over one bind, or a pair of them."""

    def __init__(self, name: str, settings: SmppSettings, context: LinkContext) -> None:
        self._name = name
        self._settings = settings
        self._context = context
        self._roles = ("transmitter", "receiver") if settings.bind == "pair" else (settings.bind,)
        self._sessions: dict[str, Session] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._wake: Callable[[], None] = lambda: None
        self._pace = Pace(settings.rate, self._freed)
        self._state = LinkState("connecting", context.clock.now())
        self._stopping = False

    @property
    def name(self) -> str:
        """The carrier's name."""
        return self._name

    def state(self) -> LinkState:
        """`bound` when all its binds are."""
        in_flight = sum(session.in_flight for session in self._sessions.values())
        return LinkState(self._state.state, self._state.since, self._state.detail, in_flight)

    def free(self) -> int:
        """Room in the window, bounded by rate and throttling."""
        session = self._transmitter()
        if session is None or self._stopping:
            return 0
        return min(session.room, self._pace.allowed())

    def on_free(self, wake: Callable[[], None]) -> None:
        """Whom to tell when there is room again."""
        self._wake = wake

    def submit(self, part: OutboundPart, done: Done) -> None:
        """Send it; `done` with the outcome."""
        session = self._transmitter()
        if session is None or session.room <= 0:
            done(part, Temporary("not_bound"))
            return
        try:
            session.submit(
                lambda sequence: outbound.submit_sm(part, self._settings, sequence),
                lambda response: done(part, self._outcome(response)),
            )
        except smpp.EncodeError as error:
            done(part, Permanent("not_encodable", str(error)))
            return
        self._pace.took()

    async def start(self) -> None:
        """Begin connecting."""
        self._tasks = [
            asyncio.create_task(self._keep(role), name=f"smpp {self._name} {role}") for role in self._roles
        ]

    async def stop(self, drain: float) -> None:
        """Drain, unbind, end."""
        self._stopping = True
        self._pace.close()
        await asyncio.gather(*(session.unbind(drain) for session in list(self._sessions.values())))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- staying connected ---

    async def _keep(self, role: str) -> None:
        lost, refused = 0, 0
        while not self._stopping:
            try:
                session = await self._connect(role)
            except BindRefusedError as error:
                log.warning("carrier_bind_refused", carrier=self._name, role=role, status=str(error))
                self._set("refused", str(error))
                delay, refused = REFUSED.delay(refused, self._context.random), refused + 1
            except (OSError, TimeoutError, smpp.SmppError) as error:
                self._set("connecting", str(error) or type(error).__name__)
                delay, lost = LOST.delay(lost, self._context.random), lost + 1
            else:
                lost = refused = 0
                await self._hold(role, session)
                delay = LOST.delay(0, self._context.random)
            await asyncio.sleep(delay)

    async def _connect(self, role: str) -> Session:
        settings = self._settings
        async with asyncio.timeout(settings.connect_timeout + settings.response_timeout):
            _, session = await asyncio.get_running_loop().create_connection(
                lambda: Session(settings, role, self._deliver, self._freed),
                settings.host,
                settings.port,
                ssl=self._tls(),
            )
            try:
                await session.bind()
            except BaseException:
                session.abort("bind failed")
                raise
        return session

    async def _hold(self, role: str, session: Session) -> None:
        self._sessions[role] = session
        if len(self._sessions) == len(self._roles):
            self._set("bound", "")
            log.info("carrier_bound", carrier=self._name)
        self._freed()
        try:
            reason = await session.closed()
        finally:
            self._sessions.pop(role, None)
        self._set("connecting", reason)
        log.warning("carrier_lost", carrier=self._name, role=role, reason=reason)

    def _tls(self) -> ssl.SSLContext | None:
        if not self._settings.tls:
            return None
        context = ssl.create_default_context(cafile=self._settings.tls_ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _set(self, state: str, detail: str) -> None:
        if (state, detail) != (self._state.state, self._state.detail):
            self._state = LinkState(state, self._context.clock.now(), detail)  # type: ignore[arg-type]

    # --- submits ---

    def _transmitter(self) -> Session | None:
        for session in self._sessions.values():
            if session.transmits:
                return session
        return None

    def _freed(self) -> None:
        if self.free() > 0:
            self._wake()

    def _outcome(self, response: smpp.SubmitSmResp | smpp.GenericNack | None) -> Outcome:
        if response is None:
            return Uncertain("no_response")
        verdict = smpp.classify(response.status)
        cause = codes.status_name(response.status)
        if isinstance(response, smpp.SubmitSmResp) and verdict is smpp.Verdict.OK:
            self._pace.recover()
            raw = response.message_id
            return Accepted(canonical_id(raw, self._settings.id_format) if raw else "", raw)
        if verdict is smpp.Verdict.THROTTLING:
            self._pace.throttle()
            return Temporary(cause, slow=True)
        if verdict is smpp.Verdict.TEMPORARY:
            return Temporary(cause)
        return Permanent(cause)

    # --- deliveries ---

    async def _deliver(self, pdu: smpp.DeliverSm) -> int:
        """The status to answer with: the commit happened, or a temporary error."""
        meaning = inbound.read(pdu, self._settings, self._context.country)
        try:
            if isinstance(meaning, CarrierReceipt):
                await self._context.events.receipt(self._name, meaning)
            elif meaning is not None:
                await self._context.events.receive(self._name, meaning)
        except Refusal as refusal:
            log.warning("deliver_put_off", carrier=self._name, code=refusal.code.name)
            return codes.RX_T_APPN
        return codes.ROK
