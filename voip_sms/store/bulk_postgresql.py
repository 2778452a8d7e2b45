"""Many rows at once in PostgreSQL: an array for each column."""
# ruff: noqa: S608 - table and column names are our own, looked up in our tables; values are always bound

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Connection, Integer, LargeBinary, SmallInteger, String

from voip_sms.store.bulk import (
    Columns,
    Row,
    Values,
    Wanted,
    all_columns,
    column_of,
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
    """See `Bulk`. The statements are few and always the same: psycopg prepares them.

    They go out together, in libpq's pipeline mode: one by one, each is a turn to the server and back in which
    two processes and two threads wait for each other.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def match(self, wanted: Sequence[Wanted]) -> list[list[Row]]:
        with translated(self._connection) as driver:
            with driver.pipeline() if len(wanted) > 1 else nullcontext():
                cursors = [
                    driver.execute(
                        _match_sql(one.table, one.columns, one.lock),
                        _arrays(one.table, one.columns, one.values),
                    )
                    for one in wanted
                ]
            names = [all_columns(one.table) for one in wanted]
            return [
                [dict(zip(columns, row, strict=True)) for row in cursor]
                for columns, cursor in zip(names, cursors, strict=True)
            ]

    @contextmanager
    def together(self) -> Iterator[None]:
        with translated(self._connection) as driver, driver.pipeline():
            yield

    def insert(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        self._send(_insert_sql(table, columns), table, columns, rows)

    def update(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        self._send(_update_sql(table, columns), table, columns + key_columns(table), rows)

    def delete(self, table: str, keys: Sequence[Values]) -> None:
        self._send(_delete_sql(table), table, key_columns(table), keys)

    def _send(self, sql: str, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        with translated(self._connection) as driver:
            driver.execute(sql, _arrays(table, columns, rows))


# --- values -------------------------------------------------------------------------------------------------


def _arrays(table: str, columns: Columns, rows: Sequence[Values]) -> list[str]:
    """One array per column, as PostgreSQL writes it: checked by the server, and several times as fast to make
    as psycopg's own (its binary form also cuts an int2 that is too large).
    """
    written = [_WRITTEN[_type(table, name)] for name in columns]
    return [
        "{" + ",".join(["NULL" if value is None else write(value) for value in values]) + "}"
        for write, values in zip(written, zip(*rows, strict=True), strict=True)
    ]


def _octets(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


def _text(value: object) -> str:
    """Quoted, within an array (PostgreSQL documentation, 8.15.6); a StrEnum as its text."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _truth(value: object) -> str:
    return "t" if value else "f"


def _json(value: Any) -> str:
    return _text(json.dumps(value))


_WRITTEN: Final[Mapping[str, Callable[[Any], str]]] = {
    "int2": str,
    "int4": str,
    "int8": str,
    "bytea": _octets,
    "bool": _truth,
    "json": _json,
    "text": _text,
}


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
    names = ", ".join(quoted(table, columns))
    values = ", ".join(
        f"new_{n}" + ("::json" if _type(table, name) == "json" else "") for n, name in enumerate(columns)
    )
    new = ", ".join(f"new_{n}" for n in range(len(columns)))
    return f'INSERT INTO "{table}" ({names}) SELECT {values} FROM {_unnest(table, columns)} AS made ({new})'


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
    return f"%s::{'text' if kind == 'json' else kind}[]"
