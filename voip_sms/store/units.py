"""A unit of work as data: what it reads, and a pure decision that yields the rows to write.

A door or the engine builds a `Unit`; the writer (`store/writer.py`) reads for many units in bulk, lets each
`decide(state)` in turn, every one seeing what its predecessors decided, and commits all of them together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Select, Table

from voip_sms.store.bulk import Row
from voip_sms.store.bulk import key_columns as primary_key
from voip_sms.store.sheet import PrimaryKey, Sheet, reader
from voip_sms.store.tables import metadata

__all__ = [
    "Again",
    "Match",
    "PrimaryKey",
    "Read",
    "Row",
    "Rows",
    "Scan",
    "State",
    "Unit",
    "by_key",
    "key_of",
    "primary_key",
    "table_of",
]


class Match(NamedTuple):
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


class Unit(NamedTuple):
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
        self._sheets: dict[str, Sheet] = {}
        self._scans: dict[int, list[PrimaryKey]] = {}

    def get(self, table: str, *key: Any) -> Mapping[str, Any] | None:
        """The row with this primary key, or None if it does not exist. It must have been read."""
        sheet = self._sheets.get(table)
        return None if sheet is None else sheet.rows.get(key)

    def find(self, match: Match) -> list[Mapping[str, Any]]:
        """The rows of a Match that was read, as they stand now: in the key's order, then a batch's own."""
        sheet = self._sheets.get(match.table)
        return [] if sheet is None else sheet.find(match.columns, match.values)

    def scanned(self, scan: Scan) -> list[Mapping[str, Any]]:
        """The rows of a Scan in the statement's order, as they stand now.

        An earlier unit of the batch may have changed a row so that the statement no longer fits (claimed it,
        say): look. Rows that it inserted are not among them.
        """
        rows = self.sheet(scan.table).rows
        return [rows[key] for key in self._scans.get(id(scan), ()) if key in rows]

    def knows(self, match: Match) -> bool:
        """Whether this Match was read already in this batch, and locked if it wants to be."""
        sheet = self._sheets.get(match.table)
        return sheet is not None and sheet.knows(match.columns, match.values, lock=match.lock)

    # --- the writer's side ---

    def sheet(self, table: str) -> Sheet:
        """One table's rows and changes."""
        sheet = self._sheets.get(table)
        if sheet is None:
            sheet = self._sheets[table] = Sheet(table)
        return sheet

    def sheets(self) -> list[Sheet]:
        """All tables that were touched, in one order everywhere: fewer deadlocks between nodes."""
        return [self._sheets[table] for table in sorted(self._sheets)]

    def has_scanned(self, scan: Scan) -> bool:
        """Whether this Scan was made already in this batch."""
        return id(scan) in self._scans

    def load_scan(self, scan: Scan, rows: Iterable[Row]) -> None:
        """Take what a Scan brought."""
        self._scans[id(scan)] = [self.sheet(scan.table).keep(row) for row in rows]


def key_of(table: str, row: Mapping[str, Any]) -> PrimaryKey:
    """The primary key of a row."""
    return reader(primary_key(table))(row)


def table_of(name: str) -> Table:
    """The Core table of this name."""
    return metadata.tables[name]
