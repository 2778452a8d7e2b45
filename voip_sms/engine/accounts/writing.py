"""Writes planned changes: configuration rows, what lives beside them, and their entries in the audit log."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.engine.accounts.auditing import entries_of
from voip_sms.engine.accounts.kinds import POOL, SENDER_NAME, SIP_ACCOUNT, TENANT, USER, Row
from voip_sms.engine.accounts.planning import Change, Maker
from voip_sms.engine.news import approved_row
from voip_sms.store.audit import record
from voip_sms.store.catalog import insert_rows, let_go
from voip_sms.store.config import bump_generation, delete_row, insert_row, read_all, update_row
from voip_sms.store.people import add, end_all_sessions, end_sessions
from voip_sms.store.units import primary_key

_MONEY: Final[tuple[str, ...]] = ("credit", "currency")
_RIGHTS: Final = frozenset({"role", "enabled", "password_hash"})
"""What ends the sessions of whoever it is changed for."""


def write(connection: Connection, changes: Sequence[Change], maker: Maker) -> None:
    """Write all of them, note each in the audit log and tell every process; nothing if there are none.

    What goes makes room for what comes: a number may move from one tenant to another.
    """
    for action in ("removed", "changed"):
        for change in changes:
            if change.action == action:
                _one(connection, change)
    _add(connection, [change for change in changes if change.action == "added"])
    _pool_numbers(connection, [change for change in changes if change.kind is POOL])
    record(connection, entries_of(changes, maker))
    for change in changes:
        if change.kind is SENDER_NAME and change.columns.get("status") == "approved" and change.before:
            news = approved_row(change.row, maker.new_id(), maker.now)
            add(connection, "notice", news)
    if changes:
        bump_generation(connection)


def _one(connection: Connection, change: Change) -> None:
    table, row, columns = change.kind.table, change.row, _stored(change)
    if columns:
        update_row(connection, table, _key(table, row), columns)
    elif not change.columns:
        delete_row(connection, table, _key(table, row))
    if change.kind is TENANT:
        _balance(connection, change)
        if "enabled" in columns:  # also on its return: a node that heard late may have let somebody in
            end_all_sessions(connection, row["id"])
    if change.kind is USER and (not columns or not _RIGHTS.isdisjoint(columns)):
        end_sessions(connection, row["tenant_id"], row["id"])
    if change.kind is SIP_ACCOUNT and "via" in columns:
        let_go(connection, row["tenant_id"], row["user"])  # it waited for a REGISTER that comes elsewhere now


def _add(connection: Connection, changes: list[Change]) -> None:
    """New rows, table by table: the fewer statements, the shorter everybody else waits."""
    rows: dict[tuple[str, frozenset[str]], list[Row]] = defaultdict(list)
    for change in changes:
        columns = _stored(change)
        rows[change.kind.table, frozenset(columns)].append(columns)
        if change.kind is TENANT:
            money = {"tenant_id": change.row["id"], **{name: change.row[name] for name in _MONEY}}
            rows["balance", frozenset(money)].append(money)
    for (table, _), several in rows.items():
        insert_rows(connection, table, several)


def _stored(change: Change) -> Row:
    return {name: value for name, value in change.columns.items() if name not in change.kind.virtual}


def _key(table: str, row: Row) -> dict[str, Any]:
    names = (*primary_key(table), *(("tenant_id",) if "tenant_id" in row else ()))
    return {name: row[name] for name in names}


def _balance(connection: Connection, change: Change) -> None:
    """A tenant has exactly one balance, from its first day to its last."""
    key: Row = {"tenant_id": change.row["id"]}
    money = {name: change.columns[name] for name in _MONEY if name in change.columns}
    if not change.columns:
        delete_row(connection, "balance", key)
    if "currency" in money:
        key |= {"reserved": 0, "settled": 0}  # a message may have been charged since this was planned
    if money and not update_row(connection, "balance", key, money):
        insert_row(connection, "balance", {**key, **{name: change.row[name] for name in _MONEY}})


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
