"""A database with every table, on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest

from voip_sms.store.database import Database, open_database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()
