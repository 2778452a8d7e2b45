"""Rows that the writer wrote last: while nobody else writes, they need not be read again.

For SQLite alone. There a writing transaction has the whole file, and the file says whether anybody else has
written since: then all is forgotten. On PostgreSQL other nodes write all the time, and reading is locking.
"""

from typing import Final

from sqlalchemy import Connection

from voip_sms.store.bulk import Columns, Row, Values, key_columns, translated
from voip_sms.store.sheet import Sheet, whole

TABLES: Final = frozenset({"balance", "mail_thread", "message", "part", "usage"})
"""What an outcome, a receipt or a sender's next mail asks for soon after. No JSON: as written is as read."""
USUALLY_EMPTY: Final = frozenset({"orphan_receipt"})
"""What every outcome asks for, and finds nothing."""
MOST: Final = 4_000
"""Rows of a generation, of which there are two: about fifteen megabytes, and a second of full load."""


class Memory:
    """Used by the writer's thread alone, within its transactions."""

    def __init__(self) -> None:
        self._young: dict[tuple[str, Values], Row] = {}
        self._old: dict[tuple[str, Values], Row] = {}
        self._empty: set[str] = set()
        self._version: int | None = None

    def check(self, connection: Connection) -> None:
        """At a transaction's start: forget everything if somebody else has written since the last."""
        with translated(connection) as driver:
            # https://www.sqlite.org/pragma.html#pragma_data_version: it moves with others' commits only.
            version: int = driver.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.forget()
            self._version = version

    def row(self, table: str, columns: Columns, values: Values) -> Row | None:
        """The row with these values of its key as it stands; None: it must be read."""
        if table not in TABLES or columns != key_columns(table):
            return None
        place = (table, values)
        return self._young.get(place) or self._old.get(place)

    def is_empty(self, table: str) -> bool:
        """Whether a table is known to have no rows at all."""
        return table in self._empty

    def found_nothing(self, table: str, connection: Connection) -> None:
        """A query brought nothing: if that is no wonder, the next one can be spared."""
        if table not in USUALLY_EMPTY:
            return
        with translated(connection) as driver:
            if driver.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}")').fetchone()[0] == 0:  # noqa: S608 - ours
                self._empty.add(table)

    def keep(self, sheets: list[Sheet]) -> None:
        """After a commit: take what was written."""
        for sheet in sheets:
            if sheet.inserts:
                self._empty.discard(sheet.table)
            if sheet.table in TABLES:
                self._take(sheet)

    def forget(self) -> None:
        """Know nothing: a transaction failed, or something else wrote."""
        self._young, self._old = {}, {}
        self._empty.clear()

    def _take(self, sheet: Sheet) -> None:
        table = sheet.table
        for key in sheet.deletes:
            self._young.pop((table, key), None)
            self._old.pop((table, key), None)
        for key, row in sheet.inserts.items():
            self._young[table, key] = whole(table, row)
        for key in sheet.updates:
            self._young[table, key] = sheet.rows[key]
        if len(self._young) > MOST:
            self._young, self._old = {}, self._young
