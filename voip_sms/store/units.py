"""A unit of work as data: what it reads, and a pure decision that yields the rows to write.

A door or the engine builds a `Unit`; the writer (`store/writer.py`) reads for many units in bulk, lets each
`decide(state)` in turn, every one seeing what its predecessors decided, and commits all of them together.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Column, Select, String, Table

from voip_sms.store.bulk import key_columns
from voip_sms.store.tables import metadata

Row = dict[str, Any]
PrimaryKey = tuple[Any, ...]
_Index = dict[tuple[Any, ...], dict[PrimaryKey, None]]
"""Keys of rows by the values of some columns."""


@dataclass(frozen=True, slots=True)
class Match:
    """Rows of `table` whose `columns` equal `values` (never None); one query serves all units of a batch.

    `lock` False leaves rows unlocked on PostgreSQL (what is only read, such as texts).
    """

    table: str
    columns: tuple[str, ...]
    values: tuple[Any, ...]
    lock: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Rows of one table by a statement of its own (claims: due rows, in order, with a limit).

    `values` are those of its bound parameters: a statement made once is compiled once.
    """

    table: str
    statement: Select[Any]
    values: Mapping[str, Any] = field(default_factory=dict)


Read = Match | Scan


def by_key(table: str, *key: Any, lock: bool = True) -> Match:
    """The row of `table` with this primary key."""
    return Match(table, primary_key(table), key, lock)


@dataclass(slots=True)
class Rows:
    """What a decision writes, and what its caller gets back after the commit.

    First `deletes`, then `inserts`, then `updates`. Deletes and updates name rows that were read (updates
    also such as it inserts); keys never change. `wakes` are topics to signal after the commit.
    """

    result: Any = None
    inserts: list[tuple[str, Row]] = field(default_factory=list)
    updates: list[tuple[str, PrimaryKey, Row]] = field(default_factory=list)
    deletes: list[tuple[str, PrimaryKey]] = field(default_factory=list)
    wakes: set[str] = field(default_factory=set)

    def insert(self, table: str, **row: Any) -> None:
        """Add a row."""
        self.inserts.append((table, row))

    def update(self, table: str, key: PrimaryKey, **changes: Any) -> None:
        """Change columns of a row that was read."""
        self.updates.append((table, key, changes))

    def delete(self, table: str, key: PrimaryKey) -> None:
        """Remove a row that was read."""
        self.deletes.append((table, key))


