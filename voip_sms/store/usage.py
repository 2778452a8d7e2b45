"""Reads what was counted against limits."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id
from voip_sms.store.tables import usage

SCOPES_MOST = 40_000
"""Rows of one answer: of each address that a tenant has the day and the month, in two zones."""


def counted(
    connection: Connection, tenant_id: Id, prefix: str, periods: Collection[str]
) -> dict[tuple[str, str], int]:
    """How many by (scope, period), of the scopes that begin so and these periods."""
    wanted = select(usage.c.scope, usage.c.period, usage.c.n).where(
        usage.c.tenant_id == tenant_id,
        usage.c.scope >= prefix,
        usage.c.scope < prefix + "\U0010ffff",
        usage.c.period.in_(periods),
    )
    rows = connection.execute(wanted.order_by(usage.c.scope).limit(SCOPES_MOST))
    return {(scope, period): n for scope, period, n in rows}
