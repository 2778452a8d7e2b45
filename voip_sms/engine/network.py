"""The operator's configuration, one object at a time: carriers, routes, prices, pools, customers."""

from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.core import ids
from voip_sms.core.audit import TENANT as TENANT_ID
from voip_sms.core.audit import By
from voip_sms.core.clock import DAY
from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.rating import amount_text
from voip_sms.core.resources import Pool, PriceList, Tenant
from voip_sms.core.resources.network import Route, SmppCarrier
from voip_sms.engine.accounts import kinds
from voip_sms.engine.accounts.deciding import Deciding
from voip_sms.engine.accounts.inventory import Inventory
from voip_sms.engine.accounts.kinds import Kind, Row
from voip_sms.engine.accounts.planning import Plan, Wanted
from voip_sms.engine.accounts.seen import check_seen, seen_of
from voip_sms.engine.context import Context
from voip_sms.engine.network_objects import objects, rates_of, shown

Object = SmppCarrier | Route | Pool | Tenant
Shown = dict[str, Any]

COLLECTIONS: Final = {
    kind.name: kind for kind in (kinds.CARRIER, kinds.ROUTE, kinds.PRICE_LIST, kinds.POOL, kinds.TENANT)
}
_KINDS: Final[dict[type[Object], Kind]] = {
    SmppCarrier: kinds.CARRIER,
    Route: kinds.ROUTE,
    Pool: kinds.POOL,
    Tenant: kinds.TENANT,
}
CREDIT_MOST: Final = 10**9 * 1_000_000
"""A typing error beyond it is nobody's credit."""


class Network:
    """The same planning as `apply` has for a file, for one object of it; `by` is noted in the audit log.

    Collections are called as in `apply`; objects are found by their names there, customers by their ids.
    `seen` (`seen_of` what was shown; "" takes whatever is there): Refusal `conflict` if it is another by now.
    """

    def __init__(self, context: Context, deciding: Deciding) -> None:
        self._context = context
        self._deciding = deciding

    # --- reading --------------------------------------------------------------------------------------------

    async def objects(self, collection: str) -> list[Shown]:
        """All of `carriers`, `routes`, `price_lists`, `pools` or `tenants` as they are shown, by name."""
        return await self._context.reader.run(objects, COLLECTIONS[collection])

    async def object(self, collection: str, identifier: str) -> Shown:
        """The one whose `id` it is, with `seen`, its digest. Refusal `not_found`."""
        for one in await self.objects(collection):
            if one["id"] == identifier:
                return {**one, "seen": seen_of(one)}
        raise Refusal("not_found")

    # --- changing -------------------------------------------------------------------------------------------

    async def put(self, resource: Object, by: By, *, new: bool = False, seen: str = "") -> Shown:
        """Make one (`new`), or change the fields that `resource` sets of the one with its name."""
        kind = _KINDS[type(resource)]

        def decide(plan: Plan, connection: Connection) -> Row:
            row = _there(plan.inventory, kind, resource)
            _as_expected(row, new=new)
            if row is not None:
                check_seen(connection, NO_TENANT, shown(kind, row), seen)
            return _planned(plan, Wanted(kind, resource, ()))

        return shown(kind, await self._deciding.carry_out(decide, by, tenant_id=_whose(kind)))

    async def remove(self, collection: str, identifier: str, by: By, *, seen: str = "") -> None:
        """Remove a route or a pool. Refusal `conflict`: somebody uses it still."""
        kind = COLLECTIONS[collection]
        if kind not in (kinds.ROUTE, kinds.POOL):
            raise Refusal("forbidden", f"{collection} are removed by `apply --prune` only")

        def decide(plan: Plan, connection: Connection) -> Row:
            row = _with_id(plan.inventory, kind, identifier)
            check_seen(connection, NO_TENANT, shown(kind, row), seen)
            plan.remove(kind, row)
            return row

        await self._deciding.carry_out(decide, by)

    async def add_credit(self, tenant_id: Id, amount: int, by: By, *, seen: str = "") -> Shown:
        """Give a customer credit (10^-6 of its currency), or with a negative amount take some back."""

        def decide(plan: Plan, connection: Connection) -> Row:
            row = _with_id(plan.inventory, kinds.TENANT, ids.to_text(TENANT_ID, tenant_id))
            check_seen(connection, NO_TENANT, shown(kinds.TENANT, row), seen)
            credit = row["credit"] + amount
            if not 0 <= credit <= CREDIT_MOST:
                raise Refusal("invalid", "the credit would be below zero, or larger than any")
            wanted = Tenant.model_validate({"name": row["name"], "credit": amount_text(credit)})
            return _planned(plan, Wanted(kinds.TENANT, wanted, ()))

        row = await self._deciding.carry_out(decide, by, tenant_id=NO_TENANT)
        return shown(kinds.TENANT, row)

    # --- prices ---------------------------------------------------------------------------------------------

    async def put_prices(self, prices: PriceList, by: By, *, seen: str = "") -> Shown:
        """New prices from a day on: a list of their own, so that what was sold before is still explained.

        One that is not in force yet is replaced as a whole. Refusal `conflict`: it is in force; or the day
        has passed, and there are prices in force since.
        """
        now = self._context.clock.now()

        def decide(plan: Plan, connection: Connection) -> Row:
            inventory, begins = plan.inventory, kinds.midnight(prices.valid_from)
            there = inventory.get(kinds.PRICE_LIST, (prices.name, begins))
            if there is not None:
                _need_future(begins, now)
                check_seen(connection, NO_TENANT, _shown_prices(inventory, there), seen)
            elif begins < now - DAY and _has_prices(inventory, prices.name):
                raise Refusal("conflict", "that day has passed: what was sold since had other prices")
            row = _planned(plan, Wanted(kinds.PRICE_LIST, prices, ()))
            _replace_rates(plan, row, prices)
            return row

        row = await self._deciding.carry_out(decide, by, tenant_id=NO_TENANT)
        return await self.object("price_lists", shown(kinds.PRICE_LIST, row)["id"])

    async def withdraw_prices(self, identifier: str, by: By, *, seen: str = "") -> None:
        """Prices that are not in force yet come to nothing. Refusal `conflict`: they are in force."""
        now = self._context.clock.now()

        def decide(plan: Plan, connection: Connection) -> Row:
            row = _with_id(plan.inventory, kinds.PRICE_LIST, identifier)
            _need_future(row["valid_from"], now)
            check_seen(connection, NO_TENANT, _shown_prices(plan.inventory, row), seen)
            for rate in rates_of(plan.inventory, row):
                plan.remove(kinds.RATE, rate)
            plan.remove(kinds.PRICE_LIST, row)
            return row

        await self._deciding.carry_out(decide, by, tenant_id=NO_TENANT)


