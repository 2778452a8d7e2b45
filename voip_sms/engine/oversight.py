"""Shows the operator what concerns all tenants or none: who they are, the quarantine, unmatched receipts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from voip_sms.core import clock, ids
from voip_sms.core.directory import Id
from voip_sms.core.resources import balance_resource, oversight
from voip_sms.store.config import Row
from voip_sms.store.money import NO_MONEY, Balance
from voip_sms.store.oversight import balances_of, page_of_all
from voip_sms.store.reader import Reader

Page = tuple[Sequence[dict[str, Any]], bool]


class Oversight:
    """Each call gives one page, newest first, and whether more follow; at most 1,000 at a time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def tenants(self, *, limit: int, starting_after: Id | None) -> Page:
        """All tenants with their balances, as `TenantShown`."""
        return await self._reader.run(_tenants, limit, starting_after)

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
