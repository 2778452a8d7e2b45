"""How each kind of resource becomes a row: its table, its natural key, the columns of its fields."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core import clock, passwords
from voip_sms.core.keywords import fold
from voip_sms.core.resources import customers, network, people
from voip_sms.engine.accounts import sealing
from voip_sms.engine.accounts.sealing import Sealed

Row = dict[str, Any]
Fields = frozenset[str]


@dataclass(frozen=True, slots=True)
class Merge:
    """Keys of a JSON column that replace those there; its other keys stay."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource.

    `key` names the columns that make one object the same as another, beside the tenant. `columns(resource,
    fields, realm)` gives the columns of those fields. `virtual` columns live in another table.
    """

    name: str
    table: str
    key: tuple[str, ...]
    columns: Callable[[Any, Fields, str], Row]
    of_tenant: bool = True
    virtual: frozenset[str] = frozenset()

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """The natural key of a row, its tenant first where it has one."""
        tenant = (row["tenant_id"],) if self.of_tenant else ()
        return (*tenant, *(row[column] for column in self.key))


def _same(resource: Any, fields: Fields, *names: str) -> Row:
    """Columns that are called and written as their fields."""
    return {name: getattr(resource, name) for name in names if name in fields}


def _identity(resource: Any, fields: Fields) -> Row:
    if "identity" not in fields or resource.identity is None:
        return {}
    return {"identity_kind": resource.identity.kind, "identity_value": resource.identity.value}


def _token(resource: Any, fields: Fields) -> Row:
    """What is kept of a key."""
    if "token" not in fields or resource.token is None:
        return {}
    return {"hash": sealing.token_hash(resource.token), "hint": sealing.token_hint(resource.token)}


def midnight(day: dt.date) -> int:
    """The first moment of a day, UTC."""
    moment = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    return clock.from_datetime(moment)


# --- the operator's -----------------------------------------------------------------------------------------


def _operator(resource: network.Operator, fields: Fields, _realm: str) -> Row:
    return _same(resource, fields, "name", "enabled") | _token(resource, fields)


def _carrier(resource: network.SmppCarrier, fields: Fields, _realm: str) -> Row:
    own = ("name", "kind", "enabled")
    settings = resource.model_dump(mode="json", include=set(fields), exclude=set(own), exclude_none=True)
    return {**_same(resource, fields, *own), **({"settings": Merge(settings)} if settings else {})}


def _route(resource: network.Route, fields: Fields, _realm: str) -> Row:
    return _same(resource, fields, "prefix", "carrier", "priority")


def _price_list(resource: network.PriceList, fields: Fields, _realm: str) -> Row:
    return {**_same(resource, fields, "name", "currency"), "valid_from": midnight(resource.valid_from)}


def _rate(resource: network.Rate, fields: Fields, _realm: str) -> Row:
    return _same(resource, fields, "prefix", "amount")


def _pool(resource: network.Pool, fields: Fields, _realm: str) -> Row:
    columns = _same(resource, fields, "name", "carrier")
    if "window" in fields:
        columns["window_us"] = resource.window
    if "numbers" in fields:
        columns["numbers"] = sorted(set(resource.numbers))
    return columns


# --- the tenants' -------------------------------------------------------------------------------------------


def _tenant(resource: customers.Tenant, fields: Fields, _realm: str) -> Row:
    columns = _same(
        resource, fields,
        "name", "price_list", "credit", "enabled", "blocked_inbound", "timezone", "language",
        "transliterate", "keep_sent_text", "self_service", "balance_low",
    )  # fmt: skip
    if "mail_limits" in fields:
        columns["mail_limits"] = resource.mail_limits.model_dump(exclude_none=True)
    return columns


def _user(resource: people.OperatorPerson, fields: Fields, _realm: str) -> Row:
    """Somebody of a tenant's; of the operator's people tenant and role are said by their surroundings."""
    columns = _same(resource, fields, "mail", "role", "language", "abroad", "enabled")
    columns |= _identity(resource, fields)
    if "name" in fields and resource.name is not None:
        columns["name"] = resource.name
    if "password" in fields and resource.password is not None:
        columns["password_hash"] = Sealed(passwords.prepared(resource.password))
    return columns


def _sender_name(resource: customers.SenderName, fields: Fields, _realm: str) -> Row:
    return _same(resource, fields, "name", "status", "reason")


def _key(resource: customers.Key, fields: Fields, _realm: str) -> Row:
    columns = _same(resource, fields, "name", "abroad", "enabled") | _identity(resource, fields)
    if "scopes" in fields:
        columns["scopes"] = sorted(set(resource.scopes))
    return columns | _token(resource, fields)


def _sip_account(resource: customers.SipAccount, fields: Fields, realm: str) -> Row:
    columns = _same(resource, fields, "user", "abroad", "language", "via", "enabled")
    columns |= _identity(resource, fields)
    if "password" in fields and resource.password is not None:
        columns["ha1"] = sealing.sip_hashes(resource.user, realm, resource.password)
    if "fallback" in fields:
        columns["fallback"] = _fallback(resource.fallback)
    return columns


def _fallback(wanted: customers.Fallback | None) -> Row | None:
    if wanted is None:
        return None
    kind = "mail" if wanted.mail is not None else "number"
    to = wanted.mail or wanted.number
    return {"after": wanted.after // clock.SECOND, "kind": kind, "to": to, "verified": wanted.verified}


MAIL_OPTIONS: Final = (
    "subject", "mode", "over_limit", "limits", "failure_to", "notify_delivered", "auto_generated",
    "reply_window",
)  # fmt: skip


def _mail_sender(resource: customers.MailSender, fields: Fields, _realm: str) -> Row:
    columns = _same(resource, fields, "address", "token", "abroad", "enabled") | _identity(resource, fields)
    if "secret" in fields and resource.secret is not None:
        columns["secret_hash"] = Sealed(resource.secret)
    options = resource.model_dump(mode="json", include=set(fields) & set(MAIL_OPTIONS))
    if "limits" in options:
        options["limits"] = resource.limits.model_dump(exclude_none=True)
    return {**columns, **({"options": Merge(options)} if options else {})}


def _ivr_flow(resource: customers.IvrFlow, fields: Fields, _realm: str) -> Row:
    columns = _same(resource, fields, "name", "abroad", "language", "enabled") | _identity(resource, fields)
    if "limits" in fields:
        columns["limits"] = resource.limits.model_dump(exclude_none=True)
    return columns


def _group(resource: customers.Group, fields: Fields, _realm: str) -> Row:
    columns = _same(resource, fields, "name")
    if "numbers" in fields:
        columns["numbers"] = list(dict.fromkeys(resource.numbers))
    return columns


def _keyword(resource: customers.Keyword, fields: Fields, _realm: str) -> Row:
    columns: Row = {"number": resource.number, "word": resource.word, "folded": fold(resource.word)}
    if "mail" in fields and resource.mail is not None:
        columns["mail"] = resource.mail
    return columns


def _number(resource: customers.OwnNumber, fields: Fields, _realm: str) -> Row:
    columns = _same(resource, fields, "kind", "carrier", "forwarding")
    if columns.get("kind", "") is None:
        del columns["kind"]
    return {"e164": resource.number, **columns}


def _block(resource: customers.BlockRule, fields: Fields, _realm: str) -> Row:
    return _same(resource, fields, "match", "value")


def _forward(resource: Any, fields: Fields, _realm: str) -> Row:
    """A forward of a number, or (a Subscription) of the tenant's events."""
    columns: Row = {"kind": getattr(resource, "kind", "webhook")}
    if "url" in fields:
        columns["targets"] = [resource.url]
    if "to" in fields:
        columns["targets"] = list(dict.fromkeys(resource.to))
    columns |= _same(resource, fields, "verified", "mode", "enabled")
    if "secret" in fields and resource.secret is not None:
        columns["secret"] = resource.secret
    if "events" in fields and resource.events is not None:
        columns["events"] = sorted(set(resource.events))
    return columns


