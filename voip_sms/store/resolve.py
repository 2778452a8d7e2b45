"""Finds the tenant where only something else is known: the one module that reads without a tenant."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id
from voip_sms.store.tables import (
    binding,
    forward,
    forward_job,
    message,
    one_time_link,
    panel_session,
    tenant,
    user_account,
)


def tenant_of_name(connection: Connection, name: str) -> Id | None:
    """The tenant that the operator calls so."""
    return connection.execute(select(tenant.c.id).where(tenant.c.name == name)).scalar_one_or_none()


def tenant_of_message(connection: Connection, message_id: Id) -> Id | None:
    """Whose message this is (for the operator's `voip-sms explain ID`)."""
    return connection.execute(
        select(message.c.tenant_id).where(message.c.id == message_id)
    ).scalar_one_or_none()


def tenant_of_handover(connection: Connection, job_id: Id) -> Id | None:
    """Whose hand-over this is (for the operator's `voip-sms webhooks`)."""
    return connection.execute(
        select(forward_job.c.tenant_id).where(forward_job.c.id == job_id)
    ).scalar_one_or_none()


def tenant_of_forward(connection: Connection, rule_id: Id) -> Id | None:
    """Whose forward this is (for the operator's `voip-sms webhooks`)."""
    return connection.execute(select(forward.c.tenant_id).where(forward.c.id == rule_id)).scalar_one_or_none()


def live_bindings(connection: Connection, now: int, most: int) -> Sequence[Mapping[str, Any]]:
    """Where phones of all tenants are reached, the newest first."""
    wanted = select(binding).where(binding.c.expires_at > now).order_by(binding.c.updated_at.desc())
    return [dict(row) for row in connection.execute(wanted.limit(most)).mappings()]


def person_of_mail(connection: Connection, mail: str) -> Mapping[str, Any] | None:
    """Whoever signs in with this address (in lower case)."""
    found = connection.execute(select(user_account).where(user_account.c.mail == mail)).mappings()
    return _one(found.one_or_none())


def session_of(connection: Connection, digest: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The session with this hash, and whose it is; None also where that person is gone."""
    session = connection.execute(select(panel_session).where(panel_session.c.hash == digest)).mappings()
    return _with_person(connection, session.one_or_none())


def link_of(connection: Connection, digest: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The one-time link with this hash, used or not, and whom it is for."""
    link = connection.execute(select(one_time_link).where(one_time_link.c.hash == digest)).mappings()
    return _with_person(connection, link.one_or_none())


def _with_person(connection: Connection, row: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    if row is None:
        return None
    wanted = select(user_account).where(user_account.c.id == row["user_id"])
    person = connection.execute(wanted).mappings().one_or_none()
    return None if person is None else (dict(row), dict(person))


def _one(row: Any) -> Mapping[str, Any] | None:
    return None if row is None else dict(row)
