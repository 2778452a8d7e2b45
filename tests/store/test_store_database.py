"""Engines from a URL: the settings that durability and bounded waits rest on, and errors that say what to do."""

import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from voip_sms.store.database import check, erase_deleted, open_database
from voip_sms.store.errors import (
    DatabaseUnreachableError,
    DatabaseUrlError,
    FolderLockedError,
    FolderUnsafeError,
)
from voip_sms.store.folder import lock_folder, make_private


def test_both_databases_answer(empty_database_url):
    database = open_database(empty_database_url)
    check(database)
    with database.writer.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (1)"))
    with database.reader.connect() as connection:
        assert connection.execute(text("SELECT n FROM t")).scalar() == 1
    database.close()


def test_readers_cannot_write(empty_database_url):
    database = open_database(empty_database_url)
    with database.writer.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    with pytest.raises(DBAPIError), database.reader.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    database.close()


def test_a_rolled_back_transaction_leaves_nothing_not_even_tables(empty_database_url):
    database = open_database(empty_database_url)
    connection = database.writer.connect()
    transaction = connection.begin()
    connection.execute(text("CREATE TABLE t (n INTEGER)"))
    transaction.rollback()
    with pytest.raises(DBAPIError):
        connection.execute(text("SELECT n FROM t"))
    connection.close()
    database.close()


def test_a_reader_sees_one_moment(empty_database_url):
    """Several queries of one read agree, although a commit came between them (SQLite: our own BEGIN)."""
    database = open_database(empty_database_url)
    with database.writer.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    reading = database.reader.connect()
    assert reading.execute(text("SELECT count(*) FROM t")).scalar() == 0
    with database.writer.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
    assert reading.execute(text("SELECT count(*) FROM t")).scalar() == 0
    reading.close()
    database.close()


def test_sqlite_is_durable_and_forgets_what_is_deleted(sqlite_url):
    database = open_database(sqlite_url)
    with database.writer.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "busy_timeout": 1500}
    assert stat.S_IMODE(database.file.stat().st_mode) == 0o600
    database.close()


def test_deleted_text_is_gone_from_the_sqlite_files(sqlite_url):
    database = open_database(sqlite_url)
    with database.writer.begin() as connection:
        connection.execute(text("CREATE TABLE t (body TEXT)"))
        connection.execute(text("INSERT INTO t VALUES ('a very private text')"))
    with database.writer.begin() as connection:
        connection.execute(text("DELETE FROM t"))
    erase_deleted(database)
    for path in database.file.parent.glob(database.file.name + "*"):
        assert b"very private" not in path.read_bytes()
    database.close()


def test_the_writer_locks_at_begin_and_waits_a_bounded_time(sqlite_url):
    database = open_database(sqlite_url)
    check(database)
    other = sqlite3.connect(database.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(OperationalError, match="locked"), database.writer.begin():
        pytest.fail("the transaction began although another one writes")
    assert 1.5 < time.monotonic() - began < 3
    other.close()
    database.close()


@pytest.mark.peer("postgresql")
def test_postgresql_bounds_every_statement(pg_url):
    database = open_database(pg_url)
    began = time.monotonic()
    with pytest.raises(OperationalError), database.writer.begin() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 3
    database.close()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "sqlite:///f.db?mode=ro"]
)
def test_urls_that_cannot_be_used_are_named(url):
    with pytest.raises(DatabaseUrlError, match=r"database\.url"):
        open_database(url)


def test_nobody_there_is_said_without_the_password():
    database = open_database("postgresql://user:pa55word@127.0.0.1:1/db")
    with pytest.raises(DatabaseUnreachableError) as caught:
        check(database)
    assert "127.0.0.1:1/db" in str(caught.value)
    assert "pa55word" not in str(caught.value)


def test_a_relative_file_counts_from_the_base(tmp_path):
    database = open_database("sqlite:///x.db", tmp_path)
    check(database)
    assert (tmp_path / "x.db").exists()
    database.close()


# --- the folder ---------------------------------------------------------------------------------------------


def test_the_folder_is_made_and_kept_private(tmp_path):
    folder = tmp_path / "a" / "b"
    make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_shared_folder_is_refused_not_closed(tmp_path):
    tmp_path.chmod(0o1777)
    with pytest.raises(FolderUnsafeError, match="choose another data_dir"):
        make_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_a_file_in_its_place_is_named(tmp_path):
    (tmp_path / "var").write_text("")
    with pytest.raises(FolderUnsafeError, match="var"):
        make_private(tmp_path / "var")


def test_a_second_process_is_refused_until_the_first_ends(tmp_path):
    code = (
        "import sys, pathlib; from voip_sms.store.folder import lock_folder\n"
        "lock = lock_folder(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(FolderLockedError, match=f"pid {process.pid}"):
        lock_folder(tmp_path)
    process.kill()
    process.wait(10)
    process.stdin.close()
    process.stdout.close()
    with lock_folder(tmp_path):
        assert (tmp_path / "serve.lock").read_text() == f"{os.getpid()}\n"
