"""What can be wrong with a database: types whose texts say what to do, and whom a driver's error blames."""

from sqlalchemy.exc import DataError as BadDataError
from sqlalchemy.exc import DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class DatabaseError(Exception):
    """The database can't be used as it is; the text tells an operator what to do. A start ends here."""


class DatabaseUrlError(DatabaseError):
    """`database.url` names no database that this service can use."""


class DatabaseUnreachableError(DatabaseError):
    """Nobody answers there, or not with these credentials."""


class DatabaseTooOldError(DatabaseError):
    """Its schema (or its server) is older than this version needs."""


class DatabaseTooNewError(DatabaseError):
    """A newer version of this service has migrated it."""


class FolderLockedError(DatabaseError):
    """Another process serves from this folder."""


class FolderUnsafeError(DatabaseError):
    """The data folder can't be made private."""


# SQLSTATE classes of PostgreSQL (appendix A): the transaction lost a race and may simply be tried again.
_LOST_RACE = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected


def is_culprits(error: Exception) -> bool:
    """Whether one unit's rows are to blame (a constraint, a value no column takes), not the database."""
    if isinstance(error, DBAPIError):
        blame = (IntegrityError, BadDataError, ProgrammingError, NotSupportedError)
        return isinstance(error, blame) and not error.connection_invalidated
    return not isinstance(error, (PoolTimeoutError, OSError))


def may_try_again(error: Exception) -> bool:
    """Whether the same transaction, begun anew at once, has a chance: a lost race or a stale connection."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _LOST_RACE


def brief(error: Exception) -> str:
    """One line about an error for a log: no parameters, no row contents (they follow in further lines)."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).splitlines() or [""]
    return f"{type(cause).__name__}: {lines[0]}"
