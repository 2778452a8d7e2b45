"""A unit of work as data: what it reads, and a pure decision that yields the rows to write.

A door or the engine builds a `Unit`; the writer (`store/writer.py`) reads for many units in bulk, lets each
`decide(state)` in turn, every one seeing what its predecessors decided, and commits all of them together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, Table

from voip_sms.store.tables import metadata

Row = dict[str, Any]
PrimaryKey = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """Rows of `table` whose `columns` equal `values`; one query per (table, columns) serves all units.

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

    `updates` and `deletes` name rows that the unit has read. `wakes` are topics to signal after the commit.
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
    `deadline`: monotonic seconds after which a unit that has not begun is withdrawn.
    """

    decide: "Callable[[State], Rows]"
    reads: Sequence[Read] = ()
    follow: "Callable[[State], Iterable[Read]] | None" = None
    deadline: float | None = None


class State:
    """The rows that a batch has read, with everything its earlier units decided already applied."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[PrimaryKey, Row]] = {}
        self._found: dict[tuple[str, tuple[str, ...]], dict[tuple[Any, ...], dict[PrimaryKey, None]]] = {}
        self._scans: dict[int, list[PrimaryKey]] = {}

    def get(self, table: str, *key: Any) -> Mapping[str, Any] | None:
        """The row with this primary key, or None if it does not exist. It must have been read."""
        return self._rows.get(table, {}).get(key)

    def find(self, match: Match) -> list[Mapping[str, Any]]:
        """The rows of a Match that was read, as they stand now."""
        rows = self._rows.get(match.table, {})
        keys = self._found.get((match.table, match.columns), {}).get(match.values, {})
        return [rows[key] for key in keys if key in rows and _matches(rows[key], match.columns, match.values)]

    def scanned(self, scan: Scan) -> list[Mapping[str, Any]]:
        """The rows of a Scan, in the statement's order."""
        rows = self._rows.get(scan.table, {})
        return [rows[key] for key in self._scans.get(id(scan), ()) if key in rows]

    # --- the writer's side ---

    def knows(self, match: Match) -> bool:
        """Whether this Match was read already in this batch."""
        return match.values in self._found.get((match.table, match.columns), {})

    def has_scanned(self, scan: Scan) -> bool:
        """Whether this Scan was made already in this batch."""
        return id(scan) in self._scans

    def load(self, matches: Iterable[Match], rows: Iterable[Row]) -> None:
        """Take what one bulk query brought for `matches` (all of one table and one set of columns)."""
        first: Match | None = None
        index: dict[tuple[Any, ...], dict[PrimaryKey, None]] = {}
        for match in matches:
            if first is None:
                first = match
                index = self._found.setdefault((match.table, match.columns), {})
            index.setdefault(match.values, {})
        if first is None:
            return
        for row in rows:
            key = self._keep(first.table, row)
            index[tuple(row[column] for column in first.columns)][key] = None

    def load_scan(self, scan: Scan, rows: Iterable[Row]) -> None:
        """Take what a Scan brought."""
        self._scans[id(scan)] = [self._keep(scan.table, row) for row in rows]

    def insert(self, table: str, row: Row) -> None:
        """Show an inserted row to the units that follow, where one of their reads would have found it."""
        columns_read = [columns for (name, columns) in self._found if name == table]
        if not columns_read:
            return
        key = key_of(table, row)
        for columns in columns_read:
            keys = self._found[table, columns].get(tuple(row.get(column) for column in columns))
            if keys is not None:
                keys[key] = None
                self._rows.setdefault(table, {})[key] = row

    def update(self, table: str, key: PrimaryKey, changes: Row) -> Row:
        """Apply changes to a row that was read; the row as it stands then."""
        row = self._rows[table][key]
        row.update(changes)
        for (name, columns), index in self._found.items():
            if name == table and not changes.keys().isdisjoint(columns):
                keys = index.get(tuple(row.get(column) for column in columns))
                if keys is not None:
                    keys[key] = None
        return row

    def delete(self, table: str, key: PrimaryKey) -> None:
        """Forget a row that was read."""
        self._rows[table].pop(key, None)

    def _keep(self, table: str, row: Row) -> PrimaryKey:
        key = key_of(table, row)
        self._rows.setdefault(table, {}).setdefault(key, row)
        return key


_KEYS: dict[str, tuple[str, ...]] = {
    table.name: tuple(column.name for column in table.primary_key.columns)
    for table in metadata.tables.values()
}


def primary_key(table: str) -> tuple[str, ...]:
    """The names of a table's key columns."""
    return _KEYS[table]


def key_of(table: str, row: Mapping[str, Any]) -> PrimaryKey:
    """The primary key of a row."""
    return tuple(row[column] for column in _KEYS[table])


def table_of(name: str) -> Table:
    """The Core table of this name."""
    return metadata.tables[name]


def chunks(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """`values` in runs of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _matches(row: Mapping[str, Any], columns: tuple[str, ...], values: tuple[Any, ...]) -> bool:
    return all(row[column] == value for column, value in zip(columns, values, strict=True))