def _whose(kind: Kind) -> Id | None:
    """A pool's numbers must be no customer's; the others refer to the operator's objects alone."""
    return None if kind is kinds.POOL else NO_TENANT


def _there(inventory: Inventory, kind: Kind, resource: Object) -> Row | None:
    every = frozenset(type(resource).model_fields)
    return inventory.get(kind, kind.key_of(kind.columns(resource, every, "")))


def _as_expected(row: Row | None, *, new: bool) -> None:
    if new and row is not None:
        raise Refusal("conflict", "there is one of this name already")
    if not new and row is None:
        raise Refusal("not_found")


def _with_id(inventory: Inventory, kind: Kind, identifier: str) -> Row:
    for row in inventory.all(kind):
        if shown(kind, row)["id"] == identifier:
            return row
    raise Refusal("not_found")


def _planned(plan: Plan, wanted: Wanted) -> Row:
    row = plan.want(wanted)
    return {} if row is None else row  # then there are complaints, and nothing is written


def _shown_prices(inventory: Inventory, row: Row) -> Shown:
    return shown(kinds.PRICE_LIST, row, rates_of(inventory, row))


def _has_prices(inventory: Inventory, name: str) -> bool:
    return any(row["name"] == name for row in inventory.all(kinds.PRICE_LIST))


def _need_future(begins: int, now: int) -> None:
    if begins <= now:
        raise Refusal("conflict", "these prices are in force: write new ones from another day on")


def _replace_rates(plan: Plan, row: Row, prices: PriceList) -> None:
    if not row:
        return
    named = {rate.prefix for rate in prices.rates}
    for before in rates_of(plan.inventory, row):
        if before["prefix"] not in named:
            plan.remove(kinds.RATE, before)
    also = {"price_list": row["name"], "valid_from": row["valid_from"]}
    for place, rate in enumerate(prices.rates):
        plan.want(Wanted(kinds.RATE, rate, ("rates", place), also))
