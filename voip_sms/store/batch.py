"""One transaction for many units: bulk reads, decisions in turn, few statements per table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from voip_sms.store.bulk import Bulk, Columns, Values, Wanted
from voip_sms.store.bulk_postgresql import PostgresqlBulk
from voip_sms.store.bulk_sqlite import SqliteBulk
from voip_sms.store.memory import Memory
from voip_sms.store.sheet import PrimaryKey, Sheet
from voip_sms.store.units import Match, Read, Row, Rows, Scan, State, Unit

FOLLOWS = 2
"""Rounds of reading what follows from earlier reads: a receipt leads to a part, and that to its siblings."""

Decided = Rows | Exception
"""What one unit came to: its rows, or why it alone failed."""
Follow = Callable[[State], Iterable[Read]]
Place = tuple[Sheet, PrimaryKey]
_NOWHERE: AbstractSet[Place] = frozenset()


class Batch:
    """The units of one transaction. `run` reads and decides, `write` sends the rows; the caller commits."""

    def __init__(self, connection: Connection, memory: Memory | None = None) -> None:
        """`memory`: rows that need not be read; it learns by `keep` what was committed."""
        self._connection = connection
        self._bulk = bulk_for(connection)
        self._memory = memory
        self._state = State()

    def run(self, units: Sequence[Unit]) -> list[Decided]:
        """Read for all, decide one after the other; a decision's exception is its own."""
        self._read(read for unit in units for read in unit.reads)
        self._follow([unit.follow for unit in units if unit.follow is not None])
        return [self._decide(unit) for unit in units]

    def write(self) -> None:
        """Send everything that was decided."""
        with self._bulk.together():
            self._write(self._state.sheets())

    def _write(self, sheets: list[Sheet]) -> None:
        for sheet in sheets:
            if sheet.deletes:
                self._bulk.delete(sheet.table, sorted(sheet.deletes))
        for sheet in sheets:
            for columns, rows in _grouped(sheet.inserts, with_key=False).items():
                self._bulk.insert(sheet.table, columns, rows)
        for sheet in sheets:
            for columns, rows in _grouped(sheet.updates, with_key=True).items():
                self._bulk.update(sheet.table, columns, rows)

    def keep(self) -> None:
        """After the commit: have in memory what was written."""
        if self._memory is not None:
            self._memory.keep(self._state.sheets())

    # --- deciding ---

    def _decide(self, unit: Unit) -> Decided:
        try:
            rows = unit.decide(self._state)
            self._apply(rows)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits for this unit
            return error
        return rows

    def _apply(self, rows: Rows) -> None:
        """Take a unit's rows as a whole, or refuse them as a whole."""
        sheet_of = self._state.sheet
        inserts = [(sheet := sheet_of(table), sheet.key_of(row), row) for table, row in rows.inserts]
        updates = [(sheet_of(table), key, changes) for table, key, changes in rows.updates]
        gone = {(sheet_of(table), key) for table, key in rows.deletes} if rows.deletes else _NOWHERE
        new = _free(inserts, gone) if inserts else _NOWHERE
        for sheet, key in gone:
            _need(sheet, key)
        for sheet, key, _ in updates:
            if key not in sheet.rows and (sheet, key) not in new:
                _need(sheet, key)
        for sheet, key in gone:
            sheet.delete(key)
        for sheet, key, row in inserts:
            sheet.insert(key, row)
        for sheet, key, changes in updates:
            sheet.update(key, changes)

    # --- reading ---

    def _follow(self, follows: list[Follow]) -> None:
        for _ in range(FOLLOWS):
            asked = [(follow, more) for follow in follows if (more := list(follow(self._state)))]
            if not self._read(read for _, more in asked for read in more):
                return
            follows = [follow for follow, _ in asked]  # the others have all they wanted

    def _read(self, reads: Iterable[Read]) -> bool:
        groups: dict[tuple[str, Columns, bool], dict[Values, None]] = defaultdict(dict)
        new = False
        for read in reads:
            if isinstance(read, Scan):
                new = self._scan(read) or new
            elif self._state.knows(read):
                continue
            elif self._remember(read):
                new = True
            else:
                groups[read.table, read.columns, read.lock][read.values] = None
        wanted = [  # in one order everywhere, as above
            Wanted(table, columns, list(values), lock)
            for (table, columns, lock), values in sorted(groups.items())
        ]
        for (table, columns, values, lock), rows in zip(wanted, self._bulk.match(wanted), strict=True):
            self._state.sheet(table).load(columns, values, rows, lock=lock)
            if self._memory is not None and not rows:
                self._memory.found_nothing(table, self._connection)
        return new or bool(groups)

    def _remember(self, match: Match) -> bool:
        """Answer it from memory, if that is certain."""
        table, columns, values, lock = match
        memory = self._memory
        if memory is None:
            return False
        if memory.is_empty(table):
            self._state.sheet(table).load(columns, (values,), (), lock=lock)
            return True
        row = memory.row(table, columns, values)
        if row is None:
            return False
        self._state.sheet(table).load_one(values, row, lock=lock)
        return True

    def _scan(self, scan: Scan) -> bool:
        if self._state.has_scanned(scan):
            return False
        result = self._connection.execute(scan.statement, dict(scan.values))
        names = tuple(result.keys())
        self._state.load_scan(scan, [dict(zip(names, row, strict=True)) for row in result])
        return True


def _free(inserts: Sequence[tuple[Sheet, PrimaryKey, Row]], gone: AbstractSet[Place]) -> AbstractSet[Place]:
    """Where rows are to be inserted. IntegrityError: a key is taken."""
    new = {(sheet, key) for sheet, key, _ in inserts}
    for sheet, key, _ in inserts:
        if (key in sheet.inserts or key in sheet.rows) and (sheet, key) not in gone:
            raise _taken(sheet)
    if len(new) < len(inserts):
        raise _taken(inserts[-1][0])
    return new


def _taken(sheet: Sheet) -> IntegrityError:
    return IntegrityError(f"INSERT INTO {sheet.table}", None, ValueError("the key is taken"))


def _need(sheet: Sheet, key: PrimaryKey) -> None:
    if key not in sheet.rows:
        raise LookupError(f"a decision changes a row of {sheet.table} that it has not read")


def bulk_for(connection: Connection) -> Bulk:
    """How this connection's database takes many rows."""
    return SqliteBulk(connection) if connection.dialect.name == "sqlite" else PostgresqlBulk(connection)


def _grouped(rows: Mapping[PrimaryKey, Row], *, with_key: bool) -> dict[Columns, list[Values]]:
    """Rows by the columns they set, each group in the order of the keys."""
    groups: dict[Columns, list[Values]] = defaultdict(list)
    for key in sorted(rows):
        row = rows[key]
        values = row.values()
        groups[tuple(row)].append((*values, *key) if with_key else tuple(values))
    return groups
