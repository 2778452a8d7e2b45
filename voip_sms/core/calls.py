"""What a call asks to send: one step of one flow, in the name of the flow's account, within its limits."""

from dataclasses import dataclass
from typing import Final

from voip_sms.core import addresses
from voip_sms.core.directory import NO_CALL_LIMITS, Account, CallLimits
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Step
from voip_sms.core.quotas import Gauge, periods

DEFAULT_LIMITS: Final = CallLimits(caller=5, flow=500)
"""SMS a day where nobody says: more than a caller wants, fewer than a prank with a list of numbers costs."""
_CALLER_LONGEST: Final = 64
"""Characters of what a PBX shows that is no number."""


@dataclass(frozen=True, slots=True)
class CallOrder:
    """One SMS that a call asks for. With `call_id` and `step` the same, it is the same SMS.

    `account`: what `ports.Calling.account` gave. `caller`: as the PBX shows the number, "" if it is hidden.
    `call_id`: unique among all calls of all PBXes that ask, so put the PBX's name before it.
    `to`: as keyed or configured; the engine normalises. `fixed`: it is the flow's own number, whoever calls.
    `limits`: of the flow's file; what is configured for
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
    fixed: bool = False


def limits_of(*said: CallLimits) -> CallLimits:
    """The limits that count: of each the first that somebody says, else DEFAULT_LIMITS."""
    order = (*said, DEFAULT_LIMITS)
    return CallLimits(
        next(one.caller for one in order if one.caller is not None),
        next(one.flow for one in order if one.flow is not None),
    )


def gauges(order: CallOrder, limits: CallLimits, now: int, timezone: str, country: str) -> tuple[Gauge, ...]:
    """What one SMS of the order counts against: the flow's day and the caller's, in the customer's zone.

    A number that gets the SMS counts as a caller too, for numbers shown are easily forged, and nobody's phone
    is to be flooded; not one that the flow names, such as that of whoever is on duty. Callers without a
    number ("", or what a PBX writes instead: anonymous, Unavailable) are counted by who gets the SMS alone,
    so that they don't use up each other's. `country` reads national numbers.
    """
    day, _ = periods(now, timezone)
    flow = f"ivr:{order.account.name}"
    known = any(char.isdecimal() for char in order.caller)
    counted = [order.caller] if known else []
    if not (known and order.fixed):
        counted.append(order.to)
    people = dict.fromkeys(_number(one, country) for one in counted)
    return (
        *(Gauge("caller", f"{flow}:{who}", day, limits.caller) for who in people),
        Gauge("flow", flow, day, limits.flow),
    )


def _number(shown: str, country: str) -> str:
    try:
        return addresses.number(shown, country).e164
    except Refusal:  # an extension
        return shown.replace("\0", "")[:_CALLER_LONGEST]
