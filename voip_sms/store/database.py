"""Opens the database behind a URL: an engine for the one who writes and a pool for those who read."""

import json
import os
import socket
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from voip_sms.store.errors import (
    DatabaseTooOldError,
    DatabaseUnreachableError,
    DatabaseUrlError,
    brief,
)

LOCK_MS = 1_500
"""How long a statement waits for another's lock. A door answers 503 within about three seconds: a unit waits
up to 1.4 for its turn (`engine.submit`), its transaction may then take 1.8 (`store.transactions`)."""
STATEMENT_MS = 2_000
"""How long a PostgreSQL statement may run: ours take milliseconds, a page of an unusual listing more."""
CONNECT_SECONDS = 2
"""The least that libpq takes; a start-up packet on a healthy network needs milliseconds."""
READERS = 4
"""Reading connections: as many queries as two to four cores can answer at once."""
WRITER_CACHE_KIB = 65_536
READER_CACHE_KIB = 8_192
"""Pages SQLite keeps in memory: the live end of the queue's tables fits."""
LOG_BYTES = 64 * 2**20
"""What SQLite's log shrinks back to after a burst."""
STATEMENTS = 512
"""Compiled statements kept per connection: more than the service has."""

OLDEST_SQLITE = (3, 37, 0)
OLDEST_POSTGRESQL = (13, 0)


@dataclass(frozen=True, slots=True)
class Database:
    """Two engines on one database. Opening connects to nothing yet."""

    url: URL
    writer: Engine
    reader: Engine

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of ours (we migrate it and lock its folder) or a server."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for a server."""
        return Path(self.url.database or "") if self.is_sqlite else None

    def close(self) -> None:
        """Close every pooled connection."""
        self.reader.dispose()
        self.writer.dispose()


def open_database(url: str, base: Path | None = None) -> Database:
    """Engines for `sqlite:///file` (relative to `base`) or `postgresql://…`; DatabaseUrlError otherwise."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseUrlError("database.url: not a URL; write sqlite:///file or postgresql://…") from error
    if parsed.drivername == "sqlite":
        return _open_sqlite(parsed, base)
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return _open_postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise DatabaseUrlError(
        f"database.url: {parsed.drivername} is not supported; write sqlite:///file or postgresql://…"
    )


def check(database: Database) -> None:
    """Connect once. DatabaseUnreachableError, or DatabaseTooOldError for a server below what we need."""
    needed = OLDEST_SQLITE if database.is_sqlite else OLDEST_POSTGRESQL
    try:
        with database.writer.connect() as connection:
            connection.execute(text("SELECT 1"))
            version = connection.dialect.server_version_info or (0,)
    except (SQLAlchemyError, OSError) as error:
        where = database.url.render_as_string(hide_password=True)
        raise DatabaseUnreachableError(f"{where}: {brief(error)}") from error
    if version < needed:
        raise DatabaseTooOldError(
            f"{database.url.get_backend_name()} {'.'.join(map(str, version))} is too old; "
            f"install {'.'.join(map(str, needed))} or newer"
        )


def erase_deleted(database: Database) -> None:
    """After texts were deleted: make them unrecoverable as far as we can. Blocks; call it on a thread.

    SQLite overwrites what it deletes (secure_delete) and here empties its log, which still has the pages as
    they were. PostgreSQL needs VACUUM (its autovacuum will do) and the recycling of its log.
    """
    if database.is_sqlite:
        with database.writer.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # past our BEGIN: it works outside transactions


def cut_off(driver: Any) -> None:
    """From another thread: make what a driver's connection is waiting for fail at once."""
    if isinstance(driver, sqlite3.Connection):
        driver.interrupt()
    elif driver is not None:
        # psycopg waits on this socket for as long as the server keeps it open; a copy is ours to shut.
        with suppress(Exception), socket.socket(fileno=os.dup(driver.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)


# --- SQLite -------------------------------------------------------------------------------------------------


def _open_sqlite(url: URL, base: Path | None) -> Database:
    if not url.database or url.database == ":memory:" or url.query:
        raise DatabaseUrlError(
            "database.url: SQLite needs a file, and takes no options: sqlite:///folder/file.db"
        )
    url = url.set(database=str((base or Path()) / url.database))
    writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE", cache=WRITER_CACHE_KIB, size=1, overflow=2)
    reader = _sqlite_engine(url, begin="BEGIN", cache=READER_CACHE_KIB, size=READERS, overflow=0, reads=True)
    return Database(url, writer, reader)


def _sqlite_engine(
    url: URL, *, begin: str, cache: int, size: int, overflow: int, reads: bool = False
) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=overflow,
        pool_timeout=LOCK_MS / 1000,
        hide_parameters=True,
        json_deserializer=_json_or_none,
        connect_args={
            "timeout": LOCK_MS / 1000,
            "check_same_thread": False,
            "cached_statements": STATEMENTS,
            # The driver's own BEGINs come late and only before some statements: ours come at every begin().
            "isolation_level": None,
        },
    )
    path = Path(url.database or "")

    def prepare(driver: sqlite3.Connection, _record: object) -> None:
        driver.execute(f"PRAGMA cache_size = -{cache}")
        driver.execute("PRAGMA temp_store = MEMORY")
        if reads:
            driver.execute("PRAGMA query_only = ON")
            return
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute("PRAGMA synchronous = FULL")
        driver.execute("PRAGMA secure_delete = ON")
        driver.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")

    def make_file(*_: object) -> None:
        # Its log inherits the rights. An existing file must not be opened here: closing it again would drop
        # every lock that this process holds on it (fcntl), and another one would remove the log under us.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    if not reads:
        event.listen(engine, "do_connect", make_file)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _json_or_none(text_: str) -> Any:
    """Nobody checks what a hand writes into SQLite: one broken value must not hide all other rows."""
    try:
        return json.loads(text_)
    except ValueError:
        return None


# --- PostgreSQL ---------------------------------------------------------------------------------------------


def _open_postgresql(url: URL) -> Database:
    return Database(
        url,
        _postgresql_engine(url, size=1, overflow=2),
        _postgresql_engine(url, size=READERS, overflow=0, reads=True),
    )


def _postgresql_engine(url: URL, *, size: int, overflow: int, reads: bool = False) -> Engine:
    settings: dict[str, object] = {
        "statement_timeout": STATEMENT_MS,
        "lock_timeout": LOCK_MS,
        # Only a stopped process of ours leaves a transaction open that long: its locks must not outlive it.
        "idle_in_transaction_session_timeout": 10 * LOCK_MS,
        "timezone": "UTC",
        "jit": "off",  # our statements are shorter than compiling them
        # Plans are made while tables are empty, when reading a whole one seems cheapest, and kept later on.
        "enable_seqscan": "off",
    }
    if reads:  # several queries of one read see one moment
        settings |= {
            "default_transaction_read_only": "on",
            "default_transaction_isolation": "repeatable\\ read",
        }
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=overflow,
        pool_timeout=LOCK_MS / 1000,
        hide_parameters=True,
        connect_args={
            "application_name": "voip-sms",
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            # A server that vanished without a word is noticed by the kernel in about three seconds.
            "keepalives": 1,
            "keepalives_idle": 1,
            "keepalives_interval": 1,
            "keepalives_count": 2,
            "tcp_user_timeout": 3_000,
        },
    )
