"""Messages as outsiders ask for them (POST /v1/messages) and as every answer shows them."""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    field_validator,
)

from voip_sms.core import clock, ids
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Item, Message, Options, Plan, Submitted
from voip_sms.core.rating import amount_text
from voip_sms.core.resources.values import Resource, SipAddress, complaint, to_span

MESSAGE: Final = "msg"
SUBMISSION: Final = "sub"

RECIPIENTS: Final = 10_000
"""In one call; the writer takes them as one unit each."""
# GSM 03.40 9.2.3.12: validity goes up to 63 weeks; carriers keep a week at most.
_LONGEST_VALIDITY: Final = 7 * clock.DAY
_SHORTEST_VALIDITY: Final = clock.MINUTE
_LONGEST_PARTS: Final = 255


# --- POST /v1/messages --------------------------------------------------------------------------------------


def _moment(value: object) -> int:
    try:
        return clock.from_rfc3339(value if isinstance(value, str) else "")
    except clock.TimeInvalidError:
        raise complaint("not a moment: write it as 2026-11-22T10:00:00Z, with an offset") from None


def _validity(value: object) -> int:
    span = value * clock.SECOND if isinstance(value, int) and not isinstance(value, bool) else 0
    if isinstance(value, str):
        try:
            span = to_span(value)
        except ValueError:
            span = 0
    if not _SHORTEST_VALIDITY <= span <= _LONGEST_VALIDITY:
        raise complaint("not a validity: seconds or 2h, 3d; at least a minute and at most 7d")
    return span


def _one_or_many(value: object) -> str | None:
    return ":one" if isinstance(value, str) else ":many" if isinstance(value, list | tuple) else None


