"""What a customer arranges for itself over HTTP, as data: numbers, forwards, keys, accounts, names."""

from typing import Final

from voip_sms.core.resources import answers
from voip_sms.doors.api import shapes
from voip_sms.doors.api.access import ANY, OPERATORS
from voip_sms.doors.api.operations.operation import Operation, change, listing

OPERATIONS: Final[tuple[Operation, ...]] = (
    listing("list_numbers", "/v1/numbers", "List your numbers", answers.NumbersShown),
    change(
        "change_number",
        "PATCH /v1/numbers/{id}",
        "Switch all forwards of a number on or off",
        body=shapes.NUMBER_PATCH,
        shown=answers.NumberShown,
    ),
    listing(
        "list_forwards", "/v1/forwards", "List where inbound messages and events go", answers.ForwardsShown
    ),
    change(
        "create_forward",
        "POST /v1/forwards",
        "Forward a number's inbound, or the events of all messages",
        body=shapes.NEW_FORWARD,
        shown=answers.ForwardShown,
    ),
    change(
        "change_forward",
        "PATCH /v1/forwards/{id}",
        "Change a forward",
        body=shapes.FORWARD_PATCH,
        shown=answers.ForwardShown,
    ),
    change("delete_forward", "DELETE /v1/forwards/{id}", "Remove a forward"),
    listing("list_blacklist", "/v1/blacklist", "List senders that are not wanted", answers.BlockRulesShown),
    change(
        "create_block_rule",
        "POST /v1/blacklist",
        "Stop a sender: an exact number, a prefix or a name",
        body=shapes.BLOCK_RULE,
        shown=answers.BlockRuleShown,
    ),
    change("delete_block_rule", "DELETE /v1/blacklist/{id}", "Let a sender through again"),
    listing("list_keys", "/v1/keys", "List API keys", answers.KeysShown),
    change(
        "create_key",
        "POST /v1/keys",
        "Make an API key; it is shown this once",
        body=shapes.NEW_KEY,
        shown=answers.NewKeyShown,
    ),
    change(
        "change_key",
        "PATCH /v1/keys/{id}",
        "Change an API key",
        body=shapes.KEY_PATCH,
        shown=answers.KeyShown,
    ),
    change("delete_key", "DELETE /v1/keys/{id}", "Remove an API key"),
    listing("list_sip_accounts", "/v1/sip-accounts", "List SIP accounts", answers.SipAccountsShown),
    change(
        "create_sip_account",
        "POST /v1/sip-accounts",
        "Make a SIP account, where the operator lets you",
        body=shapes.NEW_SIP_ACCOUNT,
        shown=answers.SipAccountShown,
    ),
    change(
        "change_sip_account",
        "PATCH /v1/sip-accounts/{id}",
        "Change a SIP account",
        body=shapes.SIP_ACCOUNT_PATCH,
        shown=answers.SipAccountShown,
    ),
    change(
        "delete_sip_account",
        "DELETE /v1/sip-accounts/{id}",
        "Remove a SIP account, where the operator lets you",
    ),
    listing(
        "list_ivr_flows",
        "/v1/ivr-flows",
        "List in whose name flows of calls send, and how much",
        answers.IvrFlowsShown,
    ),
    change(
        "create_ivr_flow",
        "POST /v1/ivr-flows",
        "Say in whose name a flow of calls sends",
        body=shapes.NEW_IVR_FLOW,
        shown=answers.IvrFlowShown,
    ),
    change(
        "change_ivr_flow",
        "PATCH /v1/ivr-flows/{id}",
        "Change it",
        body=shapes.IVR_FLOW_PATCH,
        shown=answers.IvrFlowShown,
    ),
    change("delete_ivr_flow", "DELETE /v1/ivr-flows/{id}", "Leave it to the flow's file"),
    listing(
        "list_sender_names",
        "/v1/sender-names",
        "List names that may stand as sender",
        answers.SenderNamesShown,
        ANY,
    ),
    change(
        "create_sender_name",
        "POST /v1/sender-names",
        "Apply for a name; the operator approves or rejects it",
        body=shapes.NEW_SENDER_NAME,
        shown=answers.SenderNameShown,
    ),
    change("delete_sender_name", "DELETE /v1/sender-names/{id}", "Give a name up"),
    listing(
        "list_carriers",
        "/v1/carriers",
        "List the links to the networks as they are right now",
        answers.CarriersShown,
        ANY | OPERATORS,
    ),
)
