"""What a batch asks of a database: many rows of one table in one go, past SQLAlchemy's work per row.

Statements are made once per table and set of columns, values travel as plain tuples: through SQLAlchemy's
executemany the same rows took SQLite twice and PostgreSQL three times as long (`bench/store.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import JSON, Column, Connection
from sqlalchemy.exc import DBAPIError

from voip_sms.store.tables import metadata

Row = dict[str, Any]
Values = tuple[Any, ...]
Columns = tuple[str, ...]


class Wanted(NamedTuple):
    """Whole rows of `table` whose `columns` equal one of `values` (distinct, no None)."""

    table: str
    columns: Columns
    values: Sequence[Values]
    lock: bool


class Bulk(Protocol):
    """Rows of one table at a time, inside the caller's transaction. Raises SQLAlchemy's DBAPIError family.

    Values stand in the order of `columns`; JSON columns take and give Python values. A column that the table
    has not is a KeyError before anything is sent.
    """

    def match(self, wanted: Sequence[Wanted]) -> list[list[Row]]:
        """The rows of each, one after the other; each locked in the key's order if it wants to be."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """What is written within may be sent as one, and its errors come at the end."""
        ...

    def insert(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        """Add rows; columns left out take their defaults."""
        ...

    def update(self, table: str, columns: Columns, rows: Sequence[Values]) -> None:
        """Set `columns` of the rows whose key stands behind the new values in each of `rows`."""
        ...

    def delete(self, table: str, keys: Sequence[Values]) -> None:
        """Remove the rows with these keys."""
        ...


@cache
def key_columns(table: str) -> Columns:
    """The names of a table's key columns."""
    return tuple(column.name for column in metadata.tables[table].primary_key.columns)


@cache
def all_columns(table: str) -> Columns:
    """The names of all columns of a table."""
    return tuple(column.name for column in metadata.tables[table].columns)


def column_of(table: str, name: str) -> Column[Any]:
    """A table's column; KeyError."""
    return metadata.tables[table].columns[name]


@cache
def json_places(table: str, columns: Columns) -> tuple[int, ...]:
    """Which of `columns` hold JSON."""
    return tuple(n for n, name in enumerate(columns) if isinstance(column_of(table, name).type, JSON))


def quoted(table: str, columns: Columns) -> list[str]:
    """The columns' names as SQL; KeyError for one that the table has not."""
    return [f'"{column_of(table, name).name}"' for name in columns]


@contextmanager
def translated(connection: Connection) -> Iterator[Any]:
    """Gives the driver's connection; its errors come out as SQLAlchemy's, as if it had been asked."""
    dialect = connection.dialect
    base: type[Exception] = dialect.loaded_dbapi.Error
    driver = connection.connection.dbapi_connection
    try:
        yield driver
    except base as error:
        gone = dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
        raise DBAPIError.instance(
            None,
            None,
            error,
            base,
            hide_parameters=True,
            connection_invalidated=gone,
            dialect=dialect,
        ) from error
