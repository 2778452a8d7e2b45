"""Every operation of `/v1` as data: what the router serves and what the OpenAPI document says.

Why so long: it is one table, which one wants to see whole.
"""

from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core.resources import (
    BlockRule,
    ForwardPatch,
    Group,
    IvrFlowPatch,
    KeyPatch,
    Keyword,
    MailSender,
    NewForward,
    NewIvrFlow,
    NewKey,
    NumberPatch,
    SipAccountPatch,
    answers,
    audit,
    company,
    handovers,
    mail_gateway,
    messages,
    oversight,
    webhooks,
)
from voip_sms.core.status import Status
from voip_sms.doors.api.access import ADMIN, ANY, MESSAGES, OPERATORS, SENDING
from voip_sms.doors.api.bodies import PAGE, PAGE_MOST, Shape
from voip_sms.doors.api.requests import SEND

NEW_FORWARD: Final[Shape[Any]] = Shape(NewForward)
FORWARD_PATCH: Final[Shape[ForwardPatch]] = Shape(ForwardPatch)
BLOCK_RULE: Final[Shape[BlockRule]] = Shape(BlockRule)
NEW_KEY: Final[Shape[NewKey]] = Shape(NewKey)
KEY_PATCH: Final[Shape[KeyPatch]] = Shape(KeyPatch)
NUMBER_PATCH: Final[Shape[NumberPatch]] = Shape(NumberPatch)
SIP_ACCOUNT_PATCH: Final[Shape[SipAccountPatch]] = Shape(SipAccountPatch)
NEW_IVR_FLOW: Final[Shape[NewIvrFlow]] = Shape(NewIvrFlow)
IVR_FLOW_PATCH: Final[Shape[IvrFlowPatch]] = Shape(IvrFlowPatch)
NEW_SIP_ACCOUNT: Final[Shape[company.NewSipAccount]] = Shape(company.NewSipAccount)
NEW_SENDER_NAME: Final[Shape[company.NewSenderName]] = Shape(company.NewSenderName)
COMPANY_PATCH: Final[Shape[company.CompanyPatch]] = Shape(company.CompanyPatch)
NUMBER_TO_PROVE: Final[Shape[company.NumberToProve]] = Shape(company.NumberToProve)
CODE_OF_NUMBER: Final[Shape[company.CodeOfNumber]] = Shape(company.CodeOfNumber)
NEW_MAIL_SENDER: Final[Shape[MailSender]] = Shape(MailSender)
MAIL_SENDER_PATCH: Final[Shape[mail_gateway.MailSenderPatch]] = Shape(mail_gateway.MailSenderPatch)
NEW_GROUP: Final[Shape[Group]] = Shape(Group)
GROUP_PATCH: Final[Shape[mail_gateway.GroupPatch]] = Shape(mail_gateway.GroupPatch)
NEW_KEYWORD: Final[Shape[Keyword]] = Shape(Keyword)
KEYWORD_PATCH: Final[Shape[mail_gateway.KeywordPatch]] = Shape(mail_gateway.KeywordPatch)
ASSIGNMENT: Final[Shape[oversight.Assignment]] = Shape(oversight.Assignment)
NAME_DECISION: Final[Shape[oversight.NameDecision]] = Shape(oversight.NameDecision)
REPLAY: Final[Shape[webhooks.ReplayRequest]] = Shape(webhooks.ReplayRequest)

READ_SECONDS: Final = 3.0
"""For an answer that changes nothing: then `store_unavailable`."""
WRITE_SECONDS: Final = 15.0
"""For the body to arrive (10 s) and to be stored. The engine refuses within 3 s what it has not begun; what
it has begun is waited for: to say 503 and to send it all the same would make the caller send it again."""
CALL_SECONDS: Final = 25.0
"""For a request of ours to somebody's server, whose own bounds (`net/http/guarded.py`) end first."""


