"""Faults on demand: what can go wrong, how often, and for whom."""

import itertools
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from voip_sms.wire.smpp.numbers import STATE_UNKNOWN, STATE_WORDS
from voip_sms.wire.smpp.status import RBINDFAIL, RSYSERR, STATUSES

# Each armed fault is looked at for every submit.
MAX_FAULTS: Final = 1000
# Not SMPP: a command_length of 5, then noise.
GARBAGE: Final = "00000005deadbeef0badcafe00ff"
_STATES: Final = {word: state for state, word in STATE_WORDS.items()}
_BY_NAME: Final = {row.name: code for code, row in STATUSES.items()}


def _status(value: object) -> object:
    """A command_status as a number, as `"0x58"`, or by name with or without `ESME_`."""
    if not isinstance(value, str):
        return value
    name = value.upper().removeprefix("ESME_")
    if f"ESME_{name}" in _BY_NAME:
        return _BY_NAME[f"ESME_{name}"]
    try:
        return int(value, 0)
    except ValueError:
        raise ValueError("neither a number nor a name of SMPP 3.4, 5.1.3") from None


def _digits(value: object) -> object:
    return value.removeprefix("+") if isinstance(value, str) else value


CommandStatus = Annotated[int, BeforeValidator(_status), Field(ge=1, le=0xFFFFFFFF)]


class _Fault(BaseModel):
    """`count`: how often it happens before it is used up, else until DELETE; `to`: only that destination."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int | None = Field(default=None, ge=1)
    to: Annotated[str | None, BeforeValidator(_digits)] = None


class Reject(_Fault):
    """submit_sm is refused with this status, nothing is taken."""

    fault: Literal["reject"]
    command_status: CommandStatus = RSYSERR


class Latency(_Fault):
    """submit_sm_resp, and the receipt after it, come this much later."""

    fault: Literal["latency"]
    ms: int = Field(ge=0, le=600_000)


class NoResponse(_Fault):
    """The message is taken, submit_sm_resp never comes."""

    fault: Literal["no_response"]


class Drop(_Fault):
    """The message is taken, the connection is closed before or after submit_sm_resp."""

    fault: Literal["drop"]
    when: Literal["before_response", "after_response"] = "before_response"


class RefuseBind(_Fault):
    """Binds are refused; `to` has no meaning here."""

    fault: Literal["refuse_bind"]
    command_status: CommandStatus = RBINDFAIL


class Offline(_Fault):
    """Without `to` the carrier is gone: connections are closed, new ones too. With it, that handset is off.

    `count` is the number of new connections refused, or of messages held for the handset. What a handset
    missed it gets, with the receipts, when the fault is deleted.
    """

    fault: Literal["offline"]


class NoReceipt(_Fault):
    """The receipt that was asked for never comes."""

    fault: Literal["no_receipt"]


class Receipt(_Fault):
    """The receipt says `stat` and `err`; the handset gets the message only with DELIVRD.

    `tlvs` false leaves receipted_message_id and message_state out; `text` replaces the receipt's text,
    `{id}` in it is the message id.
    """

    fault: Literal["receipt"]
    stat: str = Field(default="DELIVRD", max_length=20)
    err: str = Field(default="000", max_length=10)
    tlvs: bool = True
    text: str | None = Field(default=None, max_length=200)


def state_of(receipt: Receipt) -> int:
    """The message_state that goes with `stat`; UNKNOWN for a word that SMPP 3.4 doesn't have."""
    return _STATES.get(receipt.stat.upper(), STATE_UNKNOWN)


class ReceiptBeforeResponse(_Fault):
    """The receipt overtakes submit_sm_resp."""

    fault: Literal["receipt_before_response"]


class DuplicateReceipt(_Fault):
    """The receipt comes twice."""

    fault: Literal["duplicate_receipt"]


class DuplicateMo(_Fault):
    """A handset's message comes twice, octet for octet but for the sequence; `to` is where it goes."""

    fault: Literal["duplicate_mo"]


class Garbage(_Fault):
    """Octets that are not SMPP instead of submit_sm_resp (the message is taken) or enquire_link_resp."""

    fault: Literal["garbage"]
    hex: str = Field(default=GARBAGE, max_length=4096, pattern=r"^([0-9a-fA-F]{2})+$")


Fault = Annotated[
    Reject
    | Latency
    | NoResponse
    | Drop
    | RefuseBind
    | Offline
    | NoReceipt
    | Receipt
    | ReceiptBeforeResponse
    | DuplicateReceipt
    | DuplicateMo
    | Garbage,
    Field(discriminator="fault"),
]
_Kind = TypeVar("_Kind", bound=_Fault)


class TooManyFaultsError(Exception):
    """MAX_FAULTS are armed already."""


@dataclass(slots=True)
class _Armed:
    id: str
    fault: _Fault
    left: int | None


class Faults:
    """The armed faults, in the order in which they were asked for; false when there are none."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._numbers = itertools.count(1)

    def __bool__(self) -> bool:
        return bool(self._armed)

    def arm(self, fault: Fault) -> str:
        """Add a fault; returns its id. Raises TooManyFaultsError."""
        if len(self._armed) >= MAX_FAULTS:
            raise TooManyFaultsError
        armed = _Armed(f"fault-{next(self._numbers)}", fault, fault.count)
        self._armed.append(armed)
        return armed.id

    def clear(self, identifier: str | None = None) -> int:
        """Disarm one fault, or all; returns how many there were."""
        kept = [armed for armed in self._armed if identifier is not None and armed.id != identifier]
        removed = len(self._armed) - len(kept)
        self._armed = kept
        return removed

    def listed(self) -> list[dict[str, object]]:
        """All armed faults with their ids and what is left of their counts."""
        return [armed.fault.model_dump() | {"id": armed.id, "left": armed.left} for armed in self._armed]

    def take(self, kind: type[_Kind], to: str = "") -> _Kind | None:
        """The first armed fault of this kind for this destination (no `+`), its count used once."""
        for armed in self._armed:
            if isinstance(armed.fault, kind) and armed.fault.to in (None, to):
                self._use(armed)
                return armed.fault
        return None

    def carrier_offline(self) -> Offline | None:
        """The fault that keeps the whole carrier away, its count untouched."""
        for armed in self._armed:
            if isinstance(armed.fault, Offline) and armed.fault.to is None:
                return armed.fault
        return None

    def take_carrier_offline(self) -> bool:
        """Whether a new connection is to be refused; uses the count."""
        for armed in self._armed:
            if isinstance(armed.fault, Offline) and armed.fault.to is None:
                self._use(armed)
                return True
        return False

    def take_handset_offline(self, to: str) -> bool:
        """Whether this handset is off; uses the count."""
        for armed in self._armed:
            if isinstance(armed.fault, Offline) and armed.fault.to == to:
                self._use(armed)
                return True
        return False

    def _use(self, armed: _Armed) -> None:
        if armed.left is not None:
            armed.left -= 1
            if not armed.left:
                self._armed.remove(armed)
