"""Messages and money over HTTP, as data."""

from typing import Final

from voip_sms.core.resources import answers, handovers, messages
from voip_sms.core.status import Status
from voip_sms.doors.api.access import ANY, MESSAGES, SENDING
from voip_sms.doors.api.operations.operation import PAGES, PLANNING, WORD, WRITE_SECONDS, Operation, Parameter
from voip_sms.doors.api.requests import SEND


class TraceShown(messages.Shown):
    """Why a message went as it did, step by step."""

    data: list[messages.StepShown]


_FILTERS: Final = (
    Parameter("direction", {"type": "string", "enum": ["outbound", "inbound"]}, "Sent or received."),
    Parameter("to", WORD, "The recipient; national numbers are understood."),
    Parameter("from", WORD, "The sender: a number or a name."),
    Parameter("status", {"type": "string", "enum": [str(status) for status in Status]}, "Where it stands."),
    Parameter("client_ref", WORD, "Your own reference."),
)
_IDEMPOTENCY: Final = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    "1 to 255 printable ASCII characters. The same key with the same body within 24 hours sends nothing new:"
    " the answer is the first one's, with the current status and the header Idempotency-Replayed.",
    "header",
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "send_message",
        "POST",
        "/v1/messages",
        "messages",
        "Send a message to one recipient or to many",
        SENDING,
        202,
        (messages.MessageShown, messages.SubmissionShown),
        SEND,
        (_IDEMPOTENCY,),
        (*PLANNING, "idempotency_key_invalid", "idempotency_mismatch"),
        WRITE_SECONDS,
        "The answer comes after the message is stored. `to` a text: the message, or a problem. `to` a list:"
        " a result for every recipient, also when each of them is refused. With `account`, a SIP account of"
        " yours sends: its identity, its conversations, its history; a key with the scope `accounts` may.",
    ),
    Operation(
        "explain_message",
        "POST",
        "/v1/messages/explain",
        "messages",
        "Say what sending would do, and why",
        SENDING,
        200,
        (messages.PlanShown, messages.PlansShown),
        SEND,
        seconds=WRITE_SECONDS,
        description="Nothing is stored, sent or charged. A refusal is part of the answer.",
    ),
    Operation(
        "list_messages",
        "GET",
        "/v1/messages",
        "messages",
        "List messages, newest first",
        MESSAGES,
        200,
        messages.MessagesShown,
        None,
        (*_FILTERS, *PAGES),
        ("invalid",),
    ),
    Operation(
        "get_message",
        "GET",
        "/v1/messages/{id}",
        "messages",
        "Show a message",
        MESSAGES,
        200,
        messages.MessageShown,
        refusals=("not_found",),
    ),
    Operation(
        "get_message_trace",
        "GET",
        "/v1/messages/{id}/trace",
        "messages",
        "Say why a message went as it did",
        MESSAGES,
        200,
        TraceShown,
        refusals=("not_found",),
    ),
    Operation(
        "list_message_deliveries",
        "GET",
        "/v1/messages/{id}/deliveries",
        "messages",
        "Say to whom a message was handed over, and how each try went",
        MESSAGES,
        200,
        handovers.HandoversShown,
        refusals=("not_found",),
    ),
    Operation(
        "cancel_message",
        "DELETE",
        "/v1/messages/{id}",
        "messages",
        "Cancel a message that has not left yet",
        MESSAGES,
        200,
        messages.MessageShown,
        refusals=("not_found", "too_late"),
        seconds=WRITE_SECONDS,
    ),
    Operation(
        "get_balance",
        "GET",
        "/v1/balance",
        "money",
        "Show what may still be spent",
        ANY,
        200,
        answers.BalanceShown,
        refusals=("invalid",),
        description="`available` = credit − reserved − settled.",
    ),
)