class TraceShown(messages.Shown):
    """Why a message went as it did, step by step."""

    data: list[messages.StepShown]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name in the query string or the headers."""

    name: str
    schema: dict[str, Any]
    description: str
    where: str = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path. `shown` is the model of the answer, or several, or None without a body."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    scopes: frozenset[str]
    status: int
    shown: Any = None
    body: Shape[Any] | None = None
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[str, ...] = ()
    """Codes beside those that every operation has."""
    seconds: float = READ_SECONDS
    description: str = ""


_WORD: Final[dict[str, Any]] = {"type": "string"}
_PAGES: Final = (
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": PAGE_MOST, "default": PAGE},
        "How many at most.",
    ),
    Parameter("starting_after", _WORD, "The last id of the page before."),
)
_FILTERS: Final = (
    Parameter("direction", {"type": "string", "enum": ["outbound", "inbound"]}, "Sent or received."),
    Parameter("to", _WORD, "The recipient; national numbers are understood."),
    Parameter("from", _WORD, "The sender: a number or a name."),
    Parameter("status", {"type": "string", "enum": [str(status) for status in Status]}, "Where it stands."),
    Parameter("client_ref", _WORD, "Your own reference."),
)
_IDEMPOTENCY: Final = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    "1 to 255 printable ASCII characters. The same key with the same body within 24 hours sends nothing new:"
    " the answer is the first one's, with the current status and the header Idempotency-Replayed.",
    "header",
)

_PLANNING: Final = (
    "sender_not_allowed",
    "recipient_invalid",
    "recipient_forbidden",
    "no_route",
    "blocked",
    "opted_out",
    "limit_reached",
    "text_empty",
    "text_too_long",
    "credit_exhausted",
    "pool_exhausted",
)

_MESSAGES: Final = (
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
        (*_PLANNING, "idempotency_key_invalid", "idempotency_mismatch"),
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
        (*_FILTERS, *_PAGES),
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


def _list(name: str, path: str, summary: str, shown: Any, scopes: frozenset[str] = ADMIN) -> Operation:
    return Operation(name, "GET", path, _tag(path), summary, scopes, 200, shown, None, _PAGES, ("invalid",))


def _change(
    name: str, on: str, summary: str, *, body: Shape[Any] | None = None, shown: Any = None
) -> Operation:
    method, _, path = on.partition(" ")
    refusals = [code for code, arises in (("conflict", body), ("not_found", "{id}" in path)) if arises]
    return Operation(
        name,
        method,
        path,
        _tag(path),
        summary,
        ADMIN,
        {"POST": 201, "PATCH": 200, "DELETE": 204}[method],
        shown,
        body,
        (),
        tuple(refusals),
        WRITE_SECONDS,
    )


def _tag(path: str) -> str:
    return path.split("/")[2]


_ADMINISTRATION: Final = (
    _list("list_numbers", "/v1/numbers", "List your numbers", answers.NumbersShown),
    _change(
        "change_number",
        "PATCH /v1/numbers/{id}",
        "Switch all forwards of a number on or off",
        body=NUMBER_PATCH,
        shown=answers.NumberShown,
    ),
    _list(
        "list_forwards", "/v1/forwards", "List where inbound messages and events go", answers.ForwardsShown
    ),
    _change(
        "create_forward",
        "POST /v1/forwards",
        "Forward a number's inbound, or the events of all messages",
        body=NEW_FORWARD,
        shown=answers.ForwardShown,
    ),
    _change(
        "change_forward",
        "PATCH /v1/forwards/{id}",
        "Change a forward",
        body=FORWARD_PATCH,
        shown=answers.ForwardShown,
    ),
    _change("delete_forward", "DELETE /v1/forwards/{id}", "Remove a forward"),
    _list("list_blacklist", "/v1/blacklist", "List senders that are not wanted", answers.BlockRulesShown),
    _change(
        "create_block_rule",
        "POST /v1/blacklist",
        "Stop a sender: an exact number, a prefix or a name",
        body=BLOCK_RULE,
        shown=answers.BlockRuleShown,
    ),
    _change("delete_block_rule", "DELETE /v1/blacklist/{id}", "Let a sender through again"),
    _list("list_keys", "/v1/keys", "List API keys", answers.KeysShown),
    _change(
        "create_key",
        "POST /v1/keys",
        "Make an API key; it is shown this once",
        body=NEW_KEY,
        shown=answers.NewKeyShown,
    ),
    _change("change_key", "PATCH /v1/keys/{id}", "Change an API key", body=KEY_PATCH, shown=answers.KeyShown),
    _change("delete_key", "DELETE /v1/keys/{id}", "Remove an API key"),
    _list("list_sip_accounts", "/v1/sip-accounts", "List SIP accounts", answers.SipAccountsShown),
    _change(
        "create_sip_account",
        "POST /v1/sip-accounts",
        "Make a SIP account, where the operator lets you",
        body=NEW_SIP_ACCOUNT,
        shown=answers.SipAccountShown,
    ),
    _change(
        "change_sip_account",
        "PATCH /v1/sip-accounts/{id}",
        "Change a SIP account",
        body=SIP_ACCOUNT_PATCH,
        shown=answers.SipAccountShown,
    ),
    _change(
        "delete_sip_account",
        "DELETE /v1/sip-accounts/{id}",
        "Remove a SIP account, where the operator lets you",
    ),
    _list(
        "list_ivr_flows",
        "/v1/ivr-flows",
        "List in whose name flows of calls send, and how much",
        answers.IvrFlowsShown,
    ),
    _change(
        "create_ivr_flow",
        "POST /v1/ivr-flows",
        "Say in whose name a flow of calls sends",
        body=NEW_IVR_FLOW,
        shown=answers.IvrFlowShown,
    ),
    _change(
        "change_ivr_flow",
        "PATCH /v1/ivr-flows/{id}",
        "Change it",
        body=IVR_FLOW_PATCH,
        shown=answers.IvrFlowShown,
    ),
    _change("delete_ivr_flow", "DELETE /v1/ivr-flows/{id}", "Leave it to the flow's file"),
    _list(
        "list_sender_names",
        "/v1/sender-names",
        "List names that may stand as sender",
        answers.SenderNamesShown,
        ANY,
    ),
    _change(
        "create_sender_name",
        "POST /v1/sender-names",
        "Apply for a name; the operator approves or rejects it",
        body=NEW_SENDER_NAME,
        shown=answers.SenderNameShown,
    ),
    _change("delete_sender_name", "DELETE /v1/sender-names/{id}", "Give a name up"),
    _list(
        "list_carriers",
        "/v1/carriers",
        "List the links to the networks as they are right now",
        answers.CarriersShown,
        ANY | OPERATORS,
    ),
)

_MAIL: Final = (
    _list(
        "list_mail_senders",
        "/v1/mail-senders",
        "List mail addresses that may send",
        mail_gateway.MailSendersShown,
    ),
    _change(
        "create_mail_sender",
        "POST /v1/mail-senders",
        "Let a mail address send, where the operator lets you",
        body=NEW_MAIL_SENDER,
        shown=mail_gateway.MailSenderShown,
    ),
    _change(
        "change_mail_sender",
        "PATCH /v1/mail-senders/{id}",
        "Change how a mail address sends",
        body=MAIL_SENDER_PATCH,
        shown=mail_gateway.MailSenderShown,
    ),
    _change(
        "delete_mail_sender",
        "DELETE /v1/mail-senders/{id}",
        "Let a mail address send no more, where the operator lets you",
    ),
    _list("list_groups", "/v1/groups", "List groups of recipients", mail_gateway.GroupsShown),
    _change("create_group", "POST /v1/groups", "Make a group", body=NEW_GROUP, shown=mail_gateway.GroupShown),
    _change(
        "change_group",
        "PATCH /v1/groups/{id}",
        "Replace the numbers of a group",
        body=GROUP_PATCH,
        shown=mail_gateway.GroupShown,
    ),
    _change("delete_group", "DELETE /v1/groups/{id}", "Remove a group"),
    _list("list_keywords", "/v1/keywords", "List words that lead to mailboxes", mail_gateway.KeywordsShown),
    _change(
        "create_keyword",
        "POST /v1/keywords",
        "Lead texts that begin with a word to a mailbox",
        body=NEW_KEYWORD,
        shown=mail_gateway.KeywordShown,
    ),
    _change(
        "change_keyword",
        "PATCH /v1/keywords/{id}",
        "Lead a word to another mailbox",
        body=KEYWORD_PATCH,
        shown=mail_gateway.KeywordShown,
    ),
    _change("delete_keyword", "DELETE /v1/keywords/{id}", "Remove a keyword"),
)

_COMPANY: Final = (
    Operation(
        "get_company",
        "GET",
        "/v1/company",
        "company",
        "Show what you decide for yourself as a whole",
        ADMIN,
        200,
        company.CompanyShown,
        refusals=("not_found",),
    ),
    _change(
        "change_company",
        "PATCH /v1/company",
        "Block all inbound messages, choose zone, language, accents",
        body=COMPANY_PATCH,
        shown=company.CompanyShown,
    ),
    Operation(
        "send_number_code",
        "POST",
        "/v1/verified-numbers",
        "verified-numbers",
        "Send a code to a phone that texts shall be forwarded to",
        ADMIN,
        202,
        company.NumberProofShown,
        NUMBER_TO_PROVE,
        (),
        (*_PLANNING, "rate_limited"),
        WRITE_SECONDS,
        "Charged as any SMS. Good for ten minutes and three tries; one a minute, five a day to one phone. A"
        " phone that was verified already is sent nothing.",
    ),
    Operation(
        "prove_number",
        "POST",
        "/v1/verified-numbers/code",
        "verified-numbers",
        "Say the code that the phone was sent",
        ADMIN,
        200,
        company.NumberProofShown,
        CODE_OF_NUMBER,
        (),
        ("invalid", "too_late"),
        WRITE_SECONDS,
        "For an hour then, forwards and fallbacks take the phone; where it was entered, it stays verified."
        " `invalid`: another code; `too_late`: none is waited for, send one anew.",
    ),
)

_WEBHOOKS: Final = (
    Operation(
        "list_webhook_deliveries",
        "GET",
        "/v1/webhooks/deliveries",
        "webhooks",
        "List what was told to your URLs, newest first",
        ADMIN,
        200,
        webhooks.DeliveriesShown,
        None,
        (
            Parameter("state", {"type": "string", "enum": sorted(webhooks.STATES)}, "Where it stands."),
            Parameter("forward", _WORD, "The id of the forward that caused it."),
            *_PAGES,
        ),
        ("invalid",),
    ),
    Operation(
        "get_webhook_delivery",
        "GET",
        "/v1/webhooks/deliveries/{id}",
        "webhooks",
        "Show one with its attempts",
        ADMIN,
        200,
        webhooks.DeliveryShown,
        refusals=("not_found",),
    ),
    Operation(
        "replay_webhook_delivery",
        "POST",
        "/v1/webhooks/deliveries/{id}/replay",
        "webhooks",
        "Tell it once more",
        ADMIN,
        202,
        webhooks.DeliveryShown,
        refusals=("not_found", "conflict", "too_late"),
        seconds=WRITE_SECONDS,
        description="With the same `webhook-id`, so that a receiver that has it already can tell. `conflict`:"
        " the forward is gone or switched off. `too_late`: the text of its message is no longer kept.",
    ),
    Operation(
        "replay_webhook_deliveries",
        "POST",
        "/v1/webhooks/replay",
        "webhooks",
        "Tell all that failed once more",
        ADMIN,
        202,
        webhooks.ReplayedShown,
        REPLAY,
        refusals=("not_found", "conflict"),
        seconds=WRITE_SECONDS,
        description="Oldest first, at most 1,000 in one call. Left out is what nobody can tell any more: its"
        " text is gone, or its forward is gone or switched off.",
    ),
    Operation(
        "rotate_forward_secret",
        "POST",
        "/v1/forwards/{id}/rotate-secret",
        "forwards",
        "Give a webhook a new secret; it is shown this once",
        ADMIN,
        200,
        webhooks.RotatedShown,
        refusals=("not_found", "conflict"),
        seconds=WRITE_SECONDS,
        description="For 24 hours the old one signs too: `webhook-signature` then holds two signatures.",
    ),
    Operation(
        "test_forward",
        "POST",
        "/v1/forwards/{id}/test",
        "forwards",
        "Try a forward out, once and now",
        ADMIN,
        200,
        webhooks.TestShown,
        refusals=("not_found", "conflict", "rate_limited"),
        seconds=CALL_SECONDS,
        description="To a webhook goes an event of type `webhook.test`, whose `data` looks like a received"
        " message; to phones and mailboxes a text that says that it is a test; to another phone an SMS,"
        " charged as any. Nothing else is stored.",
    ),
)

_AUDIT: Final = (
    Operation(
        "list_audit_entries",
        "GET",
        "/v1/audit",
        "audit",
        "List who changed what, newest first",
        ADMIN | OPERATORS,
        200,
        audit.AuditEntriesShown,
        None,
        (
            Parameter("kind", _WORD, "The kind of object: `sip_accounts`, `forwards`, `keys` …"),
            Parameter("action", {"type": "string", "enum": sorted(audit.ACTIONS)}, "What was done."),
            Parameter("who", _WORD, "Who did it: `key:app`, `operator:apply@host`."),
            Parameter("object", _WORD, "One object: its id, or its label."),
            *_PAGES,
        ),
        ("invalid",),
        description="A tenant's keys see what was done to its objects, the operator's what was done to"
        " tenants, carriers, prices and the like.",
    ),
)

_OVERSIGHT: Final = (
    _list("list_tenants", "/v1/tenants", "List all tenants", oversight.TenantsShown, OPERATORS),
    _list(
        "list_quarantine",
        "/v1/quarantine",
        "List inbound messages that are nobody's",
        oversight.QuarantineShown,
        OPERATORS,
    ),
    _list(
        "list_orphan_receipts",
        "/v1/orphan-receipts",
        "List delivery receipts that met no message",
        oversight.OrphanReceiptsShown,
        OPERATORS,
    ),
    Operation(
        "assign_quarantined",
        "PATCH",
        "/v1/quarantine/{id}",
        "quarantine",
        "Give a text of nobody to a customer's number",
        OPERATORS,
        200,
        oversight.AssignedShown,
        ASSIGNMENT,
        refusals=("not_found",),
        seconds=WRITE_SECONDS,
        description="It arrives there as any text does: the customer's blacklist, forwards, webhooks count.",
    ),
    Operation(
        "delete_quarantined",
        "DELETE",
        "/v1/quarantine/{id}",
        "quarantine",
        "Delete a text of nobody",
        OPERATORS,
        204,
        refusals=("not_found",),
        seconds=WRITE_SECONDS,
    ),
    Operation(
        "list_applied_names",
        "GET",
        "/v1/applied-names",
        "applied-names",
        "List sender names that customers applied for, and what they look like",
        OPERATORS,
        200,
        oversight.AppliedNamesShown,
        None,
        (
            Parameter(
                "status",
                {"type": "string", "enum": ["pending", "approved", "rejected"], "default": "pending"},
                "Where they stand.",
            ),
            *_PAGES,
        ),
        ("invalid",),
    ),
    Operation(
        "decide_name",
        "PATCH",
        "/v1/applied-names/{id}",
        "applied-names",
        "Approve or reject a sender name",
        OPERATORS,
        200,
        answers.SenderNameShown,
        NAME_DECISION,
        refusals=("not_found", "conflict"),
        seconds=WRITE_SECONDS,
        description="Whoever applied for it can't decide on it.",
    ),
)

OPERATIONS: Final = _MESSAGES + _ADMINISTRATION + _MAIL + _COMPANY + _WEBHOOKS + _AUDIT + _OVERSIGHT