OPERATOR: Final = Kind("operators", "operator_key", ("name",), _operator, of_tenant=False)
CARRIER: Final = Kind("carriers", "carrier", ("name",), _carrier, of_tenant=False)
ROUTE: Final = Kind("routes", "route", ("prefix", "carrier"), _route, of_tenant=False)
PRICE_LIST: Final = Kind("price_lists", "price_list", ("name", "valid_from"), _price_list, of_tenant=False)
RATE: Final = Kind("rates", "rate", ("price_list", "valid_from", "prefix"), _rate, of_tenant=False)
POOL: Final = Kind("pools", "pool", ("name",), _pool, of_tenant=False, virtual=frozenset({"numbers"}))
TENANT: Final = Kind(
    "tenants",
    "tenant",
    ("name",),
    _tenant,
    of_tenant=False,
    virtual=frozenset({"credit", "currency", "reserved", "settled"}),
)
USER: Final = Kind("users", "user_account", ("mail",), _user)
SENDER_NAME: Final = Kind("sender_names", "sender_name", ("name",), _sender_name)
KEY: Final = Kind("keys", "api_key", ("name",), _key)
SIP_ACCOUNT: Final = Kind("sip_accounts", "sip_account", ("user",), _sip_account)
MAIL_SENDER: Final = Kind("mail_senders", "mail_sender", ("address",), _mail_sender)
IVR_FLOW: Final = Kind("ivr_flows", "ivr_flow", ("name",), _ivr_flow)
GROUP: Final = Kind("groups", "contact_group", ("name",), _group)
KEYWORD: Final = Kind("keywords", "keyword", ("number", "folded"), _keyword)
NUMBER: Final = Kind("numbers", "number", ("e164",), _number)
BLOCK: Final = Kind("blacklist", "blacklist", ("match", "value"), _block)
# Rules have no name of their own: a row is its own key, and planning pairs the file's with the rows.
FORWARD: Final = Kind("forwards", "forward", ("id",), _forward)

KINDS: Final = (
    OPERATOR, CARRIER, ROUTE, PRICE_LIST, RATE, POOL, TENANT, USER, SENDER_NAME, KEY, NUMBER,
    SIP_ACCOUNT, MAIL_SENDER, IVR_FLOW, GROUP, KEYWORD, FORWARD, BLOCK,
)  # fmt: skip
"""All of them, those that others refer to first."""

MADE_AT: Final = frozenset({"operator_key", "api_key", "forward", "blacklist", "user_account"})
"""Tables whose rows remember when they were made."""
DEFAULTS: Final[Mapping[str, Row]] = {
    "api_key": {"scopes": ["messages"]},
    "forward": {
        "number": None,
        "verified": False,
        "secret": "",
        "mode": "standard",
        "events": ["message.received"],
        "enabled": True,
        "disabled_reason": "",
    },
    "number": {"kind": "own_mobile"},
    "sip_account": {"ha1": {}},
    "mail_sender": {"secret_hash": None, "token": None},
    "tenant": {"currency": "", "reserved": 0, "settled": 0},
    "user_account": {
        "password_hash": None,
        "totp_secret": None,
        "totp_offered": None,
        "totp_step": -1,
        "recovery": [],
        "wishes": {},
        "identity_kind": "default",
        "identity_value": "",
        "abroad": "2way",
        "phone": "",
    },
}
"""Columns of a new row that its resource may leave out."""