class Again(Exception):  # noqa: N818 - a decision's answer, not an error
    """A decision met, through a predecessor, a row whose relatives it has not read: next batch."""


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One indivisible change.

    `reads` are loaded first; then `follow(state)`, if given, names more (and once more, of what that found).
    `decide(state)` is pure: it returns Rows, or raises (a Refusal, say), which fails this unit alone.
    It may be asked again, when another unit's rows broke the batch: it must not keep anything between.
    `deadline`: monotonic seconds after which a unit that has not begun is withdrawn; `withdrawn()` true has
    the same effect. What has begun is carried out, whoever still waits for it.
    """

    decide: "Callable[[State], Rows]"
    reads: Sequence[Read] = ()
    follow: "Callable[[State], Iterable[Read]] | None" = None
    deadline: float | None = None
    withdrawn: Callable[[], bool] | None = None


class State:
    """The rows that a batch has read, with everything its earlier units decided already applied.

    A row once given out never changes under its holder's hands: changes make new ones.
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[PrimaryKey, Row]] = {}
        self._found: dict[str, dict[tuple[str, ...], _Index]] = {}
        self._locked: dict[tuple[str, tuple[str, ...]], set[tuple[Any, ...]]] = {}
        self._scans: dict[int, list[PrimaryKey]] = {}

    def get(self, table: str, *key: Any) -> Mapping[str, Any] | None:
        """The row with this primary key, or None if it does not exist. It must have been read."""
        rows = self._rows.get(table)
        return None if rows is None else rows.get(key)

    def find(self, match: Match) -> list[Mapping[str, Any]]:
        """The rows of a Match that was read, as they stand now: in the key's order, then a batch's own."""
        rows = self._rows.get(match.table, {})
        keys = self._found.get(match.table, {}).get(match.columns, {}).get(match.values, {})
        return [rows[key] for key in keys if key in rows and _matches(rows[key], match.columns, match.values)]

    def scanned(self, scan: Scan) -> list[Mapping[str, Any]]:
        """The rows of a Scan in the statement's order, as they stand now.

        An earlier unit of the batch may have changed a row so that the statement no longer fits (claimed it,
        say): look. Rows that it inserted are not among them.
        """
        rows = self._rows.get(scan.table, {})
        return [rows[key] for key in self._scans.get(id(scan), ()) if key in rows]

    # --- the writer's side ---

    def knows(self, match: Match) -> bool:
        """Whether this Match was read already in this batch, and locked if it wants to be."""
        if match.lock:
            return match.values in self._locked.get((match.table, match.columns), ())
        return match.values in self._found.get(match.table, {}).get(match.columns, ())

    def has_scanned(self, scan: Scan) -> bool:
        """Whether this Scan was made already in this batch."""
        return id(scan) in self._scans

    def has_row(self, table: str, key: PrimaryKey) -> bool:
        """Whether this row was read (or inserted where a read would have found it) and not deleted since."""
        rows = self._rows.get(table)
        return rows is not None and key in rows

    def load(
        self,
        table: str,
        columns: tuple[str, ...],
        wanted: Iterable[tuple[Any, ...]],
        rows: Iterable[Row],
        *,
        lock: bool,
    ) -> None:
        """Take what one bulk query brought for the `wanted` values. Decisions come after all loads."""
        index = self._found.setdefault(table, {}).setdefault(columns, {})
        for values in wanted:
            index.setdefault(values, {})
        if lock:
            self._locked.setdefault((table, columns), set()).update(wanted)
        for row in rows:
            key = self._keep(table, row)
            index[tuple([row[column] for column in columns])][key] = None

    def load_scan(self, scan: Scan, rows: Iterable[Row]) -> None:
        """Take what a Scan brought."""
        self._scans[id(scan)] = [self._keep(scan.table, row) for row in rows]

    def insert(self, table: str, key: PrimaryKey, row: Row) -> Row:
        """Show an inserted row to the units that follow, where one of their reads would have found it.

        The row to write: this one, or, when it is seen, one with all its columns.
        """
        whole: Row = {}
        seen = False
        for columns, index in self._found.get(table, {}).items():
            if not whole and not row.keys() >= set(columns):
                whole = {**_defaults(table), **row}
            keys = index.get(tuple([(whole or row)[column] for column in columns]))
            if keys is not None:
                keys[key] = None
                seen = True
        if not seen:
            return row
        whole = whole or {**_defaults(table), **row}
        self._rows.setdefault(table, {})[key] = whole
        return whole

    def update(self, table: str, key: PrimaryKey, changes: Row) -> Row:
        """Apply changes to a row that was read; the row as it stands then."""
        row = self._rows[table][key] = {**self._rows[table][key], **changes}
        for columns, index in self._found.get(table, {}).items():
            if not changes.keys().isdisjoint(columns):
                keys = index.get(tuple([row[column] for column in columns]))
                if keys is not None:
                    keys[key] = None
        return row

    def delete(self, table: str, key: PrimaryKey) -> None:
        """Forget a row."""
        self._rows.get(table, {}).pop(key, None)

    def _keep(self, table: str, row: Row) -> PrimaryKey:
        key = key_of(table, row)
        self._rows.setdefault(table, {})[key] = row  # read once more means locked since: newer
        return key


def primary_key(table: str) -> tuple[str, ...]:
    """The names of a table's key columns."""
    return key_columns(table)


def key_of(table: str, row: Mapping[str, Any]) -> PrimaryKey:
    """The primary key of a row."""
    return tuple([row[column] for column in key_columns(table)])


def table_of(name: str) -> Table:
    """The Core table of this name."""
    return metadata.tables[name]


@cache
def _defaults(table: str) -> Row:
    """What the database writes into columns that an insert leaves out."""
    return {
        column.name: _default(column) for column in metadata.tables[table].columns if not column.primary_key
    }


def _default(column: Column[Any]) -> Any:
    default = column.server_default
    if default is None:
        return None
    written = str(default.arg.text)  # type: ignore[attr-defined]
    if isinstance(column.type, Boolean):
        return written == "true"
    if isinstance(column.type, String):
        return written.strip("'")
    return json.loads(written.strip("'"))  # an integer or JSON


def _matches(row: Mapping[str, Any], columns: tuple[str, ...], values: tuple[Any, ...]) -> bool:
    return all(row[column] == value for column, value in zip(columns, values, strict=True))
