"""What a call asks to send: one step of one flow, in the name of the flow's account."""

from dataclasses import dataclass

from voip_sms.core.directory import NO_CALL_LIMITS, Account, CallLimits
from voip_sms.core.model import Step


@dataclass(frozen=True, slots=True)
class CallOrder:
    """One SMS that a call asks for. With `call_id` and `step` the same, it is the same SMS.

    `account`: what `ports.Calling.account` gave. `caller`: as the PBX shows the number, "" if it is hidden.
    `call_id`: unique among all calls of all PBXes that ask, so put the PBX's name before it.
    `to`: as keyed or configured; the engine normalises. `limits`: of the flow's file; what is configured for
    the flow comes before them. `trace`: what the door decided, the first lines of the message's trace.
    """

    account: Account
    caller: str
    call_id: str
    step: str
    to: str
    text: str
    limits: CallLimits = NO_CALL_LIMITS
    trace: tuple[Step, ...] = ()
