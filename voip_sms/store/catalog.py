"""Reads configuration rows one by one and by page, and keeps changes of it from overtaking each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, exists, insert, select, text, update

from voip_sms.core.directory import Id
from voip_sms.store.config import CONFIGURATION, Row
from voip_sms.store.tables import (
    OPERATOR_TABLES,
    forward_job,
    generation,
    ledger,
    message,
    metadata,
    tenant,
)

PAGE_MOST = 1_000


def lock(connection: Connection) -> None:
    """Let no other change of the configuration in until this transaction ends (SQLite never does)."""
    connection.execute(select(generation.c.n).with_for_update()).all()


def get_row(connection: Connection, table: str, tenant_id: Id, row_id: Id) -> Row | None:
    """The tenant's row with this id; None if it isn't there or isn't theirs."""
    source = _of_tenants(table)
    statement = select(source).where(source.c.tenant_id == tenant_id, source.c.id == row_id)
    found = connection.execute(statement).mappings().one_or_none()
    return None if found is None else dict(found)


def tenant_row(connection: Connection, tenant_id: Id) -> Row | None:
    """The tenant's own row."""
    found = connection.execute(select(tenant).where(tenant.c.id == tenant_id)).mappings().one_or_none()
    return None if found is None else dict(found)


def name_of(connection: Connection, tenant_id: Id) -> str:
    """What the operator calls the tenant; `?` for one that isn't there."""
    name = connection.execute(select(tenant.c.name).where(tenant.c.id == tenant_id)).scalar_one_or_none()
    return "?" if name is None else name


def page_of_rows(
    connection: Connection,
    table: str,
    tenant_id: Id,
    only: Mapping[str, Any],
    *,
    limit: int,
    starting_after: Id | None = None,
) -> tuple[list[Row], bool]:
    """The tenant's rows whose columns equal `only`, newest first, and whether more follow."""
    source = _of_tenants(table)
    limit = max(1, min(limit, PAGE_MOST))
    statement = select(source).where(source.c.tenant_id == tenant_id)
    statement = statement.where(*(source.c[name] == value for name, value in only.items()))
    if starting_after is not None:
        statement = statement.where(source.c.id < starting_after)
    statement = statement.order_by(source.c.id.desc()).limit(limit + 1)
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    return rows[:limit], len(rows) > limit


def has_history(connection: Connection, tenant_id: Id) -> bool:
    """Whether anything was ever sent, received or charged for the tenant."""
    traces = (
        exists().where(message.c.tenant_id == tenant_id),
        exists().where(ledger.c.tenant_id == tenant_id),
    )
    return any(bool(connection.execute(select(trace)).scalar_one()) for trace in traces)


def let_go(connection: Connection, tenant_id: Id, user: str) -> None:
    """What waits for the phones of a SIP account is due: its oldest text goes now, the others follow."""
    waiting = (
        forward_job.c.tenant_id == tenant_id,
        forward_job.c.order_key == f"sip:{user}",
        text("state IN ('queued','sending')"),  # as the index has it
        text("state = 'queued'"),
    )
    connection.execute(update(forward_job).where(*waiting).values(due_at=forward_job.c.created_at))


def insert_rows(connection: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add many rows that name the same columns, in one statement."""
    if table not in CONFIGURATION:
        raise ValueError(f"{table} is not a configuration table")
    connection.execute(insert(metadata.tables[table]), [dict(row) for row in rows])


def _of_tenants(table: str) -> Any:
    if table not in CONFIGURATION or table in OPERATOR_TABLES:
        raise ValueError(f"{table} is not a tenant's configuration")
    return metadata.tables[table]
