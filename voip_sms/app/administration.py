"""What the operator does to an installation from outside `serve`: apply a file, upgrade, explain."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from voip_sms.app import audit
from voip_sms.app.settings import Settings
from voip_sms.app.subscribers import table
from voip_sms.app.yaml_file import read
from voip_sms.core import ids
from voip_sms.core.clock import SystemClock
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Message, Step
from voip_sms.core.resources import ConfigFile, complaints
from voip_sms.core.resources.documents import Document
from voip_sms.core.resources.handovers import handover_resource
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.engine.accounts.applying import NEVER, Prepared, Report, carry_out, prepare
from voip_sms.engine.accounts.planning import Maker
from voip_sms.engine.accounts.sealing import Vault
from voip_sms.store import handovers, messages, migrate, resolve, snapshot
from voip_sms.store.database import Database, check, open_database
from voip_sms.store.errors import DatabaseUnreachableError, brief
from voip_sms.store.folder import lock_folder, make_private

TRIES: Final = 5
"""Each waits for the database's lock for two seconds: a busy `serve` lets go of it many times a second."""


@contextmanager
def administered(settings: Settings) -> Iterator[Database]:
    """The database at this version's schema; SQLite is made and migrated if need be. DatabaseError."""
    database = open_database(settings.database.url)
    try:
        _prepare(settings, database)
        yield database
    except (OperationalError, PoolTimeoutError) as error:
        raise DatabaseUnreachableError(
            f"{settings_url(database)}: {brief(error)}; try again later"
        ) from error
    finally:
        database.close()


def settings_url(database: Database) -> str:
    """The database's URL without its password."""
    return database.url.render_as_string(hide_password=True)


def upgrade(settings: Settings) -> None:
    """`voip-sms db upgrade`. DatabaseError."""
    database = open_database(settings.database.url)
    try:
        make_folders(settings, database)
        check(database)
        migrate.upgrade(database.writer)
    finally:
        database.close()


def make_folders(settings: Settings, database: Database) -> None:
    """Make the data folder, and SQLite's if it is another."""
    make_private(settings.data_dir)
    if database.file is not None:
        database.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)


def served_folder(settings: Settings, database: Database) -> Path:
    """What one process at a time serves from: where SQLite's file is, else the data folder.

    On PostgreSQL the data folder is what makes a node: two processes of one name would take each other's
    parts back as those of a dead one.
    """
    return settings.data_dir if database.file is None else database.file.parent


def _prepare(settings: Settings, database: Database) -> None:
    make_folders(settings, database)
    check(database)
    if database.file is None:
        migrate.need_head(database.writer)
    elif not migrate.at_head(database.writer):
        with lock_folder(database.file.parent):  # never under a running service
            migrate.upgrade(database.writer)


# --- apply --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a file: a report, or errors with file and line, and then nothing was changed."""

    report: Report | None
    errors: tuple[str, ...] = ()


def apply(settings: Settings, path: Path, *, plan_only: bool, prune: bool) -> Applied:
    """Read a file and bring the configuration to it. NotYamlError, DatabaseError."""
    document = read(path)
    file = _validated(document, settings.service.country)
    if file is None:
        return Applied(None, document.placed())
    with administered(settings) as database:
        maker = _maker(settings)
        with database.reader.connect() as connection:
            prepared = prepare(connection, file, maker, prune=prune)
        report = prepared.report
        if not plan_only and not report.complaints:
            report = _write(database, prepared)
            audit.seal(database)
    document.complaints.extend(report.complaints)
    return Applied(None, document.placed()) if report.complaints else Applied(report)


def _validated(document: Document, country: str) -> ConfigFile | None:
    """The file's resources; None if there are complaints."""
    try:
        file = ConfigFile.model_validate(document.value, context={"country": country})
    except ValidationError as error:
        document.complaints.extend(complaints(error, ConfigFile))
        return None
    return None if document.complaints else file


def _maker(settings: Settings) -> Maker:
    clock = SystemClock()
    new_id, by = ids.Ids(clock, os.urandom).new, audit.by_command("apply", "apply")
    return Maker(settings.sip.domain, Vault(os.urandom), new_id, clock.now(), by)


def _write(database: Database, prepared: Prepared) -> Report:
    for again in range(TRIES):
        try:
            with database.writer.begin() as connection:
                return carry_out(connection, prepared)
        except OperationalError:  # locked
            if again == TRIES - 1:
                raise
        except IntegrityError:  # a message or another change was a moment faster: plan anew
            if again == TRIES - 1:
                raise
            prepared = replace(prepared, generation=NEVER)
        time.sleep(again / 10)
    raise AssertionError


# --- a Kamailio in front ------------------------------------------------------------------------------------


def subscribers(settings: Settings) -> str:
    """The table of accounts whose phones are there. DatabaseError."""
    with administered(settings) as database, database.reader.connect() as connection:
        return table(snapshot.load(connection))


# --- explain ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Explained:
    """A message, why it went as it did, and to whom it was handed over (each as `HandoverShown`)."""

    message: Message
    trace: tuple[Step, ...]
    deliveries: Sequence[Mapping[str, Any]]


def explained(settings: Settings, message_id: str) -> Explained:
    """Everything that is known of a message. Refusal `not_found`; DatabaseError."""
    try:
        identifier = ids.from_text(MESSAGE, message_id)
    except ids.IdInvalidError as error:
        raise Refusal("not_found", f"{message_id}: {error}") from None
    with administered(settings) as database, database.reader.connect() as connection:
        tenant_id = resolve.tenant_of_message(connection, identifier)
        message = None if tenant_id is None else messages.get_message(connection, tenant_id, identifier)
        if tenant_id is None or message is None:
            raise Refusal("not_found", f"{message_id}: there is no such message")
        trace = messages.message_trace(connection, tenant_id, identifier) or ()
        jobs = handovers.handovers_of_message(connection, tenant_id, identifier)
        return Explained(message, trace, [handover_resource(job, attempts) for job, attempts in jobs])
