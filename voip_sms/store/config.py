"""Reads and changes rows of the configuration tables by their natural keys, and says that something changed.

Call these inside `writer.run(...)`: one transaction, in turn with the units. A tenant's row is only reached
with its tenant's id in the key. Constraint violations come out as SQLAlchemy's IntegrityError.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, select, update

from voip_sms.core.directory import Id
from voip_sms.store.tables import OPERATOR_TABLES, generation, metadata

Row = dict[str, Any]

CONFIGURATION = frozenset(
    {
        "operator_key",
        "tenant",
        "carrier",
        "route",
        "price_list",
        "rate",
        "pool",
        "pool_number",
        "api_key",
        "sip_account",
        "mail_sender",
        "sender_name",
        "number",
        "forward",
        "blacklist",
        "contact_group",
        "keyword",
        "ivr_flow",
        "user_account",
        "balance",
    }
)
"""What apply, API and panel may change; `balance` for its credit alone, the rest of it is the engine's."""


def bump_generation(connection: Connection) -> int:
    """Tell every process that the configuration changed; the new generation. Last step of each change."""
    connection.execute(update(generation).values(n=generation.c.n + 1))
    return int(connection.execute(select(generation.c.n)).scalar_one())


def current_generation(connection: Connection) -> int:
    """The number of the configuration's last change."""
    return int(connection.execute(select(generation.c.n)).scalar_one_or_none() or 0)


def read_all(connection: Connection, table: str) -> list[Row]:
    """Every row of a configuration table, of all tenants: for the operator (apply, the snapshot)."""
    source = _configuration(table)
    return _rows(connection, source, None)


def read_rows(connection: Connection, table: str, tenant_id: Id) -> list[Row]:
    """One tenant's rows of a configuration table, by primary key."""
    source = _configuration(table)
    return _rows(connection, source, source.c.tenant_id == tenant_id)


def insert_row(connection: Connection, table: str, row: Mapping[str, Any]) -> None:
    """Add a row."""
    connection.execute(insert(_configuration(table)), dict(row))


def update_row(
    connection: Connection, table: str, key: Mapping[str, Any], changes: Mapping[str, Any]
) -> bool:
    """Change the row that `key` names by column values; whether there was one."""
    source = _configuration(table)
    return bool(connection.execute(update(source).where(_is(source, key)).values(**changes)).rowcount)


def delete_row(connection: Connection, table: str, key: Mapping[str, Any]) -> bool:
    """Remove the row that `key` names by column values; whether there was one."""
    source = _configuration(table)
    return bool(connection.execute(delete(source).where(_is(source, key))).rowcount)


def _configuration(table: str) -> Table:
    if table not in CONFIGURATION:
        raise ValueError(f"{table} is not a configuration table")
    return metadata.tables[table]


def _rows(connection: Connection, source: Table, test: ColumnElement[bool] | None) -> list[Row]:
    statement = select(source).order_by(*source.primary_key.columns)
    if test is not None:
        statement = statement.where(test)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _is(source: Table, key: Mapping[str, Any]) -> ColumnElement[bool]:
    if not key or (source.name not in OPERATOR_TABLES and key.get("tenant_id") is None):
        raise ValueError(f"{source.name}: a key needs columns, and those of a tenant its tenant_id")
    return and_(*(source.c[name] == value for name, value in key.items()))
