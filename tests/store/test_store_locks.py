"""SQLite's locks are the process's (POSIX): closing any descriptor of the file would drop them all."""

import subprocess
import sys

from sqlalchemy import text

from voip_sms.store.database import open_database

LOOK = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('SELECT count(*) FROM t').fetchone()[0]); c.close()"


def seen_from_outside(path):
    """What another process counts. When it leaves and finds nobody else's lock, it removes the log."""
    done = subprocess.run([sys.executable, "-c", LOOK, str(path)], check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_a_new_writing_connection_takes_nobody_the_log_away(tmp_path):
    """The service connects anew after a failure; an `apply` that ends then must not take it for gone."""
    path = tmp_path / "voip-sms.db"
    database = open_database(f"sqlite:///{path}")
    with database.writer.begin() as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
    with database.reader.connect() as reader:
        reader.execute(text("SELECT 1"))
        with database.writer.connect() as connection:
            connection.invalidate()
        with database.writer.begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
        assert seen_from_outside(path) == 1
        with database.writer.begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (2)"))
        assert seen_from_outside(path) == 2
    database.close()
    assert seen_from_outside(path) == 2
