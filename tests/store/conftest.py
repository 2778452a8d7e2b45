"""A database with every table, on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest

from support.postgres import PostgresServer
from voip_sms.store.database import Database, open_database
from voip_sms.store.tables import metadata


@pytest.fixture(scope="session")
def store_template(pg_server: PostgresServer) -> str:
    """The name of a database with every table: a copy of it takes a fraction of making them."""
    url = pg_server.fresh_database()
    database = open_database(url)
    metadata.create_all(database.writer)
    database.close()
    return url.rpartition("/")[2]


@pytest.fixture(params=("sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql"))))
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        database = open_database(request.getfixturevalue("sqlite_url"))
        metadata.create_all(database.writer)
        yield database
        database.close()
        return
    server = request.getfixturevalue("pg_server")
    url = server.fresh_database(request.getfixturevalue("store_template"))
    database = open_database(url)
    yield database
    database.close()
    server.drop(url)
