"""The database: reachable, new enough, at this version's schema, writable, durable, and of our own time."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from voip_sms.app.administration import settings_url
from voip_sms.app.doctor.findings import Finding
from voip_sms.app.doctor.machine import disk
from voip_sms.core.directory import Directory
from voip_sms.store import migrate, snapshot
from voip_sms.store.database import Database, check
from voip_sms.store.errors import DatabaseError, DatabaseUnreachableError, brief

SKEW: Final = 2.0
"""Seconds that two clocks on one healthy network never differ by."""
_DURABLE: Final = {
    "fsync": frozenset({"on"}),
    "full_page_writes": frozenset({"on"}),
    "synchronous_commit": frozenset({"on", "local", "remote_write", "remote_apply"}),
}
"""Settings of PostgreSQL without which a commit may be lost, and the values that keep it."""


def look(database: Database, data_dir: Path) -> Iterator[Finding]:
    """Everything about it. Only the first finding is called `database`."""
    where = settings_url(database)
    if database.file is not None and not database.file.exists():
        yield Finding("skip", "database", f"{where}: not there yet", "serve or apply makes it")
        return
    try:
        check(database)
        if not migrate.at_head(database.writer):
            advice = "run voip-sms db upgrade (on SQLite a start of serve does it)"
            yield Finding("fail", "database", f"{where}: an older schema", advice)
            return
        yield Finding("ok", "database", f"{where}, {_version(database)}")
        yield from _sqlite(database, data_dir) if database.is_sqlite else _postgresql(database)
    except (DatabaseError, SQLAlchemyError, OSError) as error:
        said = str(error) if isinstance(error, DatabaseError) else f"{where}: {brief(error)}"
        told = isinstance(error, DatabaseError) and not isinstance(error, DatabaseUnreachableError)
        yield Finding("fail", "database", said, "" if told else _advice(database))


def directory(database: Database) -> Directory:
    """All configuration. SQLAlchemyError."""
    with database.reader.connect() as connection:
        return snapshot.load(connection)


def _advice(database: Database) -> str:
    if database.is_sqlite:
        return "are file and folder this user's, and is no other program holding the file?"
    return "do host, port, user and password (.pgpass) open psql as this user?"


def _version(database: Database) -> str:
    with database.reader.connect() as connection:
        found = connection.dialect.server_version_info or ()
    name = "SQLite" if database.is_sqlite else "PostgreSQL"
    return f"{name} {'.'.join(map(str, found))}, schema at head"


def _sqlite(database: Database, data_dir: Path) -> Iterator[Finding]:
    try:
        with database.writer.begin():  # BEGIN IMMEDIATE takes the right to write; nothing is written
            pass
    except SQLAlchemyError as error:
        advice = "chown it to the service's user; or wait, if another program holds it"
        yield Finding("fail", "database.write", brief(error), advice)
    else:
        yield Finding("ok", "database.write", "this user may write")
    if database.file is not None and database.file.parent != data_dir:
        yield disk("database.disk", database.file.parent)


def _postgresql(database: Database) -> Iterator[Finding]:
    with database.writer.connect() as connection:
        standby = bool(connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one())
        may = bool(
            connection.execute(
                text("SELECT has_table_privilege(current_user, 'message', 'INSERT, UPDATE, DELETE')")
            ).scalar_one()
        )
        read_only = connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"
        durable = {name: str(connection.execute(text(f"SHOW {name}")).scalar_one()) for name in _DURABLE}
        before = time.time()
        theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
        after = time.time()
    yield _may_write(standby=standby, read_only=read_only, may=may)
    yield _durability(durable)
    yield _skew(theirs, before, after)


def _may_write(*, standby: bool, read_only: bool, may: bool) -> Finding:
    if standby:
        return Finding(
            "fail", "database.write", "this server is a standby", "name the primary in database.url"
        )
    if read_only:
        advice = "take default_transaction_read_only off for this role and database"
        return Finding("fail", "database.write", "transactions are read-only", advice)
    if not may:
        return Finding("fail", "database.write", "this role may not write", "make it the owner of the tables")
    return Finding("ok", "database.write", "this role may write")


def _durability(found: dict[str, str]) -> Finding:
    wrong = [f"{name} = {value}" for name, value in found.items() if value not in _DURABLE[name]]
    if wrong:
        advice = "switch it on: what was acknowledged would be lost with the power"
        return Finding("fail", "database.durable", ", ".join(wrong), advice)
    return Finding("ok", "database.durable", "a commit is on disk")


def _skew(theirs: float, before: float, after: float) -> Finding:
    """The answer was made between `before` and `after`; outside of that the clocks differ."""
    away = max(before - theirs, theirs - after, 0.0)
    if away > SKEW:
        advice = "keep both clocks right (chrony): several nodes count on it"
        return Finding("warn", "database.clock", f"the server's clock is {away:.0f} s away from ours", advice)
    return Finding("ok", "database.clock", "as ours")
