"""Reads people and their sessions, a tenant's at a time (operators' with NO_TENANT), and ends sessions."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from voip_sms.core.directory import Id
from voip_sms.store.config import Row
from voip_sms.store.tables import metadata, one_time_link, panel_session, user_account
from voip_sms.store.tables import registration as registration_table

PEOPLE_MOST = 10_000
"""As many as `apply` takes for one tenant."""
_BESIDE: Final = frozenset({"one_time_link", "forward_job", "notice"})
SESSIONS_MOST = 1_000
"""Of one person; more are opened by a program only."""


def people_of(connection: Connection, tenant_id: Id) -> list[Row]:
    """The tenant's people, by mail address."""
    wanted = select(user_account).where(user_account.c.tenant_id == tenant_id)
    return _rows(connection, wanted.order_by(user_account.c.mail).limit(PEOPLE_MOST))


def person(connection: Connection, tenant_id: Id, user_id: Id) -> Row | None:
    """One of the tenant's people."""
    wanted = select(user_account).where(user_account.c.id == user_id, user_account.c.tenant_id == tenant_id)
    return next(iter(_rows(connection, wanted)), None)


def sessions_of(connection: Connection, tenant_id: Id, user_id: Id) -> list[Row]:
    """Somebody's sessions, the last used first; also such as are over."""
    wanted = select(panel_session).where(
        panel_session.c.user_id == user_id, panel_session.c.tenant_id == tenant_id
    )
    return _rows(connection, wanted.order_by(panel_session.c.seen_at.desc()).limit(SESSIONS_MOST))


def end_sessions(connection: Connection, tenant_id: Id, user_id: Id) -> None:
    """All of somebody's sessions and links are over, in the transaction that changes what they may."""
    for table in (one_time_link, panel_session):
        theirs = (table.c.user_id == user_id, table.c.tenant_id == tenant_id)
        connection.execute(delete(table).where(*theirs))


def end_all_sessions(connection: Connection, tenant_id: Id) -> None:
    """Those of all of the tenant's people, and their links."""
    for table in (one_time_link, panel_session):
        connection.execute(delete(table).where(table.c.tenant_id == tenant_id))


def registration(connection: Connection, registration_id: Id, *, locked: bool) -> Row | None:
    """A company's request. `locked`: nobody else decides on it until this transaction ends."""
    wanted = select(registration_table).where(registration_table.c.id == registration_id)
    return next(iter(_rows(connection, wanted.with_for_update() if locked else wanted)), None)


def decide_registration(connection: Connection, registration_id: Id, changes: Mapping[str, Any]) -> None:
    """What was decided on it."""
    which = registration_table.c.id == registration_id
    connection.execute(update(registration_table).where(which).values(**changes))


def add(connection: Connection, table: str, row: Mapping[str, Any]) -> None:
    """A row that goes with a person's: a link, the mail that brings it, what they may wish to know."""
    if table not in _BESIDE:
        raise ValueError(f"{table} is not beside people")
    connection.execute(insert(metadata.tables[table]), dict(row))


def _rows(connection: Connection, statement: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(statement).mappings()]
