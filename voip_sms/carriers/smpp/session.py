"""One TCP connection to an SMSC: bind, submit, deliver, keep-alive, unbind (SMPP 3.4, chapter 2)."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, cast

import structlog

from voip_sms.carriers.smpp.intake import Arrival, Deliver, Intake
from voip_sms.carriers.smpp.outbox import STEP, Outbox
from voip_sms.carriers.smpp.window import Answered, Window
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers
from voip_sms.wire.smpp import status as codes

log = structlog.get_logger(__name__)

UNBIND_TIME: Final = 2.0
"""Seconds to wait for unbind_resp, or for the last octets to leave, before the connection is cut."""
PEER_UNBIND_DRAIN: Final = 1.0
"""Seconds in which a carrier that unbinds may still answer what is in flight; it waits for our answer."""
_POLL: Final = 0.02  # while draining, which takes a second or so
_SOONEST: Final = 0.005  # between two looks at the deadlines: many that end together are one look
_BIND_COMMANDS: Final = {
    "transceiver": numbers.BIND_TRANSCEIVER,
    "transmitter": numbers.BIND_TRANSMITTER,
    "receiver": numbers.BIND_RECEIVER,
}
# Requests that have no response PDU (4.1.7, 4.12.1), and no meaning to us.
_UNANSWERED: Final = frozenset({0x0000000B, 0x00000102})  # outbind, alert_notification


class State(Enum):
    """Where the session stands (2.2)."""

    OPEN = auto()
    BOUND = auto()
    UNBINDING = auto()
    CLOSED = auto()


class BindRefusedError(Exception):
    """The SMSC answered the bind with an error status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(codes.status_name(status))


