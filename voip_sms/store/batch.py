"""One transaction for many units: bulk reads, decisions in turn, few statements per table."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from voip_sms.store.bulk import Bulk, Columns, Values
from voip_sms.store.bulk_postgresql import PostgresqlBulk
from voip_sms.store.bulk_sqlite import SqliteBulk
from voip_sms.store.units import PrimaryKey, Read, Row, Rows, Scan, State, Unit, key_of

FOLLOWS = 2
"""Rounds of reading what follows from earlier reads: a receipt leads to a part, and that to its siblings."""

Decided = Rows | Exception
"""What one unit came to: its rows, or why it alone failed."""


class Batch:
    """The units of one transaction. `run` reads and decides, `write` sends the rows; the caller commits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bulk = bulk_for(connection)
        self._state = State()
        self._inserts: dict[str, dict[PrimaryKey, Row]] = defaultdict(dict)
        self._updates: dict[str, dict[PrimaryKey, Row]] = defaultdict(dict)
        self._deletes: dict[str, dict[PrimaryKey, None]] = defaultdict(dict)

    def run(self, units: Sequence[Unit]) -> list[Decided]:
        """Read for all, decide one after the other; a decision's exception is its own."""
        self._read([read for unit in units for read in unit.reads])
        for _ in range(FOLLOWS):
            more = [read for unit in units if unit.follow for read in unit.follow(self._state)]
            if not self._read(more):
                break
        return [self._decide(unit) for unit in units]

    def write(self) -> None:
        """Send everything that was decided; in one order everywhere: fewer deadlocks between nodes."""
        for table, keys in sorted(self._deletes.items()):
            self._bulk.delete(table, sorted(keys))
        for table, rows in sorted(self._inserts.items()):
            for columns, group in _grouped(rows, with_key=False).items():
                self._bulk.insert(table, columns, group)
        for table, changes in sorted(self._updates.items()):
            for columns, group in _grouped(changes, with_key=True).items():
                self._bulk.update(table, columns, group)

    # --- deciding ---

    def _decide(self, unit: Unit) -> Decided:
        try:
            rows = unit.decide(self._state)
            keys = [key_of(table, row) for table, row in rows.inserts]
            self._check(rows, keys)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits for this unit
            return error
        self._apply(rows, keys)
        return rows

    def _check(self, rows: Rows, keys: Sequence[PrimaryKey]) -> None:
        """Refuse as a whole what can't be applied as a whole."""
        gone = set(rows.deletes)
        new: set[tuple[str, PrimaryKey]] = set()
        for (table, _), key in zip(rows.inserts, keys, strict=True):
            taken = key in self._inserts[table] or self._state.has_row(table, key)
            if (taken and (table, key) not in gone) or (table, key) in new:
                raise IntegrityError(f"INSERT INTO {table}", None, ValueError("the key is taken"))
            new.add((table, key))
        for table, key in gone:
            self._need(table, key)
        for table, key, _ in rows.updates:
            if (table, key) not in new:
                self._need(table, key)

    def _need(self, table: str, key: PrimaryKey) -> None:
        if not self._state.has_row(table, key):
            raise LookupError(f"a decision changes a row of {table} that it has not read")

    def _apply(self, rows: Rows, keys: Sequence[PrimaryKey]) -> None:
        for table, key in rows.deletes:
            self._state.delete(table, key)
            self._updates[table].pop(key, None)
            if self._inserts[table].pop(key, None) is None:
                self._deletes[table][key] = None
        for (table, row), key in zip(rows.inserts, keys, strict=True):
            self._inserts[table][key] = self._state.insert(table, key, row)
        for table, key, changes in rows.updates:
            self._change(table, key, changes)

    def _change(self, table: str, key: PrimaryKey, changes: Row) -> None:
        if self._state.has_row(table, key):
            self._state.update(table, key, changes)
        inserted = self._inserts[table].get(key)
        if inserted is not None:
            self._inserts[table][key] = {**inserted, **changes}
        else:
            self._updates[table].setdefault(key, {}).update(changes)

    # --- reading ---

    def _read(self, reads: Iterable[Read]) -> bool:
        groups: dict[tuple[str, Columns, bool], dict[Values, None]] = defaultdict(dict)
        new = False
        for read in reads:
            if isinstance(read, Scan):
                new = self._scan(read) or new
            elif not self._state.knows(read):
                groups[read.table, read.columns, read.lock][read.values] = None
        for (table, columns, lock), wanted in sorted(groups.items()):  # one order everywhere, as above
            rows = self._bulk.match(table, columns, list(wanted), lock=lock)
            self._state.load(table, columns, wanted, rows, lock=lock)
        return new or bool(groups)

    def _scan(self, scan: Scan) -> bool:
        if self._state.has_scanned(scan):
            return False
        result = self._connection.execute(scan.statement, dict(scan.values))
        names = tuple(result.keys())
        self._state.load_scan(scan, [dict(zip(names, row, strict=True)) for row in result])
        return True


def bulk_for(connection: Connection) -> Bulk:
    """How this connection's database takes many rows."""
    return SqliteBulk(connection) if connection.dialect.name == "sqlite" else PostgresqlBulk(connection)


def _grouped(rows: Mapping[PrimaryKey, Row], *, with_key: bool) -> dict[Columns, list[Values]]:
    """Rows by the columns they set, each group in the order of the keys."""
    groups: dict[Columns, list[Any]] = {}
    for key in sorted(rows):
        row = rows[key]
        values = (*row.values(), *key) if with_key else tuple(row.values())
        groups.setdefault(tuple(row), []).append(values)
    return groups
