"""One transaction for many units: bulk reads, decisions in turn, one executemany per table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Delete,
    Insert,
    Select,
    Update,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
    update,
)

from voip_sms.store.units import (
    Match,
    PrimaryKey,
    Read,
    Row,
    Rows,
    Scan,
    State,
    Unit,
    chunks,
    key_of,
    primary_key,
    table_of,
)

READ_CHUNK = 500
"""Keys in one query: far below SQLite's 32,766 variables, and one compiled statement fits all."""

Decided = Rows | Exception
"""What one unit came to: its rows, or why it alone failed."""


class Batch:
    """The units of one transaction. `run` reads and decides, `write` sends the rows; the caller commits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._state = State()
        self._inserts: dict[str, dict[PrimaryKey, Row]] = defaultdict(dict)
        self._updates: dict[str, dict[PrimaryKey, Row]] = defaultdict(dict)
        self._deletes: dict[str, dict[PrimaryKey, None]] = defaultdict(dict)

    def run(self, units: Sequence[Unit]) -> list[Decided]:
        """Read for all, decide one after the other; a decision's exception is its own."""
        self._read([read for unit in units for read in unit.reads])
        for _ in range(2):  # what follows from the first reads, and what follows from that
            more = [read for unit in units if unit.follow for read in unit.follow(self._state)]
            if not self._read(more):
                break
        return [self._decide(unit) for unit in units]

    def write(self) -> None:
        """Send everything that was decided."""
        for table, rows in self._inserts.items():
            self._insert(table, list(rows.values()))
        for table, changes in self._updates.items():
            self._update(table, changes)
        for table, keys in self._deletes.items():
            self._delete(table, list(keys))

    def _decide(self, unit: Unit) -> Decided:
        try:
            rows = unit.decide(self._state)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits for this unit
            return error
        for table, row in rows.inserts:
            self._inserts[table][key_of(table, row)] = row
            self._state.insert(table, row)
        for table, key, changes in rows.updates:
            self._change(table, key, changes)
        for table, key in rows.deletes:
            self._remove(table, key)
        return rows

    def _change(self, table: str, key: PrimaryKey, changes: Row) -> None:
        self._state.update(table, key, changes)
        if key not in self._inserts[table]:  # else: the row to insert is the very dict that just changed
            self._updates[table].setdefault(key, {}).update(changes)

    def _remove(self, table: str, key: PrimaryKey) -> None:
        self._state.delete(table, key)
        self._updates[table].pop(key, None)
        if self._inserts[table].pop(key, None) is None:
            self._deletes[table][key] = None

    # --- reading ---

    def _read(self, reads: Iterable[Read]) -> bool:
        groups: dict[tuple[str, tuple[str, ...], bool], dict[Match, None]] = defaultdict(dict)
        new = False
        for read in reads:
            if isinstance(read, Scan):
                new = self._scan(read) or new
            elif not self._state.knows(read):
                groups[read.table, read.columns, read.lock][read] = None
        for table, columns, lock in sorted(groups):  # one order everywhere: fewer deadlocks
            self._match(table, columns, list(groups[table, columns, lock]), lock=lock)
        return new or bool(groups)

    def _scan(self, scan: Scan) -> bool:
        if self._state.has_scanned(scan):
            return False
        self._state.load_scan(scan, _dicts(self._connection.execute(scan.statement, scan.values)))
        return True

    def _match(self, table: str, columns: tuple[str, ...], matches: list[Match], *, lock: bool) -> None:
        statement = _match_statement(table, columns, lock)
        for some in chunks(matches, READ_CHUNK):
            values = [match.values[0] if len(columns) == 1 else match.values for match in some]
            self._state.load(some, _dicts(self._connection.execute(statement, {"wanted": values})))

    # --- writing ---

    def _insert(self, table: str, rows: list[Row]) -> None:
        groups: dict[frozenset[str], list[Row]] = defaultdict(list)
        for row in rows:
            groups[frozenset(row)].append(row)
        for group in groups.values():
            self._connection.execute(_insert_statement(table), group)

    def _update(self, table: str, changes: dict[PrimaryKey, Row]) -> None:
        groups: dict[frozenset[str], list[Row]] = defaultdict(list)
        key_names = [f"key_{column}" for column in primary_key(table)]
        for key in sorted(changes):
            row = changes[key]
            groups[frozenset(row)].append({**row, **dict(zip(key_names, key, strict=True))})
        for columns, group in groups.items():
            self._connection.execute(_update_statement(table, tuple(sorted(columns))), group)

    def _delete(self, table: str, keys: list[PrimaryKey]) -> None:
        key_names = [f"key_{column}" for column in primary_key(table)]
        self._connection.execute(
            _delete_statement(table), [dict(zip(key_names, key, strict=True)) for key in sorted(keys)]
        )


def _dicts(result: Any) -> list[Row]:
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


@cache
def _match_statement(table: str, columns: tuple[str, ...], lock: bool) -> Select[Any]:  # noqa: FBT001 - cache key
    source = table_of(table)
    wanted: BindParameter[Any] = bindparam("wanted", expanding=True)
    test = source.c[columns[0]] if len(columns) == 1 else tuple_(*(source.c[name] for name in columns))
    statement = select(source).where(test.in_(wanted)).order_by(*source.primary_key.columns)
    return statement.with_for_update() if lock else statement


@cache
def _insert_statement(table: str) -> Insert:
    return insert(table_of(table))


@cache
def _update_statement(table: str, columns: tuple[str, ...]) -> Update:
    source = table_of(table)
    mine = [source.c[name] == bindparam(f"key_{name}") for name in primary_key(table)]
    return update(source).where(*mine).values({name: bindparam(name) for name in columns})


@cache
def _delete_statement(table: str) -> Delete:
    source = table_of(table)
    return delete(source).where(*(source.c[name] == bindparam(f"key_{name}") for name in primary_key(table)))
