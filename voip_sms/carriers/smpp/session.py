"""One TCP connection to an SMSC: bind, window, responses, keep-alive, unbind (SMPP 3.4, chapter 2)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import structlog

from voip_sms.carriers.smpp.settings import SmppSettings
from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers
from voip_sms.wire.smpp import status as codes

log = structlog.get_logger(__name__)

Answered = Callable[["smpp.SubmitSmResp | smpp.GenericNack | None"], None]
"""Called once per submit: with the response, or None when none came (the outcome is uncertain)."""

DELIVER_LIMIT: Final = 500
"""deliver_sm in work at one time; beyond it reading pauses, and TCP holds the carrier back."""
_BOUND_COMMANDS: Final = {
    "transceiver": numbers.BIND_TRANSCEIVER,
    "transmitter": numbers.BIND_TRANSMITTER,
    "receiver": numbers.BIND_RECEIVER,
}


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


@dataclass(slots=True)
class _Waiting:
    answered: Answered
    deadline: float


class Session(asyncio.Protocol):
    """A bind. `submit` needs `room`; `deliver`, awaited for each deliver_sm, gives the status to answer."""

    def __init__(
        self,
        settings: SmppSettings,
        role: str,
        deliver: Callable[[smpp.DeliverSm], Awaitable[int]],
        on_room: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._command = _BOUND_COMMANDS[role]
        self._deliver = deliver
        self._on_room = on_room
        self._loop = asyncio.get_running_loop()
        self._framer = smpp.Framer()
        self._transport: asyncio.Transport | None = None
        self._state = State.OPEN
        self._sequence = 0
        self._waiting: dict[int, _Waiting] = {}
        self._delivering: set[asyncio.Task[None]] = set()
        self._out: list[bytes] = []
        self._writable = True
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._asked_at: float | None = None
        self._bound: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[str] = self._loop.create_future()
        self._reason = "connection lost"

    # --- for the link ---

    @property
    def transmits(self) -> bool:
        """Whether submits may go out over this bind."""
        return self._state is State.BOUND and self._command != numbers.BIND_RECEIVER

    @property
    def in_flight(self) -> int:
        """Submits that wait for their response."""
        return len(self._waiting)

    @property
    def room(self) -> int:
        """How many submits fit into the window now."""
        return self._settings.window - len(self._waiting) if self.transmits and self._writable else 0

    async def bind(self) -> None:
        """Bind. Raises BindRefusedError, TimeoutError, ConnectionError."""
        self._send(
            smpp.Bind(
                self._command,
                self._next(),
                self._settings.system_id,
                self._settings.password,
                self._settings.system_type,
            )
        )
        async with asyncio.timeout(self._settings.response_timeout):
            await asyncio.shield(self._bound)
        self._schedule()

    def submit(self, make: Callable[[int], smpp.SubmitSm], answered: Answered) -> None:
        """Send what `make` builds for a sequence number. smpp.EncodeError: nothing was sent."""
        octets = smpp.encode(make(self._next()))
        self._waiting[self._sequence] = _Waiting(
            answered, self._loop.time() + self._settings.response_timeout
        )
        self._write(octets)
        if len(self._waiting) == 1:
            self._schedule()

    async def _settle(self, until: float) -> None:
        # shutting down: a short bounded poll is all it takes
        while (self._waiting or self._delivering) and self._loop.time() < until:
            if self._closed.done():
                return
            await asyncio.sleep(0.02)

    async def closed(self) -> str:
        """Wait until the connection is gone; why it went."""
        return await asyncio.shield(self._closed)

    async def unbind(self, drain: float) -> None:
        """Wait up to `drain` seconds for responses and deliveries in work, then unbind and close."""
        was_bound, self._state = self._state is State.BOUND, State.UNBINDING
        await self._settle(self._loop.time() + drain)
        if was_bound and not self._closed.done():
            self._send(smpp.Unbind(self._next()))
            await asyncio.wait([self._closed], timeout=min(2.0, max(0.2, drain)))
        self.abort("unbound")

    def abort(self, reason: str) -> None:
        """Close now; submits in flight become uncertain."""
        self._reason = reason
        if self._transport is not None:
            self._flush()
            self._transport.close()
        self._shut()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what arrived, PDU by PDU; a broken length closes the bind."""
        self._heard_at, self._asked_at = self._loop.time(), None
        try:
            frames, broken = self._framer.feed(data), None
        except smpp.FramingError as error:
            frames, broken = list(error.frames), error
        for frame in frames:
            self._frame(frame)
        if broken is not None:
            log.warning("smpp_bad_length", error=str(broken))
            self._send(smpp.GenericNack(0, codes.RINVCMDLEN))
            self.abort(str(broken))

    def pause_writing(self) -> None:
        """The peer reads too slowly: no more submits for now."""
        self._writable = False

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable = True
        self._on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: what waits is uncertain."""
        if exc is not None:
            self._reason = f"connection lost: {exc}"
        self._shut()

    # --- reading ---

    def _frame(self, frame: bytes) -> None:
        try:
            pdu = smpp.decode(frame)
        except smpp.DecodeError as error:
            self._unreadable(frame, error)
            return
        handler = _HANDLERS.get(type(pdu))
        if handler is not None:
            handler(self, pdu)

    def _unreadable(self, frame: bytes, error: smpp.DecodeError) -> None:
        head = smpp.header(frame)
        log.warning("smpp_unreadable", command=numbers.command_name(head.command), error=str(error))
        if not head.command & numbers.RESPONSE:
            self._send(smpp.GenericNack(head.sequence, codes.RINVMSGLEN))

    def _on_bind_resp(self, pdu: smpp.BindResp) -> None:
        if self._bound.done():
            return
        if pdu.status:
            self._bound.set_exception(BindRefusedError(pdu.status))
            return
        self._state = State.BOUND
        self._bound.set_result(None)

    def _on_response(self, pdu: smpp.SubmitSmResp) -> None:
        waiting = self._waiting.pop(pdu.sequence, None)
        if waiting is not None:  # else: it came after its time-out, which was the outcome
            waiting.answered(pdu)
            self._on_room()

    def _on_nack(self, pdu: smpp.GenericNack) -> None:
        if not self._bound.done():
            self._bound.set_exception(BindRefusedError(pdu.status))
            return
        waiting = self._waiting.pop(pdu.sequence, None)
        if waiting is not None:
            waiting.answered(pdu)
            self._on_room()

    def _on_deliver(self, pdu: smpp.DeliverSm) -> None:
        if self._state is State.OPEN or self._command == numbers.BIND_TRANSMITTER:
            self._send(smpp.DeliverSmResp(pdu.sequence, codes.RINVBNDSTS))
            return
        task = self._loop.create_task(self._answer_deliver(pdu))
        self._delivering.add(task)
        task.add_done_callback(self._delivered)
        if len(self._delivering) >= DELIVER_LIMIT and self._transport is not None:
            self._transport.pause_reading()

    async def _answer_deliver(self, pdu: smpp.DeliverSm) -> None:
        try:
            status = await self._deliver(pdu)
        except Exception:
            log.exception("deliver_fault")
            status = codes.RX_T_APPN  # temporary: it comes again
        self._send(smpp.DeliverSmResp(pdu.sequence, status))

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._delivering.discard(task)
        if (
            self._transport is not None
            and not self._transport.is_closing()
            and not self._transport.is_reading()
        ):
            self._transport.resume_reading()

    def _on_enquire(self, pdu: smpp.EnquireLink) -> None:
        self._send(smpp.EnquireLinkResp(pdu.sequence))

    def _on_unbind(self, pdu: smpp.Unbind) -> None:
        self._send(smpp.UnbindResp(pdu.sequence))
        self.abort("the carrier unbound")

    def _on_unbind_resp(self, _: smpp.UnbindResp) -> None:
        self.abort("unbound")

    def _on_unknown(self, pdu: smpp.Unknown) -> None:
        if not pdu.command & numbers.RESPONSE:
            self._send(smpp.GenericNack(pdu.sequence, codes.RINVCMDID))

    # --- time ---

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = self._loop.time()
        due = self._heard_at + self._settings.enquire_interval
        if self._asked_at is not None:
            due = self._asked_at + self._settings.response_timeout
        if self._waiting:
            due = min(due, next(iter(self._waiting.values())).deadline)
        self._timer = self._loop.call_at(max(due, now + 0.005), self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        self._expire(now)
        if self._asked_at is not None and now - self._asked_at >= self._settings.response_timeout:
            self.abort("enquire_link unanswered")
            return
        if self._asked_at is None and now - self._heard_at >= self._settings.enquire_interval:
            self._asked_at = now
            self._send(smpp.EnquireLink(self._next()))
        if self._state is not State.CLOSED:
            self._schedule()

    def _expire(self, now: float) -> None:
        late = []
        for sequence, waiting in self._waiting.items():  # in order of their deadlines: all wait equally long
            if waiting.deadline > now:
                break
            late.append(sequence)
        for sequence in late:
            self._waiting.pop(sequence).answered(None)
        if late:
            self._on_room()

    # --- writing ---

    def _next(self) -> int:
        self._sequence = self._sequence % numbers.MAX_SEQUENCE + 1
        return self._sequence

    def _send(self, pdu: smpp.Pdu) -> None:
        self._write(smpp.encode(pdu))

    def _write(self, octets: bytes) -> None:
        if self._state is State.CLOSED:
            return
        if not self._out:
            self._loop.call_soon(self._flush)  # everything of one turn of the loop leaves in one write
        self._out.append(octets)

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _shut(self) -> None:
        if self._state is State.CLOSED:
            return
        self._state = State.CLOSED
        if self._timer is not None:
            self._timer.cancel()
        waiting, self._waiting = list(self._waiting.values()), {}
        for one in waiting:
            one.answered(None)
        if not self._bound.done():
            self._bound.set_exception(ConnectionError(self._reason))
            self._bound.exception()  # looked at: nobody may be waiting for it
        if not self._closed.done():
            self._closed.set_result(self._reason)


_HANDLERS: dict[type, Callable[[Session, Any], None]] = {
    smpp.BindResp: Session._on_bind_resp,  # noqa: SLF001 - the table of this very class
    smpp.SubmitSmResp: Session._on_response,  # noqa: SLF001
    smpp.GenericNack: Session._on_nack,  # noqa: SLF001
    smpp.DeliverSm: Session._on_deliver,  # noqa: SLF001
    smpp.EnquireLink: Session._on_enquire,  # noqa: SLF001
    smpp.Unbind: Session._on_unbind,  # noqa: SLF001
    smpp.UnbindResp: Session._on_unbind_resp,  # noqa: SLF001
    smpp.Unknown: Session._on_unknown,  # noqa: SLF001
}
