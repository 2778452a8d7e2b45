"""Reads what the operator looks after: the tenants, quarantined texts, receipts without a message."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id
from voip_sms.store.config import Row
from voip_sms.store.money import Balance
from voip_sms.store.tables import balance, metadata

PAGE_MOST: Final = 1_000
SEEN: Final = frozenset({"quarantine", "orphan_receipt", "tenant", "registration"})


def page_of_all(
    connection: Connection, table: str, *, limit: int, starting_after: Id | None = None
) -> tuple[list[Row], bool]:
    """Rows of a table of `SEEN`, newest first, and whether more follow."""
    if table not in SEEN:
        raise ValueError(f"{table} is not for the operator to page through")
    source = metadata.tables[table]
    limit = max(1, min(limit, PAGE_MOST))
    statement = select(source).order_by(source.c.id.desc()).limit(limit + 1)
    if starting_after is not None:
        statement = statement.where(source.c.id < starting_after)
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    return rows[:limit], len(rows) > limit


def balances_of(connection: Connection, tenants: Sequence[Id]) -> Mapping[Id, Balance]:
    """What each of these tenants may spend."""
    columns = (
        balance.c.tenant_id,
        balance.c.currency,
        balance.c.credit,
        balance.c.reserved,
        balance.c.settled,
    )
    rows: Sequence[Any] = connection.execute(select(*columns).where(balance.c.tenant_id.in_(tenants))).all()
    return {tenant_id: Balance(*money) for tenant_id, *money in rows}
