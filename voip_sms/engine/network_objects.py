"""The operator's objects as the panel and `/v1` show them: no secret, and the same words as in `apply`."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.core import clock, ids
from voip_sms.core.audit import TENANT
from voip_sms.core.rating import amount_text
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.core.resources.values import span_text
from voip_sms.engine.accounts.inventory import Inventory
from voip_sms.engine.accounts.kinds import CARRIER, POOL, PRICE_LIST, RATE, ROUTE, Kind, Row
from voip_sms.engine.accounts.kinds import TENANT as TENANTS
from voip_sms.store.config import read_all

_SECRET: Final = frozenset(name for name, field in SmppCarrier.model_fields.items() if not field.repr)


def day_of(moment: int) -> str:
    """`2026-11-22` of a moment, UTC: what price lists are dated by."""
    return clock.to_datetime(moment).date().isoformat()


def shown(kind: Kind, row: Row, rates: Sequence[Row] = ()) -> dict[str, Any]:
    """A row as it is shown. `id`: what the audit log calls it; `rates`: of a price list of that day."""
    if kind is TENANTS:
        return _tenant(row)
    if kind is PRICE_LIST:
        return _price_list(row, rates)
    label = f"{kind.name}[{' '.join(str(row[column]) for column in kind.key)}]"
    return {"id": label, **_SHOWN[kind.name](row)}


def rates_of(inventory: Inventory, row: Row) -> list[Row]:
    """A price list's rates among what was loaded."""
    key = (row["name"], row["valid_from"])
    return [one for one in inventory.all(RATE) if (one["price_list"], one["valid_from"]) == key]


def objects(connection: Connection, kind: Kind) -> list[dict[str, Any]]:
    """All of a kind, in the order of their natural keys."""
    rows = sorted(read_all(connection, kind.table), key=kind.key_of)
    complete = _COMPLETED.get(kind.name)
    rates: Mapping[tuple[str, int], list[Row]] = {}
    if complete is not None:
        complete(connection, rows)
    if kind is PRICE_LIST:
        rates = _rates(connection)
    return [shown(kind, row, rates.get((row.get("name", ""), row.get("valid_from", 0)), ())) for row in rows]


def _rates(connection: Connection) -> Mapping[tuple[str, int], list[Row]]:
    found: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in read_all(connection, RATE.table):
        found[row["price_list"], row["valid_from"]].append(row)
    return found


def _with_numbers(connection: Connection, rows: list[Row]) -> None:
    numbers: dict[str, list[str]] = defaultdict(list)
    for one in read_all(connection, "pool_number"):
        numbers[one["pool"]].append(one["e164"])
    for row in rows:
        row["numbers"] = sorted(numbers[row["name"]])


def _with_money(connection: Connection, rows: list[Row]) -> None:
    balances = {one["tenant_id"]: one for one in read_all(connection, "balance")}
    for row in rows:
        balance = balances.get(row["id"], {})
        row["credit"], row["currency"] = balance.get("credit", 0), balance.get("currency", "")


_COMPLETED: Final[Mapping[str, Callable[[Connection, list[Row]], None]]] = {
    POOL.name: _with_numbers,
    TENANTS.name: _with_money,
}


def _carrier(row: Row) -> dict[str, Any]:
    settings = {
        name: value
        for name, value in row["settings"].items()
        if name in SmppCarrier.model_fields and name not in _SECRET
    }
    return {"name": row["name"], "kind": row["kind"], "enabled": row["enabled"], "settings": settings}


def _route(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("prefix", "carrier", "priority")}


def _pool(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "carrier": row["carrier"],
        "window": span_text(row["window_us"]),
        "numbers": list(row["numbers"]),
    }


def _price_list(row: Row, rates: Sequence[Row]) -> dict[str, Any]:
    day = day_of(row["valid_from"])
    return {
        "id": f"price_lists[{row['name']}] from {day}",
        "name": row["name"],
        "currency": row["currency"],
        "valid_from": day,
        "rates": [
            {"prefix": one["prefix"], "amount": amount_text(one["amount"])}
            for one in sorted(rates, key=lambda one: str(one["prefix"]))
        ],
    }


_OF_TENANTS: Final = (
    "name", "enabled", "blocked_inbound", "price_list", "timezone", "language", "transliterate",
    "keep_sent_text", "self_service", "currency",
)  # fmt: skip


def _tenant(row: Row) -> dict[str, Any]:
    told = {name: row[name] for name in _OF_TENANTS}
    return {"id": ids.to_text(TENANT, row["id"]), **told, "credit": amount_text(row["credit"])}


_SHOWN: Final[Mapping[str, Callable[[Row], dict[str, Any]]]] = {
    CARRIER.name: _carrier,
    ROUTE.name: _route,
    POOL.name: _pool,
}
