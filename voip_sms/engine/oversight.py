"""Shows the operator what concerns all tenants or none: who they are, the quarantine, unmatched receipts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.core import clock, ids, quotas
from voip_sms.core.clock import DAY
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import balance_resource, oversight
from voip_sms.store.catalog import tenant_row
from voip_sms.store.config import Row
from voip_sms.store.money import NO_MONEY, Balance
from voip_sms.store.oversight import (
    Passing,
    Volume,
    balances_of,
    counts_of,
    page_of_all,
    passing,
    volume_of,
)
from voip_sms.store.reader import Reader

__all__ = ["Customer", "CustomerInFull", "Oversight", "Passing", "Volume"]

Page = tuple[Sequence[dict[str, Any]], bool]
MONTH: Final = 30 * DAY


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer with its money, and its messages since midnight in its own zone."""

    id: Id
    name: str
    enabled: bool
    price_list: str
    balance: Balance
    today: Volume


@dataclass(frozen=True, slots=True)
class CustomerInFull:
    """Its messages of the last 30 days too, and how many objects of each kind it has; never what they say."""

    customer: Customer
    month: Volume
    counts: Mapping[str, int]


class Oversight:
    """Each call gives one page, newest first, and whether more follow; at most 1,000 at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def passing(self, limit: int) -> Sequence[Passing]:
        """The newest messages of all customers as they stand, without what they say."""
        return await self._reader.run(passing, limit)

    async def tenants(self, *, limit: int, starting_after: Id | None) -> Page:
        """All tenants with their balances, as `TenantShown`."""
        return await self._reader.run(_tenants, limit, starting_after)

    async def customers(
        self, now: int, *, limit: int, starting_after: Id | None = None
    ) -> tuple[Sequence[Customer], bool]:
        """The same with today's messages."""
        return await self._reader.run(_customers, now, limit, starting_after)

    async def customer(self, tenant_id: Id, now: int) -> CustomerInFull:
        """One of them. Refusal `not_found`."""
        found = await self._reader.run(_customer_in_full, tenant_id, now)
        if found is None:
            raise Refusal("not_found")
        return found

    async def quarantine(self, *, limit: int, starting_after: Id | None) -> Page:
        """Inbound messages that are nobody's, as `QuarantinedShown`."""
        rows, more = await self._reader.run(
            page_of_all, "quarantine", limit=limit, starting_after=starting_after
        )
        return [_quarantined(row) for row in rows], more

    async def orphan_receipts(self, *, limit: int, starting_after: Id | None) -> Page:
        """Receipts that met no message, one for each spelling of the id, as `OrphanReceiptShown`."""
        rows, more = await self._reader.run(
            page_of_all, "orphan_receipt", limit=limit, starting_after=starting_after
        )
        return [_orphan(row) for row in rows], more


def _tenants(connection: Connection, limit: int, starting_after: Id | None) -> Page:
    rows, more = page_of_all(connection, "tenant", limit=limit, starting_after=starting_after)
    balances = balances_of(connection, [row["id"] for row in rows])
    shown = [
        {
            "id": ids.to_text(oversight.TENANT, row["id"]),
            **{name: row[name] for name in ("name", "enabled", "blocked_inbound", "price_list")},
            "balance": _money(balances.get(row["id"], NO_MONEY)),
        }
        for row in rows
    ]
    return shown, more


def _customers(
    connection: Connection, now: int, limit: int, starting_after: Id | None
) -> tuple[Sequence[Customer], bool]:
    rows, more = page_of_all(connection, "tenant", limit=limit, starting_after=starting_after)
    return [_customer(connection, row, now) for row in rows], more


def _customer(connection: Connection, row: Row, now: int) -> Customer:
    begin, _ = quotas.day(now, row["timezone"])
    return Customer(
        row["id"],
        row["name"],
        row["enabled"],
        row["price_list"],
        balances_of(connection, [row["id"]]).get(row["id"], NO_MONEY),
        volume_of(connection, row["id"], begin),
    )


def _customer_in_full(connection: Connection, tenant_id: Id, now: int) -> CustomerInFull | None:
    row = tenant_row(connection, tenant_id)
    if row is None:
        return None
    month = volume_of(connection, tenant_id, now - MONTH)
    return CustomerInFull(_customer(connection, row, now), month, counts_of(connection, tenant_id))


def _money(balance: Balance) -> dict[str, Any]:
    return balance_resource(
        balance.currency, available=balance.available, reserved=balance.reserved, credit=balance.credit
    )


def _quarantined(row: Row) -> dict[str, Any]:
    return {
        "id": ids.to_text(oversight.QUARANTINED, row["id"]),
        "carrier": row["carrier"],
        "from": row["sender"],
        "to": row["recipient"],
        "text": row["body"],
        "reason": row["reason"],
        "received_at": clock.to_rfc3339(row["received_at"]),
    }


def _orphan(row: Row) -> dict[str, Any]:
    return {
        "id": ids.to_text(oversight.ORPHAN, row["id"]),
        "carrier": row["carrier"],
        "reference": row["carrier_ref"],
        "status": row["status"],
        "cause": row["cause"],
        "raw": row["raw"],
        "received_at": clock.to_rfc3339(row["received_at"]),
    }