# Recipients and text have no bound but the body's: what is too long gets its own code from the engine.
_To = Annotated[
    Annotated[Annotated[str, Field(min_length=1)], Tag(":one")]
    | Annotated[Annotated[tuple[str, ...], Field(min_length=1, max_length=RECIPIENTS)], Tag(":many")],
    Discriminator(
        _one_or_many,
        custom_error_type="value",
        custom_error_message="{text}",
        custom_error_context={"text": "must be a number in quotes, or a list of them"},
    ),
]
Moment = Annotated[int, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
_Validity = Annotated[
    int,
    PlainValidator(_validity),
    WithJsonSchema({"oneOf": [{"type": "integer"}, {"type": "string"}], "examples": [3600, "2h"]}),
]


class SendRequest(Resource):
    """POST /v1/messages and /v1/messages/explain. Recipients stay as typed: the engine reads them."""

    to: _To
    text: str
    sender: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(None, alias="from")
    client_ref: Annotated[str, Field(max_length=200)] | None = None
    max_parts: Annotated[int, Field(ge=1, le=_LONGEST_PARTS)] = 10
    transliterate: bool | None = None
    send_at: Moment | None = None
    validity: _Validity | None = None
    message_class: Literal["full", "eco"] = Field("full", alias="class")
    account: SipAddress | None = None
    """In whose name: `sip:101`, a SIP account of the customer. The key needs the scope `accounts`."""
    template: Any = None
    data: Any = None

    @field_validator("template", "data")
    @classmethod
    def _no_templates(cls, value: object) -> object:
        if value is not None:
            raise complaint("there are no templates here; send the text itself")
        return value

    @property
    def recipients(self) -> tuple[str, ...]:
        """As typed, one or many."""
        return (self.to,) if isinstance(self.to, str) else tuple(self.to)

    @property
    def several(self) -> bool:
        """Whether a list was given, so that a list is the answer."""
        return not isinstance(self.to, str)

    def options(self) -> Options:
        """What the engine takes beside recipients and text."""
        return Options(
            sender=self.sender,
            client_ref=self.client_ref,
            max_parts=self.max_parts,
            transliterate=self.transliterate,
            send_at=self.send_at,
            validity=self.validity,
            message_class=self.message_class,
        )


# --- what is shown ------------------------------------------------------------------------------------------


def message_resource(message: Message) -> dict[str, Any]:
    """The Message of the contract as a plain dict: API answers, webhook bodies. `flags` only if any."""
    shown: dict[str, Any] = {
        "id": ids.to_text(MESSAGE, message.id),
        "direction": message.direction,
        "status": message.status,
        "from": message.sender,
        "to": message.to,
        "text": message.text,
        "encoding": message.encoding,
        "parts": message.parts,
        "price": price_resource(message.price, message.currency),
        "door": message.door,
        "account": message.account,
        "client_ref": message.client_ref,
        "created_at": clock.to_rfc3339(message.created_at),
        "possible_duplicate": message.possible_duplicate,
        "events": [
            {"at": clock.to_rfc3339(event.at), "status": event.status, "cause": event.cause}
            for event in message.events
        ],
        "error": None
        if message.error_code is None
        else {"code": message.error_code, "detail": message.error_detail or ""},
    }
    if message.flags:
        shown["flags"] = sorted(message.flags)
    return shown


def price_resource(price: int | None, currency: str) -> dict[str, str] | None:
    """`{amount, currency}`; None for what has no price: inbound, and tenants without a price list."""
    return {"amount": amount_text(price), "currency": currency} if price is not None and currency else None


def item_resource(item: Item) -> dict[str, Any]:
    """`{to, id, status}` or `{to, code, detail}` for one recipient of several."""
    if item.message is not None:
        return {"to": item.to, "id": ids.to_text(MESSAGE, item.message.id), "status": item.message.status}
    assert item.refused is not None
    return {"to": item.to, "code": item.refused.code.name, "detail": item.refused.detail}


def submission_resource(submitted: Submitted) -> dict[str, Any]:
    """The 202 for a list of recipients."""
    return {
        "submission": ids.to_text(SUBMISSION, submitted.submission_id),
        "data": [item_resource(item) for item in submitted.items],
    }


def refusal_resource(refusal: Refusal | None) -> dict[str, str] | None:
    """`{code, detail}`."""
    return None if refusal is None else {"code": refusal.code.name, "detail": refusal.detail}


def plan_resource(plan: Plan) -> dict[str, Any]:
    """What explain says of one recipient."""
    sender = plan.sender
    return {
        "to": plan.to,
        "from": None if sender is None else sender.value,
        "sender": None
        if sender is None
        else {"kind": sender.kind, "value": sender.value, "pool": sender.pool},
        "encoding": plan.encoding,
        "parts": len(plan.parts),
        "price": price_resource(plan.price, plan.currency),
        "carrier": plan.carrier,
        "refused": refusal_resource(plan.refused),
        "trace": [
            {"step": step.step, "decision": step.decision, "reason": step.reason} for step in plan.trace
        ],
    }


# --- the same shapes for OpenAPI ----------------------------------------------------------------------------


class Shown(BaseModel):
    """What an answer looks like; only its schema is used, answers are plain dicts."""

    model_config = ConfigDict(populate_by_name=True)


class PriceShown(Shown):
    """A decimal amount and its ISO 4217 currency."""

    amount: str = Field(examples=["0.29"])
    currency: str = Field(examples=["PLN"])


class EventShown(Shown):
    """One change of status."""

    at: str = Field(json_schema_extra={"format": "date-time"})
    status: str
    cause: str


class ErrorShown(Shown):
    """Why a message failed or a recipient was refused."""

    code: str
    detail: str


class MessageShown(Shown):
    """One message to or from one number."""

    id: str = Field(examples=["msg_01jd9q5m3qf3k8m9n2v4x6y8z0"])
    direction: Literal["outbound", "inbound"]
    status: str
    sender: str = Field(alias="from")
    to: str
    text: str | None
    encoding: Literal["gsm7", "ucs2", "utf8"]
    parts: int
    price: PriceShown | None
    door: str
    account: str
    client_ref: str | None
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    possible_duplicate: bool
    events: list[EventShown]
    error: ErrorShown | None
    flags: list[str] = Field(default=[], description="`partial`, `blocked` …; left out when there are none")


class ItemShown(Shown):
    """The result for one recipient: `id` and `status`, or `code` and `detail`."""

    to: str
    id: str | None = None
    status: str | None = None
    code: str | None = None
    detail: str | None = None


class SubmissionShown(Shown):
    """The answer to a list of recipients."""

    submission: str
    data: list[ItemShown]


class StepShown(Shown):
    """One line of a trace."""

    step: str
    decision: str
    reason: str


class SenderShown(Shown):
    """The chosen originator."""

    kind: str
    value: str
    pool: str


class PlanShown(Shown):
    """What would happen to one recipient."""

    to: str
    sender_shown: str | None = Field(alias="from")
    sender: SenderShown | None
    encoding: Literal["gsm7", "ucs2", "utf8"]
    parts: int
    price: PriceShown | None
    carrier: str
    refused: ErrorShown | None
    trace: list[StepShown]


class PlansShown(Shown):
    """The plans for several recipients."""

    data: list[PlanShown]


class MessagesShown(Shown):
    """A page of messages, newest first."""

    data: list[MessageShown]
    has_more: bool
