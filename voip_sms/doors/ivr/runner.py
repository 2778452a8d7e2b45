"""Runs one call through its flow: tells the machine what happens, and does what it says."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import structlog

from voip_sms.core import ids
from voip_sms.core.calls import CallOrder
from voip_sms.core.directory import Account
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Step
from voip_sms.core.ports import Calling
from voip_sms.doors.ivr.channels import hand_back, hang_up
from voip_sms.doors.ivr.events import (
    Action,
    Call,
    HangUp,
    HungUp,
    Leave,
    Note,
    Play,
    Send,
    Sent,
    Silence,
    Wait,
)
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.line import Line
from voip_sms.doors.ivr.machine import LONGEST_CALL, Machine
from voip_sms.engine.metrics import Metrics
from voip_sms.net.ari import Ari

log = structlog.get_logger(__name__)

DOOR: Final = "ivr"
LONGEST: Final = LONGEST_CALL + 60
"""Seconds of a call: the machine ends it before, at whatever happens next; this is for when nothing does."""
STEPS: Final = 100
"""Lines of a trace that go with a message: of a flow that goes round in circles the first ones."""
SEND_SECONDS: Final = 10.0
"""For an SMS to be stored or refused; the engine itself gives up after three. The caller hears silence."""

Ending = Literal["left", "hung_up", "caller_gone"]


@dataclass(frozen=True, slots=True)
class Engine:
    """What calls need of the engine. `now`: in the zone of an account's customer; `mobile`: E.164, or ""."""

    calling: Calling
    now: Callable[[Account], datetime]
    mobile: Callable[[str], str]
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Visit:
    """One call in one flow. `id`: no other call of any PBX has it."""

    flow: Flow
    account: Account
    call: Call
    machine: Machine
    id: str


class Runner:
    """`run` it as a task. `sending` takes what must end even when the call has."""

    def __init__(
        self,
        visit: Visit,
        line: Line,
        ari: Ari,
        engine: Engine,
        sending: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._visit = visit
        self._line = line
        self._ari = ari
        self._engine = engine
        self._sending = sending
        self._trace: list[Step] = []

    async def run(self) -> Ending:
        """Until the flow or the call ends; how it did. Whatever it raises leaves the channel where it is."""
        try:
            async with asyncio.timeout(LONGEST):
                return await self._course()
        finally:
            await self._line.close()

    async def _course(self) -> Ending:
        machine = self._visit.machine
        ending = await self._do(machine.begin())
        while ending is None:
            event = await self._line.next()
            ending = await self._do(machine.on(event))
            if isinstance(event, HungUp):
                return "caller_gone"
        return ending

    async def _do(self, actions: Sequence[Action]) -> Ending | None:
        """Do it in this order; how the call ended, if it did."""
        for action in actions:
            match action:
                case Play():
                    await self._line.play(action.prompts)
                case Silence():
                    await self._line.silence()
                case Wait():
                    self._line.wait(action.seconds)
                case Send():
                    self._sending(self._send(action))
                case Note():
                    self._note(action)
                case Leave():
                    await self._hand_back(action)
                    return "left"
                case HangUp():
                    await hang_up(self._ari, self._line.channel)
                    return "hung_up"
        return None

    async def _hand_back(self, leave: Leave) -> None:
        await self._line.silence()
        await hand_back(self._ari, self._line.channel, leave)

    def _note(self, note: Note) -> None:
        if len(self._trace) < STEPS:
            self._trace.append(Step(f"ivr {note.step}", note.decision, note.reason))

    # --- sending ------------------------------------------------------------------------------------------

    async def _send(self, send: Send) -> None:
        sent = await self._sent(send)
        self._engine.metrics.answered(DOOR, "accepted" if sent.result == "accepted" else sent.code)
        self._line.put(sent)

    async def _sent(self, send: Send) -> Sent:
        where = {"channel": self._line.channel, "flow": self._visit.flow.name, "step": send.step}
        try:
            async with asyncio.timeout(SEND_SECONDS):
                item = await self._engine.calling.send(self._order(send))
        except Refusal as refusal:
            return Sent("error", code=refusal.code.name)
        except Exception:  # also too slow: nobody knows whether it was stored, so nobody hears that it was
            log.exception("ivr_send_failed", **where)
            return Sent("error", code="store_unavailable")
        if item.message is not None:
            return Sent("accepted", message_id=ids.to_text("msg", item.message.id))
        code = item.refused.code.name if item.refused is not None else ""
        log.info("ivr_send_refused", code=code, **where)
        return Sent("refused", code=code)

    def _order(self, send: Send) -> CallOrder:
        visit = self._visit
        return CallOrder(
            account=visit.account,
            caller=visit.call.caller,
            call_id=visit.id,
            step=send.step,
            to=send.to,
            fixed=send.fixed,
            text=send.text,
            limits=visit.flow.limits,
            trace=tuple(self._trace),
        )
