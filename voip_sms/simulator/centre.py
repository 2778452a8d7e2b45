"""The message centre: takes submits as the armed faults allow, feeds handsets, writes receipts."""

import asyncio
import itertools
from collections import OrderedDict
from typing import Final, NamedTuple

import structlog

from voip_sms.core.clock import Clock
from voip_sms.simulator import faults as kinds
from voip_sms.simulator.deliveries import Deliveries, QueueFullError
from voip_sms.simulator.faults import Fault, Faults
from voip_sms.simulator.handsets import Handsets, Outgoing
from voip_sms.simulator.ids import MessageIds
from voip_sms.simulator.log import PduLog
from voip_sms.simulator.receipts import DELIVERED, DELIVERED_RECEIPT, ReceiptWriter
from voip_sms.simulator.screening import refusal
from voip_sms.simulator.session import Session
from voip_sms.simulator.settings import SimulatorSettings
from voip_sms.wire.smpp import (
    CancelSm,
    CancelSmResp,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    encode,
    numbers,
)
from voip_sms.wire.smpp import status as statuses

log = structlog.get_logger(__name__)

# One service opens a handful; more is a mistake that should show.
MAX_SESSIONS: Final = 100
# What query_sm can still be asked about.
MAX_REMEMBERED: Final = 20_000
# What handsets that are switched off may miss; beyond it submits are answered ESME_RMSGQFUL.
MAX_HELD: Final = 10_000
# Room that one submit may need: a receipt, twice.
_RECEIPTS: Final = 2


class _Taken(NamedTuple):
    """A submit that was accepted, with its octets and its id."""

    pdu: SubmitSm
    frame: bytes
    id: str


