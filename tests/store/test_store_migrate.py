"""The revisions make exactly the schema that the tables describe, on both databases, and all or nothing."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from voip_sms.store import migrate
from voip_sms.store.config import current_generation
from voip_sms.store.database import open_database
from voip_sms.store.errors import DatabaseTooNewError, DatabaseTooOldError
from voip_sms.store.tables import metadata

SQLITE_DDL = text(
    "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> 'alembic_version'"
)
TOP_COMMA = re.compile(r"\n|(?<=[)\w']), (?=[a-z_]+ [A-Z]+)")
"""Between columns and constraints: as SQLAlchemy writes a table, and as ALTER TABLE adds to one."""
POSTGRESQL_COLUMNS = text(
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2"
)
POSTGRESQL_INDEXES = text(
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
)


@pytest.fixture
def database(empty_database_url):
    database = open_database(empty_database_url)
    yield database
    database.close()


def test_a_fresh_database_comes_to_head(database):
    assert not migrate.at_head(database.writer)
    with pytest.raises(DatabaseTooOldError, match="voip-sms db upgrade"):
        migrate.need_head(database.writer)
    migrate.upgrade(database.writer)
    assert migrate.at_head(database.writer)
    migrate.need_head(database.writer)
    migrate.upgrade(database.writer)  # once more changes nothing
    with database.reader.connect() as connection:
        assert current_generation(connection) == 0


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # which it can't see on SQLite; see below
def test_alembic_finds_nothing_to_add(database):
    migrate.upgrade(database.writer)
    with database.writer.connect() as connection:
        opts = {"compare_type": True, "include_object": _comparable}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []


def _comparable(_thing, name, kind, *_):
    """PostgreSQL writes an expression its own way: the two tests below compare what each database has."""
    return (kind, name) != ("index", "ix_message_peer")


def test_sqlite_ddl_is_letter_for_letter_the_tables(sqlite_url, tmp_path):
    """Partial indexes and WITHOUT ROWID included, which alembic does not compare."""
    migrated, made = open_database(sqlite_url), open_database(f"sqlite:///{tmp_path / 'made.db'}")
    migrate.upgrade(migrated.writer)
    metadata.create_all(made.writer)
    found = []
    for database in (migrated, made):
        with database.reader.connect() as connection:
            found.append({name: _loose(sql) for name, sql in connection.execute(SQLITE_DDL)})
        database.close()
    assert found[0] == found[1]


def _loose(sql):
    """The same definition whatever the order of columns and constraints, and the white space between words."""
    return sorted(" ".join(piece.split()).strip(" ,").removesuffix(")") for piece in TOP_COMMA.split(sql))


@pytest.mark.peer("postgresql")
def test_postgresql_schema_is_the_same_as_the_tables(pg_server, pg_url):
    other = pg_server.fresh_database()
    migrated, made = open_database(pg_url), open_database(other)
    migrate.upgrade(migrated.writer)
    metadata.create_all(made.writer)
    for query in (POSTGRESQL_COLUMNS, POSTGRESQL_INDEXES):
        found = []
        for database in (migrated, made):
            with database.reader.connect() as connection:
                found.append(connection.execute(query).all())
        assert found[0]
        assert found[0] == found[1]
    migrated.close()
    made.close()
    pg_server.drop(other)


def test_a_newer_schema_is_refused_and_left_alone(database):
    migrate.upgrade(database.writer)
    with database.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for call in (migrate.upgrade, migrate.at_head, migrate.need_head):
        with pytest.raises(DatabaseTooNewError, match="9999"):
            call(database.writer)


def test_a_migration_that_fails_leaves_nothing(database):
    with database.writer.begin() as connection:
        connection.execute(text("CREATE TABLE message (x INTEGER)"))  # in the way of the first revision
    with pytest.raises(DBAPIError):
        migrate.upgrade(database.writer)
    assert inspect(database.writer).get_table_names() == ["message"]
