"""Many rows at once in SQLite.

One statement carries up to 64 rows, not one: the driver gives up the interpreter's lock around each, and next
to a busy event loop it may wait a whole switch interval to get it back, on another core with cold caches.
"""
# ruff: noqa: S608 - table and column names are our own, looked up in our tables; values are always bound

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import JSON, Boolean, Connection

from voip_sms.store.bulk import (
    Columns,
    Row,
    Values,
    Wanted,
    all_columns,
    column_of,
    json_places,
    key_columns,
    quoted,
    translated,
)

MOST = 64
"""Rows in one statement: more gain nothing (measured), and 64 rows of 30 values are far below 32,766."""
STEP = 8
"""Statements are made for 1 to 8 rows, then for 16, 24 … 64 of which the last are empty: fifteen per table
serve every number. In runs of 64, 32 … 1 the rows of a usual batch needed two or three.
"""


class SqliteBulk:
    """See `Bulk`. There is nothing to lock: who writes has the whole file (BEGIN IMMEDIATE)."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def match(self, wanted: Sequence[Wanted]) -> list[list[Row]]:
        return [self._match(one.table, one.columns, one.values) for one in wanted]

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _match(self, table: str, columns: Columns, wanted: Sequence[Values]) -> list[Row]:
        names, decoders = all_columns(table), _decoders(table)
        rows: list[Row] = []
        with translated(self._connection) as driver:
            for start in range(0, len(wanted), MOST):
                some = list(wanted[start : start + MOST])
                size = _power_of_two(len(some))
                some += some[-1:] * (size - len(some))  # asked twice is found once: few statements for all
                found = driver.execute(_match_sql(table, columns, size), _flat(some))
                rows += [dict(zip(names, row, strict=True)) for row in found]
        for name, decode in decoders:
            for row in rows:
                row[name] = decode(row[name])
        return rows

    def insert(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        self._in_runs(_insert_sql, table, columns, _encoded(table, columns, rows), len(columns))

    def update(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        width = len(columns) + len(key_columns(table))
        self._in_runs(_update_sql, table, columns, _encoded(table, columns, rows), width)

    def delete(self, table: str, keys: Sequence[Values]) -> None:
        with translated(self._connection) as driver:
            driver.executemany(_delete_sql(table), keys)

    def _in_runs(
        self,
        sql: Callable[[str, Columns, int], str],
        table: str,
        columns: Columns,
        rows: Sequence[Values],
        width: int,
    ) -> None:
        with translated(self._connection) as driver:
            for start in range(0, len(rows), MOST):
                run = rows[start : start + MOST]
                size = _size(len(run))
                values = _flat(run)
                values += [None] * (width * (size - len(run)))  # no key: no row
                driver.execute(sql(table, columns, size), values)


def _size(number: int) -> int:
    """For how many rows the statement is made that takes so many."""
    return number if number <= STEP else -(-number // STEP) * STEP


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _flat(rows: Sequence[Values]) -> list[Any]:
    return list(chain.from_iterable(rows))


# --- values -------------------------------------------------------------------------------------------------


def _encoded(table: str, columns: Columns, rows: Sequence[Values]) -> Sequence[Values]:
    places = json_places(table, columns)
    if not places:
        return rows
    return [tuple(_text(value) if n in places else value for n, value in enumerate(row)) for row in rows]


def _text(value: Any) -> str | None:
    """JSON; nothing at all is NULL, as the tables say (`none_as_null`)."""
    return None if value is None else json.dumps(value)


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


@cache
def _decoders(table: str) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """What makes SQLite's integers and texts into what PostgreSQL gives."""
    kinds: list[tuple[str, Callable[[Any], Any]]] = []
    for name in all_columns(table):
        column = column_of(table, name)
        if isinstance(column.type, JSON):
            kinds.append((name, _value))
        elif isinstance(column.type, Boolean):
            kinds.append((name, bool))
    return tuple(kinds)


# --- statements ---------------------------------------------------------------------------------------------


@cache
def _match_sql(table: str, columns: Columns, size: int) -> str:
    names = quoted(table, columns)
    rows = ", ".join(f'"{table}".{name}' for name in quoted(table, all_columns(table)))
    order = ", ".join(f'"{table}".{name}' for name in quoted(table, key_columns(table)))
    if len(columns) == 1:
        marks = ", ".join("?" * size)
        return f'SELECT {rows} FROM "{table}" WHERE {names[0]} IN ({marks}) ORDER BY {order}'
    # (a, b) IN (VALUES …) reads the whole table (3.40); CROSS JOIN makes it look up each wanted row.
    same = " AND ".join(f'"{table}".{name} = wanted.{name}' for name in names)
    return (
        f"WITH wanted ({', '.join(names)}) AS (VALUES {_marks(len(columns), size)})"
        f' SELECT {rows} FROM wanted CROSS JOIN "{table}" ON {same} ORDER BY {order}'
    )


@cache
def _insert_sql(table: str, columns: Columns, size: int) -> str:
    names = ", ".join(quoted(table, columns))
    values = f"VALUES {_marks(len(columns), size)}"
    if size <= STEP:
        return f'INSERT INTO "{table}" ({names}) {values}'
    key = columns.index(key_columns(table)[0]) + 1  # as SQLite names the columns of VALUES
    return f'INSERT INTO "{table}" ({names}) SELECT * FROM ({values}) WHERE column{key} IS NOT NULL'


@cache
def _update_sql(table: str, columns: Columns, size: int) -> str:
    names, keys = quoted(table, columns), quoted(table, key_columns(table))
    if size == 1:
        changes = ", ".join(f"{name} = ?" for name in names)
        mine = " AND ".join(f"{key} = ?" for key in keys)
        return f'UPDATE "{table}" SET {changes} WHERE {mine}'
    new = [f"new_{n}" for n in range(len(names))]
    old = [f"key_{n}" for n in range(len(keys))]
    changes = ", ".join(f"{name} = change.{value}" for name, value in zip(names, new, strict=True))
    mine = " AND ".join(f'"{table}".{key} = change.{value}' for key, value in zip(keys, old, strict=True))
    return (
        f"WITH change ({', '.join(new + old)}) AS (VALUES {_marks(len(new + old), size)})"
        f' UPDATE "{table}" SET {changes} FROM change WHERE {mine}'
    )


@cache
def _delete_sql(table: str) -> str:
    mine = " AND ".join(f"{key} = ?" for key in quoted(table, key_columns(table)))
    return f'DELETE FROM "{table}" WHERE {mine}'


def _marks(width: int, size: int) -> str:
    return ", ".join([f"({', '.join('?' * width)})"] * size)