class MessageCentre:
    """The state of the simulated network; sessions and the HTTP API act on it. Lives on one loop."""

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self.settings = settings
        self.log = PduLog(clock, settings.log_size)
        self.deliveries = Deliveries(settings)
        self.handsets = Handsets(clock, settings.default_alphabet, settings.long, settings.inbox_size)
        self._faults = Faults()
        self._ids = MessageIds(clock, settings.id_format)
        self._receipts = ReceiptWriter(clock, self._ids, settings.receipt_id_format)
        self._states: OrderedDict[str, int] = OrderedDict()
        self._held: dict[str, _Taken] = {}
        self._mo_numbers = itertools.count(1)
        self.sessions: set[Session] = set()
        self._left = asyncio.Event()
        self._changes = 0

    # --- the HTTP API's side ------------------------------------------------------------------------------

    def send(self, number: str, outgoing: Outgoing) -> str:
        """A handset sends; returns the id of what it sent.

        Raises what Handsets.compose raises, and QueueFullError.
        """
        pdus = self.handsets.compose(number, outgoing)
        frames = [encode(pdu) for pdu in pdus]
        if self._faults and self._faults.take(kinds.DuplicateMo, outgoing.to.removeprefix("+")):
            frames *= 2
        if self.deliveries.room < len(frames):
            raise QueueFullError
        self.deliveries.add(frames)
        identifier = f"mo-{next(self._mo_numbers)}"
        self.handsets.wrote(identifier, number, outgoing, pdus)
        return identifier

    def arm(self, fault: Fault) -> str:
        """Arm a fault, returns its id. With the carrier offline all connections go at once."""
        identifier = self._faults.arm(fault)
        self._changes += 1
        log.info("fault_armed", id=identifier, fault=fault.fault)
        if self._faults.carrier_offline():
            for session in tuple(self.sessions):
                session.abort()
        return identifier

    def clear_faults(self, identifier: str | None = None) -> int:
        """Disarm one or all, returns how many; handsets that were off get what they missed."""
        removed = self._faults.clear(identifier)
        self._changes += 1
        if removed:
            self._switch_on()
        return removed

    def armed(self) -> list[dict[str, object]]:
        """The armed faults."""
        return self._faults.listed()

    @property
    def revision(self) -> str:
        """Another text whenever something may look different: PDUs, faults, connections, texts."""
        mine = (self.log.last, self._changes, self.deliveries.waiting, len(self._held))
        states = ",".join(f"{one.number}{one.state.value[:3]}" for one in self.connections())
        return ".".join(map(str, mine)) + f".{states}"

    def connections(self) -> list[Session]:
        """The connections, oldest first."""
        return sorted(self.sessions, key=lambda session: session.number)

    # --- the sessions' side -------------------------------------------------------------------------------

    def joined(self, session: Session) -> bool:
        """A connection came; False turns it away."""
        if self._faults.take_carrier_offline() or len(self.sessions) >= MAX_SESSIONS:
            return False
        self.sessions.add(session)
        return True

    def left(self, session: Session) -> None:
        """It is gone."""
        self.sessions.discard(session)
        self._left.set()

    async def deserted(self) -> None:
        """Wait until no session is left."""
        while self.sessions:
            self._left.clear()
            await self._left.wait()

    def refuses_bind(self) -> int:
        """A status to refuse this bind with, or 0."""
        fault = self._faults.take(kinds.RefuseBind)
        return fault.command_status if fault else 0

    def garbage_for_enquiry(self) -> bytes:
        """Octets to send instead of enquire_link_resp, or none."""
        fault = self._faults.take(kinds.Garbage)
        return bytes.fromhex(fault.hex) if fault else b""

    def submit(self, session: Session, pdu: SubmitSm, frame: bytes) -> None:
        """Answer, hand over to the handset, send the receipt: at once, or as faults say."""
        status = refusal(pdu)
        if not status and (self.deliveries.room < _RECEIPTS or len(self._held) >= MAX_HELD):
            status = statuses.RMSGQFUL
        if status:
            session.send(encode(SubmitSmResp(pdu.sequence, status=status)))
        elif self._faults:
            self._submit_with_faults(session, pdu, frame)
        else:
            taken = _Taken(pdu, frame, self._ids.new())
            session.send(encode(SubmitSmResp(pdu.sequence, taken.id)))
            self._deliver(taken)
            if pdu.registered_delivery & numbers.REGISTERED_MASK == numbers.REGISTERED_ALWAYS:
                self.deliveries.add((self._receipts.write(pdu, taken.id),))

    def query(self, pdu: QuerySm) -> QuerySmResp:
        """The state of a message, as far back as MAX_REMEMBERED reaches."""
        state = self._states.get(pdu.message_id)
        if state is None:
            return QuerySmResp(pdu.sequence, pdu.message_id, status=statuses.RQUERYFAIL)
        return QuerySmResp(pdu.sequence, pdu.message_id, message_state=state)

    def cancel(self, pdu: CancelSm) -> CancelSmResp:
        """Works for what waits for a handset that is off; all else is delivered already."""
        taken = self._held.pop(pdu.message_id, None)
        if taken is None:
            return CancelSmResp(pdu.sequence, statuses.RCANCELFAIL)
        self._remember(taken.id, numbers.STATE_DELETED)
        how = kinds.Receipt(fault="receipt", stat=numbers.STATE_WORDS[numbers.STATE_DELETED])
        self.deliveries.add(self._receipt_frames(taken, how))
        return CancelSmResp(pdu.sequence)

    # --- faults -------------------------------------------------------------------------------------------

    def _submit_with_faults(self, session: Session, pdu: SubmitSm, frame: bytes) -> None:
        to = pdu.dest.value
        latency = self._faults.take(kinds.Latency, to)
        delay = latency.ms / 1000 if latency else 0.0
        if reject := self._faults.take(kinds.Reject, to):
            answer = encode(SubmitSmResp(pdu.sequence, status=reject.command_status))
            self._later(delay, session, answer, [])
            return
        taken = _Taken(pdu, frame, self._ids.new())
        receipts = self._arrive(taken)
        if receipts and self._faults.take(kinds.ReceiptBeforeResponse, to):
            self.deliveries.add(receipts)
            receipts = []
        self._answer(session, taken, delay, receipts)

    def _arrive(self, taken: _Taken) -> list[bytes]:
        """Give it to the handset, or hold or lose it as faults say; the receipts that follow."""
        to = taken.pdu.dest.value
        if self._faults.take_handset_offline(to):
            self._held[taken.id] = taken
            self._remember(taken.id, numbers.STATE_ENROUTE)
            return []
        how = self._faults.take(kinds.Receipt, to) or DELIVERED_RECEIPT
        if how.stat == DELIVERED:
            self._deliver(taken)
        else:
            self._remember(taken.id, kinds.state_of(how))
        return self._receipt_frames(taken, how)

    def _receipt_frames(self, taken: _Taken, how: kinds.Receipt) -> list[bytes]:
        wanted = taken.pdu.registered_delivery & numbers.REGISTERED_MASK
        good = how.stat == DELIVERED
        if not wanted or (good and wanted == numbers.REGISTERED_ON_FAILURE):
            return []
        to = taken.pdu.dest.value
        if self._faults.take(kinds.NoReceipt, to):
            return []
        frame = self._receipts.write(taken.pdu, taken.id, how)
        return [frame] * (2 if self._faults.take(kinds.DuplicateReceipt, to) else 1)

    def _answer(self, session: Session, taken: _Taken, delay: float, receipts: list[bytes]) -> None:
        to = taken.pdu.dest.value
        if garbage := self._faults.take(kinds.Garbage, to):
            self._later(delay, session, bytes.fromhex(garbage.hex), receipts)
        elif self._faults.take(kinds.NoResponse, to):
            self._later(delay, session, b"", receipts)
        elif drop := self._faults.take(kinds.Drop, to):
            answer = encode(SubmitSmResp(taken.pdu.sequence, taken.id))
            before = drop.when == "before_response"
            self._later(delay, session, b"" if before else answer, receipts, close=True)
        else:
            self._later(delay, session, encode(SubmitSmResp(taken.pdu.sequence, taken.id)), receipts)

    def _later(
        self, delay: float, session: Session, answer: bytes, receipts: list[bytes], *, close: bool = False
    ) -> None:
        def now() -> None:
            if answer:
                session.send(answer)
            if close:
                session.close()
            self.deliveries.add(receipts)

        if delay:
            asyncio.get_running_loop().call_later(delay, now)
        else:
            now()

    def _switch_on(self) -> None:
        held, self._held = self._held, {}
        for taken in held.values():
            self.deliveries.add(self._arrive(taken))

    def _deliver(self, taken: _Taken) -> None:
        self.handsets.take(taken.pdu, taken.frame)
        self._remember(taken.id, numbers.STATE_DELIVERED)

    def _remember(self, message_id: str, state: int) -> None:
        self._states[message_id] = state
        if len(self._states) > MAX_REMEMBERED:
            self._states.popitem(last=False)