class Session(asyncio.Protocol):
    """A bind. `submit` needs `room`; `on_room` is called when there may be more of it."""

    def __init__(
        self,
        settings: SmppCarrier,
        role: str,
        patience: float,
        deliver: Deliver,
        on_room: Callable[[], None],
    ) -> None:
        """`patience`: seconds to wait for any response."""
        self._settings = settings
        self._patience = patience
        self._command = _BIND_COMMANDS[role]
        self._intake = Intake(deliver, self._send, self._full)
        self._on_room = on_room
        self._loop = asyncio.get_running_loop()
        self._framer = smpp.Framer()
        self._transport: asyncio.Transport | None = None
        self._state = State.OPEN
        self._sequence = 0
        self._window = Window(settings.window, patience)
        self._leaving: asyncio.Task[None] | None = None
        self._out = Outbox(self._loop)
        self._reading = True
        self._timer: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._asked_at: float | None = None
        self._bound: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[str] = self._loop.create_future()
        self._reason = "connection lost"
        self._handlers: dict[type, Callable[[Any], None]] = {
            smpp.SubmitSmResp: self._on_response,
            smpp.EnquireLink: self._on_enquire,
            smpp.EnquireLinkResp: self._on_enquire_resp,
            smpp.BindResp: self._on_bind_resp,
            smpp.GenericNack: self._on_nack,
            smpp.Unbind: self._on_unbind,
            smpp.UnbindResp: self._on_unbind_resp,
        }

    # --- for the link ---

    @property
    def transmits(self) -> bool:
        """Whether submits may go out over this bind."""
        return self._state is State.BOUND and self._command != numbers.BIND_RECEIVER

    @property
    def in_flight(self) -> int:
        """Submits that wait for their response."""
        return len(self._window)

    @property
    def room(self) -> int:
        """How many submits fit into the window now."""
        return self._window.room if self._out.writable and self.transmits else 0

    async def bind(self) -> None:
        """Bind. Raises BindRefusedError, TimeoutError, ConnectionError."""
        settings = self._settings
        self._send(
            smpp.Bind(
                self._command, self._next(), settings.system_id, settings.password, settings.system_type
            )
        )
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.shield(self._bound)
        except TimeoutError:
            raise TimeoutError("no answer to the bind") from None
        self._schedule()

    def ready(self) -> None:
        """Somebody may submit now."""
        self._on_room()

    def submit(self, make: Callable[[int], smpp.SubmitSm], answered: Answered) -> None:
        """Send what `make` builds for a sequence number. EncodeError: nothing was sent."""
        sequence = self._next()
        octets = smpp.encode(make(sequence))
        self._window.add(sequence, answered, self._loop.time())
        self._write(octets)
        if len(self._window) == 1:
            self._schedule()

    async def closed(self) -> str:
        """Wait until the connection is gone; why it went."""
        return await asyncio.shield(self._closed)

    async def unbind(self, drain: float) -> None:
        """Wait up to `drain` seconds for responses and deliveries in work, then unbind and close."""
        was_bound = self._state is State.BOUND
        if was_bound:
            self._state = State.UNBINDING
            await self._drained(drain)
            self._send(smpp.Unbind(self._next()))
        if self._state is State.UNBINDING:  # if the carrier began it: its own drain is short
            await asyncio.wait([self._closed], timeout=UNBIND_TIME)
        self.close("unbound")
        await self._intake.cancel()

    def close(self, reason: str) -> None:
        """Let what is written leave, then close; submits in flight become uncertain."""
        if self._state is State.CLOSED:
            return
        self._reason = reason
        if self._transport is not None:
            self._out.flush()
            self._transport.close()
            # A peer that doesn't read would keep the connection half alive for ever.
            self._linger = self._loop.call_later(UNBIND_TIME, self._transport.abort)
        self._shut()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        # COMPAT uvloop: its transports are asyncio.Transport by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)
        self._out.connect(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, PDU by PDU; a broken length closes the bind."""
        self._heard_at, self._asked_at = self._loop.time(), None
        broken = None
        try:
            frames = self._framer.feed(data)
        except smpp.FramingError as error:
            frames, broken = list(error.frames), error
        for start in range(0, len(frames), STEP):
            if not self._some(frames[start : start + STEP]):
                return
        if broken is not None:
            log.warning("smpp_bad_length", length=broken.length)
            self._send(smpp.GenericNack(0, codes.RINVCMDLEN))
            self.close(str(broken))

    def pause_writing(self) -> None:
        """The peer reads too slowly: no more submits for now."""
        self._out.writable = False

    def resume_writing(self) -> None:
        """It has caught up."""
        self._out.writable = True
        self._on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: what waits is uncertain."""
        if self._linger is not None:
            self._linger.cancel()
        if exc is not None and self._state is not State.CLOSED:
            self._reason = f"connection lost: {exc}"
        self._shut()

    # --- reading ---

    def _some(self, frames: list[bytes]) -> bool:
        """Handle a few PDUs and say if they made room; False when the connection was closed meanwhile."""
        in_flight = len(self._window)
        for frame in frames:
            if self._state is State.CLOSED:
                return False
            self._frame(frame)
        if len(self._window) < in_flight:
            self._on_room()
        return True

    def _frame(self, frame: bytes) -> None:
        try:
            pdu = smpp.decode(frame)
        except smpp.DecodeError as error:
            self._unreadable(error)
            return
        if isinstance(pdu, Arrival):
            self._on_deliver(pdu, frame)
            return
        self._handlers.get(type(pdu), self._on_unknown)(pdu)

    def _unreadable(self, error: smpp.DecodeError) -> None:
        log.warning("smpp_unreadable", command=numbers.command_name(error.command), error=str(error))
        if not error.command & numbers.RESPONSE:
            self._send(smpp.Unknown(error.command | numbers.RESPONSE, error.sequence, error.status))

    def _on_bind_resp(self, pdu: smpp.BindResp) -> None:
        if self._bound.done():
            return
        if pdu.status:
            self._bound.set_exception(BindRefusedError(pdu.status))
            return
        self._state = State.BOUND
        self._bound.set_result(None)

    def _on_response(self, pdu: smpp.SubmitSmResp) -> None:
        if not self._window.answer(pdu):
            # Its outcome was decided without it: after the time-out.
            log.info("smpp_late_response", sequence=pdu.sequence, message_id=pdu.message_id)
        elif pdu.status == codes.RINVBNDSTS:
            self.close("the carrier says that this is not bound")

    def _on_nack(self, pdu: smpp.GenericNack) -> None:
        if not self._bound.done():
            self._bound.set_exception(BindRefusedError(pdu.status))
        elif not self._window.answer(pdu):
            log.warning("smpp_nack", sequence=pdu.sequence, status=codes.status_name(pdu.status))

    def _on_deliver(self, pdu: Arrival, frame: bytes) -> None:
        if self._state is State.OPEN or self._command == numbers.BIND_TRANSMITTER:
            self._intake.refuse(pdu, codes.RINVBNDSTS)
        else:
            self._intake.take(pdu, frame)

    def _full(self, full: bool) -> None:  # noqa: FBT001 - Intake's callback
        if self._transport is None or self._transport.is_closing():
            return
        self._reading, self._heard_at = not full, self._loop.time()
        if full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _on_enquire(self, pdu: smpp.EnquireLink) -> None:
        self._send(smpp.EnquireLinkResp(pdu.sequence))

    def _on_unbind(self, pdu: smpp.Unbind) -> None:
        if self._state is State.BOUND:
            self._state = State.UNBINDING
            self._leaving = self._loop.create_task(self._let_go(pdu.sequence))
            return
        self._send(smpp.UnbindResp(pdu.sequence))
        self.close("the carrier unbound")

    async def _let_go(self, sequence: int) -> None:
        await self._drained(PEER_UNBIND_DRAIN)
        self._send(smpp.UnbindResp(sequence))
        self.close("the carrier unbound")

    async def _drained(self, longest: float) -> None:
        """Wait until nothing is in flight or in work any more."""
        until = self._loop.time() + longest
        while (self._window or self._intake) and self._loop.time() < until:
            if self._state is State.CLOSED:
                return
            await asyncio.sleep(_POLL)

    def _on_unbind_resp(self, _: smpp.UnbindResp) -> None:
        self.close("unbound")

    def _on_enquire_resp(self, _: smpp.EnquireLinkResp) -> None:
        """Anything heard is a sign of life: `data_received` has noted it."""

    def _on_unknown(self, pdu: Any) -> None:
        if isinstance(pdu, smpp.Unknown) and (pdu.command & numbers.RESPONSE or pdu.command in _UNANSWERED):
            return
        if isinstance(pdu, smpp.Unknown | smpp.SubmitSm | smpp.Bind | smpp.QuerySm | smpp.CancelSm):
            self._send(smpp.GenericNack(pdu.sequence, codes.RINVCMDID))

    # --- time ---

    def _schedule(self) -> None:
        """Look again when the first deadline is due; an earlier look that is planned already comes first."""
        due = self._heard_at + self._settings.enquire_interval
        if self._asked_at is not None:
            due = self._loop.time() + self._settings.enquire_interval
            due = min(due, self._asked_at + self._patience)
        deadline = self._window.deadline
        if deadline is not None and deadline < due:
            due = deadline
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(max(due, self._loop.time() + _SOONEST), self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._window.expire(now):
            self._on_room()
        if not self._reading:
            self._heard_at, self._asked_at = now, None  # we are the ones who don't listen
        if self._asked_at is not None and now - self._asked_at >= self._patience:
            self.close("enquire_link unanswered")
            return
        if self._asked_at is None and now - self._heard_at >= self._settings.enquire_interval:
            self._asked_at = now
            self._send(smpp.EnquireLink(self._next()))
        if self._state is not State.CLOSED:
            self._schedule()

    # --- writing ---

    def _next(self) -> int:
        self._sequence = self._sequence % numbers.MAX_SEQUENCE + 1
        return self._sequence

    def _send(self, pdu: smpp.Pdu) -> None:
        self._write(smpp.encode(pdu))

    def _write(self, octets: bytes) -> None:
        if self._state is State.CLOSED:
            return
        self._out.write(octets)
        if self._out.overrun and self._transport is not None:
            self._reason = "the carrier does not read"
            self._transport.abort()

    def _shut(self) -> None:
        if self._state is State.CLOSED:
            return
        self._state = State.CLOSED
        if self._timer is not None:
            self._timer.cancel()
        self._window.abandon()
        if not self._bound.done():
            self._bound.set_exception(ConnectionError(self._reason))
            self._bound.exception()  # looked at: nobody may be waiting for it
        if not self._closed.done():
            self._closed.set_result(self._reason)
