"""Reads whose balance fell below what they set, and whose has recovered since they were told."""

from typing import Final

from sqlalchemy import Connection, and_, or_, select

from voip_sms.core.directory import Id
from voip_sms.store.tables import balance, tenant

RECOVERED: Final = 10
"""A tenth above the threshold: one that hovers around it is told of once."""


def moved_balances(connection: Connection, limit: int) -> list[Id]:
    """Tenants, at most `limit`, that are to be told, or may be told again."""
    available = balance.c.credit - balance.c.reserved - balance.c.settled
    low = tenant.c.balance_low
    fell = and_(~balance.c.low_told, low > 0, available < low)
    rose = and_(balance.c.low_told, available >= low + low // RECOVERED)
    wanted = select(balance.c.tenant_id).join(tenant, tenant.c.id == balance.c.tenant_id)
    return list(connection.execute(wanted.where(or_(fell, rose)).limit(limit)).scalars())
