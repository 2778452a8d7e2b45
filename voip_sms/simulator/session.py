"""One SMPP connection on the server's side: bind, window, answers; octets coalesced per turn of the loop."""

import asyncio
import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, Final, Protocol, cast

import structlog

from voip_sms.simulator.deliveries import Deliveries, Delivery
from voip_sms.simulator.log import PduLog
from voip_sms.simulator.settings import SimulatorSettings
from voip_sms.wire.smpp import (
    Bind,
    BindResp,
    CancelSm,
    CancelSmResp,
    DecodeError,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    Framer,
    FramingError,
    GenericNack,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Tlv,
    Unbind,
    UnbindResp,
    Unknown,
    decode,
    encode,
    numbers,
)
from voip_sms.wire.smpp import status as statuses

log = structlog.get_logger(__name__)

# Seconds that a connection may take to bind (SMPP 3.4, 7.2: session_init_timer).
BIND_TIME: Final = 30.0
# Seconds that the last octets may take to leave before the connection is cut.
_CLOSE_TIME: Final = 10.0
_SYSTEM_ID: Final = "voip-sms"


class State(StrEnum):
    """SMPP 3.4, 2.2; `closed` also while the last octets leave."""

    OPEN = "open"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"
    TRANSCEIVER = "transceiver"
    CLOSED = "closed"


_BOUND: Final = {
    numbers.BIND_TRANSMITTER: State.TRANSMITTER,
    numbers.BIND_RECEIVER: State.RECEIVER,
    numbers.BIND_TRANSCEIVER: State.TRANSCEIVER,
}
_MAY_SUBMIT: Final = frozenset({State.TRANSMITTER, State.TRANSCEIVER})
_MAY_RECEIVE: Final = frozenset({State.RECEIVER, State.TRANSCEIVER})


class Centre(Protocol):
    """What a session asks the message centre."""

    settings: SimulatorSettings
    log: PduLog
    deliveries: Deliveries

    def joined(self, session: "Session") -> bool:
        """A connection came; False turns it away."""
        ...

    def left(self, session: "Session") -> None:
        """It is gone."""
        ...

    def refuses_bind(self) -> int:
        """A status to refuse this bind with, or 0."""
        ...

    def garbage_for_enquiry(self) -> bytes:
        """Octets to send instead of enquire_link_resp, or none."""
        ...

    def submit(self, session: "Session", pdu: SubmitSm, frame: bytes) -> None:
        """A submit_sm on a bind that may submit; the centre answers through `session.send`."""
        ...

    def query(self, pdu: QuerySm) -> QuerySmResp:
        """The answer to query_sm."""
        ...

    def cancel(self, pdu: CancelSm) -> CancelSmResp:
        """The answer to cancel_sm."""
        ...


