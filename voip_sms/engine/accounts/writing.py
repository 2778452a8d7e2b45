"""Writes planned changes: rows of the configuration tables, and what lives beside them."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.engine.accounts.kinds import POOL, TENANT, Row
from voip_sms.engine.accounts.planning import Change
from voip_sms.store.config import bump_generation, delete_row, insert_row, read_all, update_row
from voip_sms.store.units import primary_key

_ORDER: Final = {"removed": 0, "changed": 1, "added": 2}
"""What goes makes room for what comes: a number may move from one tenant to another."""
_MONEY: Final[tuple[str, ...]] = ("credit", "currency")


def write(connection: Connection, changes: Iterable[Change]) -> None:
    """Write all of them and tell every process; nothing if there are none."""
    ordered = sorted(changes, key=lambda change: _ORDER[change.action])
    for change in ordered:
        _one(connection, change)
    _pool_numbers(connection, [change for change in ordered if change.kind is POOL])
    if ordered:
        bump_generation(connection)


def _one(connection: Connection, change: Change) -> None:
    table, row = change.kind.table, change.row
    columns = {name: value for name, value in change.columns.items() if name not in change.kind.virtual}
    if change.action == "added":
        insert_row(connection, table, columns)
    elif change.columns:
        if columns:
            update_row(connection, table, _key(table, row), columns)
    else:
        delete_row(connection, table, _key(table, row))
    if change.kind is TENANT:
        _balance(connection, change)


def _key(table: str, row: Row) -> dict[str, Any]:
    names = (*primary_key(table), *(("tenant_id",) if "tenant_id" in row else ()))
    return {name: row[name] for name in names}


def _balance(connection: Connection, change: Change) -> None:
    """A tenant has exactly one balance, from its first day."""
    row, key = change.row, {"tenant_id": change.row["id"]}
    money = {name: change.columns[name] for name in _MONEY if name in change.columns}
    if change.action == "removed":
        if not change.columns:
            delete_row(connection, "balance", key)
    elif money and not update_row(connection, "balance", key, money):
        insert_row(connection, "balance", {**key, **{name: row[name] for name in _MONEY}})


def _pool_numbers(connection: Connection, changes: list[Change]) -> None:
    """Bring the pools' numbers to what the rows say; first all that go, as one may move to another pool."""
    touched = {
        change.row["name"]: set(change.row["numbers"]) if change.action != "removed" else set()
        for change in changes
        if change.action == "removed" or "numbers" in change.columns
    }
    if not touched:
        return
    there: dict[str, set[str]] = {name: set() for name in touched}
    for row in read_all(connection, "pool_number"):
        if row["pool"] in touched:
            there[row["pool"]].add(row["e164"])
    for name, numbers in touched.items():
        for number in sorted(there[name] - numbers):
            delete_row(connection, "pool_number", {"e164": number})
    for name, numbers in touched.items():
        for number in sorted(numbers - there[name]):
            insert_row(connection, "pool_number", {"e164": number, "pool": name})
