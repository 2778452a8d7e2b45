"""Many rows at once in PostgreSQL: COPY to insert, arrays to read, change and remove."""
# ruff: noqa: S608 - table and column names are our own, looked up in our tables; values are always bound

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from psycopg.types.json import Json
from sqlalchemy import JSON, BigInteger, Boolean, Connection, Integer, LargeBinary, SmallInteger, String

from voip_sms.store.bulk import (
    Columns,
    Row,
    Values,
    all_columns,
    column_of,
    json_places,
    key_columns,
    quoted,
    translated,
)

# The narrower type first: SmallInteger and BigInteger are Integers to SQLAlchemy.
_TYPES = (
    (SmallInteger, "int2"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (LargeBinary, "bytea"),
    (Boolean, "bool"),
    (JSON, "json"),
    (String, "text"),
)


class PostgresqlBulk:
    """See `Bulk`. The statements are few and always the same: psycopg prepares them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def match(self, table: str, columns: Columns, wanted: Sequence[Values], *, lock: bool) -> list[Row]:
        names = all_columns(table)
        with translated(self._connection) as driver:
            found = driver.execute(_match_sql(table, columns, lock), _arrays(table, columns, wanted))
            return [dict(zip(names, row, strict=True)) for row in found]

    def insert(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        with translated(self._connection) as driver:
            if len(rows) == 1:  # one round trip less than COPY
                driver.execute(_insert_sql(table, columns), _wrapped(table, columns, rows)[0])
                return
            # As text, which the server checks: psycopg's binary form cuts an int2 that is too large.
            with driver.cursor() as cursor, cursor.copy(_copy_sql(table, columns)) as copy:
                for row in _wrapped(table, columns, rows):
                    copy.write_row(row)

    def update(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        sent = columns + key_columns(table)
        with translated(self._connection) as driver:
            driver.execute(_update_sql(table, columns), _arrays(table, sent, rows))

    def delete(self, table: str, keys: Sequence[Values]) -> None:
        with translated(self._connection) as driver:
            driver.execute(_delete_sql(table), _arrays(table, key_columns(table), keys))


# --- values -------------------------------------------------------------------------------------------------


def _wrapped(table: str, columns: Columns, rows: Sequence[Values]) -> Sequence[Values]:
    places = json_places(table, columns)
    if not places:
        return rows
    return [
        tuple(Json(value) if n in places and value is not None else value for n, value in enumerate(row))
        for row in rows
    ]


def _arrays(table: str, columns: Columns, rows: Sequence[Values]) -> list[list[Any]]:
    """One array per column; psycopg wants the texts of one array to be of one class, so no StrEnum."""
    arrays: list[list[Any]] = [list(values) for values in zip(*rows, strict=True)]
    for n, name in enumerate(columns):
        kind = _type(table, name)
        if kind == "text":
            arrays[n] = [None if value is None else str(value) for value in arrays[n]]
        elif kind == "json":
            arrays[n] = [None if value is None else json.dumps(value) for value in arrays[n]]
    return arrays


@cache
def _type(table: str, column: str) -> str:
    found = column_of(table, column).type
    return next(name for kind, name in _TYPES if isinstance(found, kind))


# --- statements ---------------------------------------------------------------------------------------------


@cache
def _match_sql(table: str, columns: Columns, lock: bool) -> str:  # noqa: FBT001 - cache key
    rows = ", ".join(quoted(table, all_columns(table)))
    names = quoted(table, columns)
    order = ", ".join(quoted(table, key_columns(table)))
    # Not "= ANY(…)": before the first ANALYZE that reads a whole table of a day's messages.
    test = f"({', '.join(names)}) IN (SELECT * FROM {_unnest(table, columns)})"
    locking = " FOR UPDATE" if lock else ""
    return f'SELECT {rows} FROM "{table}" WHERE {test} ORDER BY {order}{locking}'


@cache
def _insert_sql(table: str, columns: Columns) -> str:
    marks = ", ".join(["%s"] * len(columns))
    return f'INSERT INTO "{table}" ({", ".join(quoted(table, columns))}) VALUES ({marks})'


@cache
def _copy_sql(table: str, columns: Columns) -> str:
    return f'COPY "{table}" ({", ".join(quoted(table, columns))}) FROM STDIN'


@cache
def _update_sql(table: str, columns: Columns) -> str:
    keys = key_columns(table)
    changes = ", ".join(
        f"{name} = change.new_{n}" + ("::json" if _type(table, column) == "json" else "")
        for n, (name, column) in enumerate(zip(quoted(table, columns), columns, strict=True))
    )
    names = [f"new_{n}" for n in range(len(columns))] + [f"key_{n}" for n in range(len(keys))]
    source = f"{_unnest(table, columns + keys)} AS change ({', '.join(names)})"
    return f'UPDATE "{table}" SET {changes} FROM {source} WHERE {_same(table, "change")}'


@cache
def _delete_sql(table: str) -> str:
    keys = key_columns(table)
    names = ", ".join(f"key_{n}" for n in range(len(keys)))
    source = f"{_unnest(table, keys)} AS gone ({names})"
    return f'DELETE FROM "{table}" USING {source} WHERE {_same(table, "gone")}'


def _same(table: str, source: str) -> str:
    keys = enumerate(quoted(table, key_columns(table)))
    return " AND ".join(f'"{table}".{key} = {source}.key_{n}' for n, key in keys)


def _unnest(table: str, columns: Columns) -> str:
    return f"unnest({', '.join(_array(table, name) for name in columns)})"


def _array(table: str, column: str) -> str:
    kind = _type(table, column)
    return f"%b::{'text' if kind == 'json' else kind}[]"
