"""Reads where a tenant's phones are registered."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id, Micros
from voip_sms.store.tables import binding

BINDINGS_MOST = 1_000
"""Of one page: an office and all its desks."""


def bindings_of_tenant(
    connection: Connection, tenant_id: Id, now: Micros, account_id: Id | None = None
) -> Sequence[Mapping[str, Any]]:
    """Live ones, newest first: of all accounts, or of one."""
    wanted = select(binding).where(binding.c.tenant_id == tenant_id, binding.c.expires_at > now)
    if account_id is not None:
        wanted = wanted.where(binding.c.account_id == account_id)
    rows = connection.execute(wanted.order_by(binding.c.updated_at.desc()).limit(BINDINGS_MOST))
    return [dict(row) for row in rows.mappings()]