class Session(asyncio.Protocol):
    """Answers what it can by itself, hands messages to the centre."""

    def __init__(self, number: int, centre: Centre) -> None:
        self.number = number
        self.state = State.OPEN
        self._centre = centre
        self._loop = asyncio.get_running_loop()
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._flush_due = False
        self._paused = False
        self._outstanding: dict[int, tuple[Delivery, float]] = {}
        self._sequence = 0
        self._began = self._heard = self._closed = self._loop.time()

    # --- asyncio.Protocol ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse it, or begin."""
        # COMPAT uvloop: its transports are asyncio.Transport by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)
        if not self._centre.joined(self):
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Handle the PDUs that `data` completes, in order."""
        self._heard = self._loop.time()
        broken = None
        try:
            frames = self._framer.feed(data)
        except FramingError as error:
            frames, broken = list(error.frames), error
        for frame in frames:
            if self.state is State.CLOSED:
                return
            self._handle(frame)
        if broken is not None:
            log.warning("smpp_framing_lost", conn=self.number, length=broken.length)
            self.send(encode(GenericNack(0, statuses.RINVCMDLEN)))
            self.close()
        self._flush()

    def pause_writing(self) -> None:
        """The peer doesn't read: hear no more from it until it does."""
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._paused = False
        if self._transport is not None and self.state is not State.CLOSED:
            self._transport.resume_reading()
            self._centre.deliveries.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what wasn't answered."""
        self.state = State.CLOSED
        self._out.clear()
        unanswered = [delivery for delivery, _ in self._outstanding.values()]
        self._outstanding.clear()
        self._centre.left(self)
        self._centre.deliveries.detach(self, unanswered)
        log.info("smpp_closed", conn=self.number, error=str(exc) if exc else None)

    # --- what the page shows of it ------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """Whose end it is, as host:port; '' when that is unknown."""
        name = None if self._transport is None else self._transport.get_extra_info("peername")
        return f"{name[0]}:{name[1]}" if name else ""

    @property
    def outstanding(self) -> int:
        """deliver_sm that the peer has not answered yet."""
        return len(self._outstanding)

    # --- what the centre does with it ---------------------------------------------------------------------

    def send(self, octets: bytes) -> None:
        """Send these octets in this turn of the loop; nothing happens once it is closed."""
        if self.state is State.CLOSED:
            return
        self._out.append(octets)
        self._centre.log.add(self.number, octets, out=True)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is due, then close."""
        self._flush()
        self.state = State.CLOSED
        self._closed = self._loop.time()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now, whatever was to be sent."""
        self.state = State.CLOSED
        if self._transport is not None:
            self._transport.abort()

    def unbind(self) -> None:
        """Ask the peer to let go; the connection is closed on its answer, or at once if it isn't bound."""
        if self.state is State.OPEN:
            self.close()
        else:
            self.send(encode(Unbind(self._next_sequence())))

    def tick(self, now: float) -> None:
        """Once a second, in the loop's time: idle, never bound, deliver_sm unanswered."""
        too_late = self.state is State.OPEN and now - self._began > BIND_TIME
        stuck = self.state is State.CLOSED and now - self._closed > _CLOSE_TIME
        if too_late or stuck or now - self._heard > self._centre.settings.idle_timeout:
            log.info("smpp_timed_out", conn=self.number, state=self.state.value)
            self.abort()
            return
        # The oldest come first: dictionaries keep the order in which they were sent.
        while self._outstanding:
            sequence, (delivery, deadline) = next(iter(self._outstanding.items()))
            if deadline > now:
                return
            del self._outstanding[sequence]
            self._centre.deliveries.timed_out(delivery)

    # --- Receiver -----------------------------------------------------------------------------------------

    def free(self) -> int:
        """Room in the window of deliver_sm."""
        if self._paused or self.state not in _MAY_RECEIVE:
            return 0
        return self._centre.settings.window - len(self._outstanding)

    def deliver(self, delivery: Delivery) -> None:
        """Send one deliver_sm under a sequence of its own."""
        sequence = self._next_sequence()
        deadline = self._loop.time() + self._centre.settings.response_timeout
        self._outstanding[sequence] = (delivery, deadline)
        frame = delivery.frame
        self.send(b"".join((frame[:12], sequence.to_bytes(4), frame[16:])))

    # --- PDUs ---------------------------------------------------------------------------------------------

    def _handle(self, frame: bytes) -> None:
        try:
            pdu = decode(frame)
        except DecodeError as error:
            self._centre.log.add(self.number, frame, out=False)
            self._malformed(error)
            return
        seen = _without_password(frame) if type(pdu) is Bind else frame
        self._centre.log.add(self.number, seen, out=False)
        self._HANDLERS.get(type(pdu), Session._on_unknown)(self, pdu, frame)

    def _malformed(self, error: DecodeError) -> None:
        if not error.command & numbers.RESPONSE:
            answer = Unknown(error.command | numbers.RESPONSE, error.sequence, error.status)
            self.send(encode(answer))

    def _on_bind(self, pdu: Bind, _frame: bytes) -> None:
        status = self._bind_status(pdu)
        command = pdu.command | numbers.RESPONSE
        if status:
            log.warning("smpp_bind_refused", conn=self.number, status=statuses.status_name(status))
            self.send(encode(BindResp(command, pdu.sequence, status)))
            if status != statuses.RALYBND:
                self.close()
            return
        version = (Tlv(numbers.TAG_SC_INTERFACE_VERSION, bytes((numbers.INTERFACE_VERSION,))),)
        self.send(encode(BindResp(command, pdu.sequence, 0, _SYSTEM_ID, version)))
        self.state = _BOUND[pdu.command]
        log.info("smpp_bound", conn=self.number, state=self.state.value)
        if self.state in _MAY_RECEIVE:
            self._centre.deliveries.attach(self)

    def _bind_status(self, pdu: Bind) -> int:
        settings = self._centre.settings
        if self.state is not State.OPEN:
            return statuses.RALYBND
        if refused := self._centre.refuses_bind():
            return refused
        if pdu.system_id != settings.system_id:
            return statuses.RINVSYSID
        wanted = settings.password.get_secret_value().encode()
        return 0 if hmac.compare_digest(pdu.password.encode(), wanted) else statuses.RINVPASWD

    def _on_submit(self, pdu: SubmitSm, frame: bytes) -> None:
        if self.state in _MAY_SUBMIT:
            self._centre.submit(self, pdu, frame)
        else:
            self.send(encode(SubmitSmResp(pdu.sequence, status=statuses.RINVBNDSTS)))

    def _on_query(self, pdu: QuerySm, _frame: bytes) -> None:
        bound = self.state in _MAY_SUBMIT
        wrong_state = QuerySmResp(pdu.sequence, status=statuses.RINVBNDSTS)
        self.send(encode(self._centre.query(pdu) if bound else wrong_state))

    def _on_cancel(self, pdu: CancelSm, _frame: bytes) -> None:
        bound = self.state in _MAY_SUBMIT
        wrong_state = CancelSmResp(pdu.sequence, statuses.RINVBNDSTS)
        self.send(encode(self._centre.cancel(pdu) if bound else wrong_state))

    def _on_deliver_resp(self, pdu: DeliverSmResp, _frame: bytes) -> None:
        # A late answer to what is being sent again has no entry any more.
        if found := self._outstanding.pop(pdu.sequence, None):
            self._centre.deliveries.answered(found[0], pdu.status)

    def _on_nack(self, pdu: GenericNack, _frame: bytes) -> None:
        if found := self._outstanding.pop(pdu.sequence, None):
            self._centre.deliveries.answered(found[0], pdu.status or statuses.RUNKNOWNERR)

    def _on_enquire(self, pdu: EnquireLink, _frame: bytes) -> None:
        self.send(self._centre.garbage_for_enquiry() or encode(EnquireLinkResp(pdu.sequence)))

    def _on_unbind(self, pdu: Unbind, _frame: bytes) -> None:
        self.send(encode(UnbindResp(pdu.sequence)))
        self.close()

    def _on_unbind_resp(self, _pdu: UnbindResp, _frame: bytes) -> None:
        self.close()

    def _on_unknown(self, pdu: Pdu, frame: bytes) -> None:
        # A response that nobody asked for isn't answered: two such servers would never stop.
        if not int.from_bytes(frame[4:8]) & numbers.RESPONSE:
            self.send(encode(GenericNack(pdu.sequence, statuses.RINVCMDID)))

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % numbers.MAX_SEQUENCE + 1
        return self._sequence

    def _flush(self) -> None:
        self._flush_due = False
        if self._out and self._transport is not None:
            octets = b"".join(self._out)
            self._out.clear()
            self._transport.write(octets)

    _HANDLERS: ClassVar[dict[type, Callable[["Session", Any, bytes], None]]] = {
        SubmitSm: _on_submit,
        DeliverSmResp: _on_deliver_resp,
        EnquireLink: _on_enquire,
        Bind: _on_bind,
        Unbind: _on_unbind,
        UnbindResp: _on_unbind_resp,
        GenericNack: _on_nack,
        QuerySm: _on_query,
        CancelSm: _on_cancel,
    }


def _without_password(frame: bytes) -> bytes:
    """A bind whose password is stars, for the log."""
    start = frame.index(0, 16) + 1
    end = frame.index(0, start)
    return frame[:start] + b"*" * (end - start) + frame[end:]
