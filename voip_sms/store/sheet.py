"""One table within a batch: its rows as they stand, by what was asked for, and what is to be written."""

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, Column, String

from voip_sms.store.bulk import Columns, Row, Values, all_columns, key_columns
from voip_sms.store.tables import metadata

PrimaryKey = tuple[Any, ...]


class Sheet:
    """Rows once given out never change under their holder's hands: changes make new ones."""

    __slots__ = (
        "_found",
        "_known",
        "_locked",
        "deletes",
        "inserts",
        "key_columns",
        "key_of",
        "rows",
        "table",
        "updates",
    )

    def __init__(self, table: str) -> None:
        self.table = table
        self.key_columns = key_columns(table)
        self.key_of = reader(self.key_columns)
        self.rows: dict[PrimaryKey, Row] = {}
        """What was read, with all columns; and what was inserted where a read would have found it."""
        self.inserts: dict[PrimaryKey, Row] = {}
        self.updates: dict[PrimaryKey, Row] = {}
        self.deletes: dict[PrimaryKey, None] = {}
        # Values that were asked for, by columns: unlocked or locked, and locked.
        self._known: dict[Columns, set[Values]] = {}
        self._locked: dict[Columns, set[Values]] = {}
        # Keys of rows by the values of other columns than the key's.
        self._found: dict[Columns, dict[Values, dict[PrimaryKey, None]]] = {}

    # --- reading ---

    def knows(self, columns: Columns, values: Values, *, lock: bool) -> bool:
        """Whether these rows were read already, and locked if they are to be."""
        return values in (self._locked if lock else self._known).get(columns, ())

    def load(self, columns: Columns, wanted: Iterable[Values], rows: Iterable[Row], *, lock: bool) -> None:
        """Take what one query brought for the `wanted` values; what is read once more is newer."""
        self._known.setdefault(columns, set()).update(wanted)
        if lock:
            self._locked.setdefault(columns, set()).update(wanted)
        if columns == self.key_columns:
            self.rows.update({self.key_of(row): row for row in rows})
            return
        index = self._found.setdefault(columns, {})
        for values in wanted:
            index.setdefault(values, {})
        values_of = reader(columns)
        for row in rows:
            index[values_of(row)][self.keep(row)] = None

    def load_one(self, key: PrimaryKey, row: Row, *, lock: bool) -> None:
        """Take the row with this key, as `load`."""
        self.rows[key] = row
        columns = self.key_columns
        for asked in (self._known, self._locked) if lock else (self._known,):
            found = asked.get(columns)
            if found is None:
                asked[columns] = {key}
            else:
                found.add(key)

    def keep(self, row: Row) -> PrimaryKey:
        """Take one row that was read; its key."""
        key = self.key_of(row)
        self.rows[key] = row
        return key

    def find(self, columns: Columns, values: Values) -> list[Mapping[str, Any]]:
        """The rows with these values as they stand now: in the key's order, then a batch's own."""
        rows = self.rows
        if columns == self.key_columns:
            return [rows[values]] if values in rows else []
        index = self._found.get(columns)
        keys = index.get(values) if index is not None else None
        if not keys:
            return []
        values_of = reader(columns)
        return [rows[key] for key in keys if key in rows and values_of(rows[key]) == values]

    # --- changing ---

    def insert(self, key: PrimaryKey, row: Row) -> None:
        """Add a row; the units that follow see it where one of their reads would have found it."""
        if self._known and self._show(key, row):
            row = self.rows[key] = whole(self.table, row)
        self.inserts[key] = row

    def update(self, key: PrimaryKey, changes: Row) -> None:
        """Change columns of a row that was read, or inserted in this batch."""
        row, inserted = self.rows.get(key), self.inserts.get(key)
        if row is not None:
            row = self.rows[key] = row | changes
            if self._found:
                self._move(key, row, changes)
        if inserted is not None:
            self.inserts[key] = inserted | changes if row is None else row
        else:
            earlier = self.updates.get(key)
            self.updates[key] = changes if earlier is None else earlier | changes

    def delete(self, key: PrimaryKey) -> None:
        """Remove a row that was read."""
        self.rows.pop(key, None)
        self.updates.pop(key, None)
        if self.inserts.pop(key, None) is None:
            self.deletes[key] = None

    def _show(self, key: PrimaryKey, row: Row) -> bool:
        """Note an inserted row under everything that was asked for; whether there was such."""
        seen = key in self._known.get(self.key_columns, ())
        for columns, index in self._found.items():
            full = row if row.keys() >= set(columns) else whole(self.table, row)
            keys = index.get(reader(columns)(full))
            if keys is not None:
                keys[key] = None
                seen = True
        return seen

    def _move(self, key: PrimaryKey, row: Row, changes: Row) -> None:
        for columns, index in self._found.items():
            if not changes.keys().isdisjoint(columns):
                keys = index.get(reader(columns)(row))
                if keys is not None:
                    keys[key] = None


@cache
def reader(columns: Columns) -> Callable[[Mapping[str, Any]], Values]:
    """What takes the values of `columns` out of a row."""
    if len(columns) == 1:
        column = columns[0]
        return lambda row: (row[column],)
    return itemgetter(*columns)


def whole(table: str, row: Row) -> Row:
    """A row to insert with all its columns, as it will be read."""
    return row if len(row) == len(all_columns(table)) else _defaults(table) | row


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
