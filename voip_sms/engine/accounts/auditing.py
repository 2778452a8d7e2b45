"""What the audit log tells of a change of the configuration: in the words of `apply`, without secrets."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from voip_sms.core import clock, ids
from voip_sms.core.audit import CHANGED, SET, Entry
from voip_sms.core.audit import TENANT as TENANT_ID
from voip_sms.core.directory import NO_TENANT
from voip_sms.core.rating import amount_text
from voip_sms.core.resources.customers import MailSender
from voip_sms.core.resources.handovers import shown_url
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.core.resources.values import span_text
from voip_sms.engine.accounts.kinds import FORWARD, TENANT, Kind, Row
from voip_sms.engine.accounts.planning import Change, Maker
from voip_sms.engine.accounts.showing import COLLECTIONS

_CARRIERS: Final = frozenset(name for name, field in SmppCarrier.model_fields.items() if field.repr)
_MAIL: Final = frozenset(MailSender.model_fields) - {"secret", "token"}
PLAIN: Final = (
    frozenset(
        {
            "amount", "balance_low", "blocked_inbound", "carrier", "credit", "currency", "disabled_reason",
            "events", "fallback", "forwarding", "identity", "keep_sent_text", "kind", "language", "limits",
            "mail", "mail_limits", "match", "mode", "number", "numbers", "phone", "prefix", "price_list",
            "priority", "reason", "role", "scopes", "self_service", "status", "timezone", "to",
            "transliterate", "url", "user", "valid_from", "value", "verified", "via", "window", "wishes",
            "word",
        }
    )
    | _CARRIERS
    | _MAIL
)  # fmt: skip
"""Fields that are told as they are. Of others only whether they are set, or changed: they may be secret."""
LEFT_OUT: Final = frozenset(
    {"id", "tenant_id", "created_at", "folded", "hint", "identity_kind", "reserved", "settled"}
    | {"secret_before", "secret_before_until", "totp_offered", "totp_step", "recovery"}
)
"""Columns that no administrator sets, or that are told with another."""
_RENAMED: Final = {
    "e164": "number",
    "ha1": "password",
    "hash": "token",
    "identity_value": "identity",
    "password_hash": "password",
    "secret_hash": "secret",
    "targets": "to",
    "window_us": "window",
}
_PREFIXES: Final = {kind.name: prefix for prefix, kind in COLLECTIONS.items()} | {TENANT.name: TENANT_ID}


def entries_of(changes: Iterable[Change], maker: Maker) -> list[Entry]:
    """One entry for each of the planned changes."""
    return [_entry(change, maker) for change in changes]


def _entry(change: Change, maker: Maker) -> Entry:
    kind, row = change.kind, change.row
    switched_off = change.action == "removed" and bool(change.columns)
    old = None if change.action == "added" else {**row, **change.before}
    new = None if change.action == "removed" and not switched_off else row
    before, after = difference(fields(kind, old), fields(kind, new))
    return Entry(
        id=maker.new_id(),
        tenant_id=row["tenant_id"] if kind.of_tenant else NO_TENANT,
        at=maker.now,
        by=maker.by,
        action="changed" if switched_off else change.action,
        kind=kind.name,
        label=_label(change),
        object_id=object_id(kind, row),
        before=before,
        after=after,
    )


def object_id(kind: Kind, row: Row) -> str:
    """An object's id as `/v1` shows it; empty for what it doesn't show."""
    prefix = _PREFIXES.get(kind.name)
    return "" if prefix is None else ids.to_text(prefix, row["id"])


def fields(kind: Kind, row: Row | None) -> dict[str, Any]:
    """A row in the words of `apply`, secrets as they are: only for `difference`."""
    told: dict[str, Any] = {}
    for name, value in (row or {}).items():
        if name in {"settings", "options"}:
            told |= value or {}
        elif name not in LEFT_OUT:
            told[_RENAMED.get(name, name)] = _value(name, value, row or {})
    if kind.name == "forwards" and told.get("kind") == "webhook":
        told |= _url(*told.pop("to"))
    return told


def _url(url: str) -> dict[str, str]:
    """Where it leads; its query on its own, for it may be somebody's key."""
    query = urlsplit(url).query
    return {"url": shown_url(url), **({"query": query} if query else {})}


def _value(name: str, value: Any, row: Row) -> Any:
    match name:
        case "amount" | "balance_low" | "credit":
            return amount_text(value)
        case "window_us":
            return span_text(value)
        case "valid_from":
            return _day(value)
        case "identity_value":
            return {"kind": row["identity_kind"], "value": value}
    return value


def _day(moment: int) -> str:
    return clock.to_datetime(moment).date().isoformat()


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ as they were and as they are; of secrets only whether there are any."""
    nothing = object()
    names = [name for name in {**old, **new} if old.get(name, nothing) != new.get(name, nothing)]
    before = {name: _veiled(name, old[name]) for name in names if name in old}
    after = {name: _veiled(name, new[name]) for name in names if name in new}
    for name in before.keys() & after.keys() - PLAIN:
        if before[name] and after[name]:
            after[name] = CHANGED
    return before, after


def _veiled(name: str, value: Any) -> Any:
    if name in PLAIN:
        return value
    return SET if value else None


def _label(change: Change) -> str:
    """As reports call it, a URL without its query; a price and its list are told from those of other days."""
    row, label = change.row, change.label
    if change.kind is FORWARD and row["kind"] == "webhook":
        label = label.replace(row["targets"][0], shown_url(row["targets"][0]))
    return f"{label} from {_day(row['valid_from'])}" if "valid_from" in row else label
