"""Brings a database's schema to this version's: `voip-sms db upgrade`, and each start on SQLite."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from voip_sms.store.errors import DatabaseTooNewError, DatabaseTooOldError

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x766F6970
"""Any number of our own: who migrates PostgreSQL holds the advisory lock of this name."""
LOCK_SECONDS = 10
"""How long a migration waits for tables in use, before it gives up and changes nothing."""


def upgrade(engine: Engine) -> None:
    """Run every missing revision in one transaction; all or nothing. DatabaseTooNewError changes nothing."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # a big table takes its time
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _refuse_newer(_revision(connection))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def at_head(engine: Engine) -> bool:
    """Whether the schema is this version's. DatabaseTooNewError when a newer version migrated it."""
    with engine.connect() as connection:
        found = _revision(connection)
    _refuse_newer(found)
    return found == _script().get_current_head()


def need_head(engine: Engine) -> None:
    """DatabaseTooOldError, saying what to do, unless the schema is this version's."""
    if not at_head(engine):
        raise DatabaseTooOldError("the database is not at this version's schema: run voip-sms db upgrade")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in _script().walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseTooNewError(
            f"a newer version has migrated this database (revision {found}); install that version again"
        )
