"""Accounts, numbers, forwards, money and carriers as `/v1` and the panel show them, and what changes them."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from voip_sms.core import clock
from voip_sms.core.directory import Carrier, Micros, NumberKind, Via
from voip_sms.core.model import LinkState
from voip_sms.core.rating import amount_text
from voip_sms.core.resources.customers import (
    SCOPES,
    CallLimits,
    Fallback,
    IvrFlow,
    Language,
    Scope,
)
from voip_sms.core.resources.forwards import HookMode
from voip_sms.core.resources.identities import Abroad, Identity
from voip_sms.core.resources.messages import PriceShown, Shown
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.core.resources.values import Password, Resource, Title

# What ids of these objects begin with, outside.
KEY: Final = "key"
SIP_ACCOUNT: Final = "sip"
NUMBER: Final = "num"
FORWARD: Final = "fwd"
BLOCK: Final = "blk"
SENDER_NAME: Final = "nam"
IVR_FLOW: Final = "ivr"


# --- what makes and changes them ----------------------------------------------------------------------------


class NewKey(Resource):
    """POST /v1/keys: the key itself is made here and shown once."""

    name: Title
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=SCOPES)] = ("messages",)
    identity: Identity = Identity(kind="default")
    abroad: Abroad = "2way"


class KeyPatch(Resource):
    """PATCH /v1/keys/{id}."""

    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=SCOPES)] | None = None
    identity: Identity | None = None
    abroad: Abroad | None = None
    enabled: bool | None = None


class SipAccountPatch(Resource):
    """PATCH /v1/sip-accounts/{id}."""

    password: Password | None = None
    identity: Identity | None = None
    abroad: Abroad | None = None
    language: Language | None = None
    fallback: Fallback | None = None
    """null takes it away."""
    enabled: bool | None = None


class NewIvrFlow(IvrFlow):
    """POST /v1/ivr-flows."""

    identity: Identity


class IvrFlowPatch(Resource):
    """PATCH /v1/ivr-flows/{id}; `limits` replaces both."""

    identity: Identity | None = None
    abroad: Abroad | None = None
    language: Language | None = None
    limits: CallLimits | None = None
    enabled: bool | None = None


class NumberPatch(Resource):
    """PATCH /v1/numbers/{id}: `forwarding` false switches all forwards of the number off."""

    forwarding: bool | None = None


# --- what is shown of them ----------------------------------------------------------------------------------


class IdentityShown(Shown):
    """The sender an account shows."""

    kind: str
    value: str


class KeyShown(Shown):
    """An API key without the key; `hint` is how it begins."""

    id: str
    name: str
    hint: str
    scopes: list[str]
    identity: IdentityShown
    abroad: Abroad
    enabled: bool
    created_at: str = Field(json_schema_extra={"format": "date-time"})


class NewKeyShown(KeyShown):
    """The answer to POST /v1/keys: the only time that `token` is shown."""

    token: str


class FallbackShown(Shown):
    """Where texts go that the phones did not take within `after`: `mail` or `number`."""

    after: str
    mail: str | None = None
    number: str | None = None


class SipAccountShown(Shown):
    """A SIP account without its password."""

    id: str
    user: str
    identity: IdentityShown
    abroad: Abroad
    language: Language
    fallback: FallbackShown | None
    via: Via
    enabled: bool


class CallLimitsShown(Shown):
    """SMS a day; null: the flow's file says, or else the service."""

    caller: int | None
    flow: int | None


class IvrFlowShown(Shown):
    """In whose name a flow of calls sends, and how much."""

    id: str
    name: str
    identity: IdentityShown
    abroad: Abroad
    language: Language
    limits: CallLimitsShown
    enabled: bool


class NumberShown(Shown):
    """A number of the tenant."""

    id: str
    number: str
    kind: NumberKind
    carrier: str
    forwarding: bool


class ForwardShown(Shown):
    """A forward; `to` for sip, mail and number, `url`, `mode` and `events` for webhook.

    `number` null: events of the tenant. `secret` only in the answer that made it. `secret_before_until`: up
    to then the one that it replaced signs too.
    """

    id: str
    number: str | None
    kind: Literal["sip", "mail", "number", "webhook"]
    to: list[str] | None = None
    verified: bool | None = None
    url: str | None = None
    mode: HookMode | None = None
    events: list[str] | None = None
    secret: str | None = None
    secret_before_until: str | None = Field(None, json_schema_extra={"format": "date-time"})
    enabled: bool
    disabled_reason: str
    created_at: str = Field(json_schema_extra={"format": "date-time"})


class BlockRuleShown(Shown):
    """One entry of the blacklist."""

    id: str
    match: Literal["exact", "prefix", "name"]
    value: str
    created_at: str = Field(json_schema_extra={"format": "date-time"})


class SenderNameShown(Shown):
    """An alphanumeric sender and whether it may be used."""

    id: str
    name: str
    status: Literal["pending", "approved", "rejected"]
    reason: str


class BalanceShown(Shown):
    """`available` = credit − reserved − settled."""

    available: PriceShown
    reserved: PriceShown
    credit: PriceShown


class CarrierShown(Shown):
    """A carrier connection as it is right now. `enabled` and `settings`, without secrets: operators only."""

    name: str
    kind: str
    state: Literal["bound", "connecting", "refused"]
    since: str = Field(json_schema_extra={"format": "date-time"})
    detail: str
    in_flight: int
    enabled: bool | None = None
    settings: dict[str, Any] | None = None


class CarriersShown(Shown):
    """All carriers."""

    data: list[CarrierShown]
    has_more: bool


class KeysShown(Shown):
    """A page of keys."""

    data: list[KeyShown]
    has_more: bool


class SipAccountsShown(Shown):
    """A page of SIP accounts."""

    data: list[SipAccountShown]
    has_more: bool


class IvrFlowsShown(Shown):
    """A page of flows of calls."""

    data: list[IvrFlowShown]
    has_more: bool


class NumbersShown(Shown):
    """A page of numbers."""

    data: list[NumberShown]
    has_more: bool


class ForwardsShown(Shown):
    """A page of forwards."""

    data: list[ForwardShown]
    has_more: bool


class BlockRulesShown(Shown):
    """A page of the blacklist."""

    data: list[BlockRuleShown]
    has_more: bool


class SenderNamesShown(Shown):
    """A page of sender names."""

    data: list[SenderNameShown]
    has_more: bool


def carrier_resource(carrier: Carrier, state: LinkState) -> dict[str, Any]:
    """One element of GET /v1/carriers."""
    return {
        "name": carrier.name,
        "kind": carrier.kind,
        "state": state.state,
        "since": clock.to_rfc3339(state.since),
        "detail": state.detail,
        "in_flight": state.in_flight,
    }


def carrier_details(carrier: Carrier) -> dict[str, Any]:
    """What the operator sees besides; a setting that is secret, or that nobody knows, is left out."""
    fields = SmppCarrier.model_fields
    shown = {name: value for name, value in carrier.settings.items() if name in fields and fields[name].repr}
    return {"enabled": carrier.enabled, "settings": shown}


def balance_resource(currency: str, **sums: Micros) -> dict[str, Any]:
    """`available`, `reserved` and `credit` as `BalanceShown`."""
    return {name: {"amount": amount_text(amount), "currency": currency} for name, amount in sums.items()}


def page(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A list as every `/v1` list is."""
    return {"data": data, "has_more": has_more}
