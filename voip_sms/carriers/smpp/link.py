"""A carrier over SMPP 3.4: takes parts within window and pace, says how they ended, hands inbound on."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from voip_sms.carriers.smpp import inbound, outbound
from voip_sms.carriers.smpp.keeper import PAUSES, Keeper, Pauses, Role
from voip_sms.carriers.smpp.pace import Pace
from voip_sms.carriers.smpp.session import Session
from voip_sms.core.clock import Clock
from voip_sms.core.directory import Carrier
from voip_sms.core.failures import Accepted, Outcome, Permanent, Refusal, Temporary, Uncertain
from voip_sms.core.model import CarrierReceipt, LinkState, OutboundPart
from voip_sms.core.ports import CarrierEvents
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.wire import smpp
from voip_sms.wire.errors import WireError
from voip_sms.wire.receipts import canonical_id
from voip_sms.wire.smpp import status as codes

log = structlog.get_logger(__name__)

STORE_TIME: Final = 30.0
"""Carriers give up on our answer to a deliver_sm after 10 to 60 seconds."""

Done = Callable[[OutboundPart, Outcome], None]


@dataclass(frozen=True, slots=True)
class LinkContext:
    """What every link gets from the house.

    `country` reads national forms of numbers; `response_timeout` (seconds) counts for carriers without one;
    `store_time`: seconds a deliver_sm may take to be stored.
    """

    events: CarrierEvents
    clock: Clock
    country: str
    response_timeout: float = 10.0
    pauses: Pauses = PAUSES
    store_time: float = STORE_TIME


class SmppLink:
    """ports.CarrierLink over one bind, or a pair of them. Lives on one event loop."""

    def __init__(self, settings: SmppCarrier, context: LinkContext) -> None:
        self._settings = settings
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._wake: Callable[[], None] = _nobody
        self._pace = Pace(settings.rate, settings.window, self._loop.time())
        self._timer: asyncio.TimerHandle | None = None
        roles: tuple[Role, ...] = ("transmitter", "receiver") if settings.bind == "pair" else (settings.bind,)
        self._keeper = Keeper(settings, roles, self._session, context.clock, context.pauses)

    @classmethod
    def of(cls, carrier: Carrier, context: LinkContext) -> "SmppLink":
        """The link of a carrier as stored. ValueError: its settings are wrong."""
        return cls(SmppCarrier.model_validate({**carrier.settings, "name": carrier.name}), context)

    @property
    def name(self) -> str:
        """The carrier's name."""
        return self._settings.name

    def state(self) -> LinkState:
        """`bound` when all its binds are."""
        return self._keeper.state()

    def free(self) -> int:
        """Room in the window, bounded by rate and throttling."""
        session = self._keeper.transmitter
        if session is None:
            return 0
        room = session.room
        if room <= 0:
            return 0
        now = self._loop.time()
        allowed = self._pace.allowed(now, session.in_flight)
        if allowed <= 0:
            self._wake_at(self._pace.free_at(now))
        return min(room, allowed)

    def on_free(self, wake: Callable[[], None]) -> None:
        """Whom to tell when there is room again."""
        self._wake = wake

    def submit(self, part: OutboundPart, done: Done) -> None:
        """Send it; `done` with the outcome."""
        session = self._keeper.transmitter
        if session is None or session.room <= 0:
            done(part, Temporary("not_bound"))
            return

        def make(sequence: int) -> smpp.SubmitSm:
            return outbound.submit_sm(part, self._settings, sequence)

        def answered(response: smpp.SubmitSmResp | smpp.GenericNack | None) -> None:
            done(part, self._outcome(response))

        try:
            session.submit(make, answered)
        except WireError as error:
            done(part, Permanent("not_encodable", str(error)))
            return
        self._pace.took()

    async def start(self) -> None:
        """Begin connecting."""
        self._keeper.start()

    async def stop(self, drain: float) -> None:
        """Drain, unbind, end."""
        await self._keeper.stop(drain)
        if self._timer is not None:
            self._timer.cancel()

    def _session(self, role: Role) -> Session:
        patience = self._settings.response_timeout or self._context.response_timeout
        return Session(self._settings, role, patience, self._deliver, self._freed)

    # --- room ---

    def _freed(self) -> None:
        if self.free() > 0:
            self._wake()

    def _wake_at(self, when: float | None) -> None:
        if when is None:
            return  # only a response can help, and it wakes by itself
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        self._freed()

    # --- submits ---

    def _outcome(self, response: smpp.SubmitSmResp | smpp.GenericNack | None) -> Outcome:
        if response is None:
            return Uncertain("no_response")
        verdict, cause = smpp.classify(response.status), codes.status_name(response.status)
        if verdict is smpp.Verdict.OK:
            return self._accepted(response)
        if verdict is smpp.Verdict.THROTTLING:
            self._throttled()
            return Temporary(cause, slow=True)
        if verdict is smpp.Verdict.TEMPORARY:
            return Temporary(cause)
        return Permanent(cause)

    def _accepted(self, response: smpp.SubmitSmResp | smpp.GenericNack) -> Outcome:
        if isinstance(response, smpp.GenericNack):
            return Permanent("generic_nack")  # it says that there is no error, yet it took nothing
        self._pace.accepted()
        raw = response.message_id
        return Accepted(canonical_id(raw, self._settings.id_format), raw)

    def _throttled(self) -> None:
        session = self._keeper.transmitter
        in_flight = 0 if session is None else session.in_flight
        self._pace.throttled(self._loop.time(), in_flight + 1)
        log.warning("carrier_throttles", carrier=self.name)

    # --- deliveries ---

    async def _deliver(self, pdu: smpp.DeliverSm, octets: bytes) -> int:
        """The status to answer with: the commit happened, or a temporary error, so that it comes again."""
        meaning = inbound.read(pdu, octets, self._settings, self._context.country)
        events = self._context.events
        try:
            async with asyncio.timeout(self._context.store_time):
                if isinstance(meaning, CarrierReceipt):
                    await events.receipt(self.name, meaning)
                elif meaning is not None:
                    await events.receive(self.name, meaning)
        except Refusal as refusal:
            log.warning("deliver_put_off", carrier=self.name, code=refusal.code.name)
            return codes.RX_T_APPN
        except TimeoutError:
            log.warning("deliver_put_off", carrier=self.name, code="timeout")
            return codes.RX_T_APPN
        return codes.ROK


def _nobody() -> None:
    """Nobody asked to be told."""
