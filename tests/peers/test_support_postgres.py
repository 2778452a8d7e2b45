"""The PostgreSQL that other tests stand on: private, fresh for each, able to go away and come back."""

import psycopg
import pytest

from support.postgres import PostgresServer

pytestmark = pytest.mark.peer("postgresql")


def _rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_each_test_gets_a_database_of_its_own(pg_server: PostgresServer) -> None:
    first, second = pg_server.fresh_database(), pg_server.fresh_database()
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute("CREATE TABLE mark (n int)")

    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert _rows(first, tables) == [(1,)]
    assert _rows(second, tables) == [(0,)]


def test_a_copy_of_a_prepared_database_has_its_tables(pg_server: PostgresServer) -> None:
    prepared = pg_server.fresh_database()
    with psycopg.connect(prepared, autocommit=True) as connection:
        connection.execute("CREATE TABLE mark AS SELECT 7 AS n")

    copy = pg_server.fresh_database(template=prepared.rpartition("/")[2])

    assert _rows(copy, "SELECT n FROM mark") == [(7,)]


def test_it_is_postgresql_on_loopback_in_utc(pg_url: str) -> None:
    assert "@127.0.0.1:" in pg_url
    assert _rows(pg_url, "SHOW timezone") == [("UTC",)]
    assert _rows(pg_url, "SHOW server_encoding") == [("UTF8",)]


def test_an_outage_ends_and_what_was_committed_is_there() -> None:
    server = PostgresServer().start()
    try:
        url = server.fresh_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE mark AS SELECT 1 AS n")
        server.end_process()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2)
        server.start_again()
        assert _rows(url, "SELECT n FROM mark") == [(1,)]
    finally:
        server.stop()


def test_the_same_test_runs_on_both_databases(database_url: str, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["database_url"]
    assert database_url.startswith({"sqlite": "sqlite:///", "postgresql": "postgresql://"}[kind])
