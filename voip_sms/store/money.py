"""Reads what a tenant may still spend."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id, Micros
from voip_sms.store.tables import balance


@dataclass(frozen=True, slots=True)
class Balance:
    """A tenant's money, 10^-6 units: `reserved` for what is on its way, `settled` for what was carried."""

    currency: str
    credit: Micros
    reserved: Micros
    settled: Micros

    @property
    def available(self) -> Micros:
        """What may still be reserved."""
        return self.credit - self.reserved - self.settled


def get_balance(connection: Connection, tenant_id: Id) -> Balance | None:
    """The tenant's balance; None for a tenant that has none."""
    columns = (balance.c.currency, balance.c.credit, balance.c.reserved, balance.c.settled)
    row = connection.execute(select(*columns).where(balance.c.tenant_id == tenant_id)).one_or_none()
    return None if row is None else Balance(*row)


NO_MONEY: Final = Balance(currency="", credit=0, reserved=0, settled=0)
"""Of a tenant that was never given credit."""
