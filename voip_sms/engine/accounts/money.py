"""Which currency a tenant's balance is in: that of its price list."""

from voip_sms.core.resources.complaints import Complaint, Path
from voip_sms.engine.accounts.kinds import PRICE_LIST, TENANT, Row
from voip_sms.engine.accounts.planning import Change, Plan


def set_currencies(plan: Plan) -> None:
    """Bring every tenant's balance into the currency of its price list; complain where money has moved."""
    currencies = _currencies(plan)
    for row in plan.inventory.all(TENANT):
        wanted = currencies.get(row["price_list"], row["currency"])
        if wanted == row["currency"]:
            continue
        if row["reserved"] or row["settled"]:
            path = plan.paths.get((TENANT.table, TENANT.key_of(row)), (plan.inventory.label(TENANT, row),))
            plan.complain(
                path, f"has spent {row['currency']} and can't change to {wanted}; make a new tenant"
            )
            continue
        before, row["currency"] = row["currency"], wanted
        _note(plan, row, before)


def _currencies(plan: Plan) -> dict[str, str]:
    """The currency of each price list; its dated lists must agree."""
    currencies: dict[str, str] = {}
    for row in plan.inventory.all(PRICE_LIST):
        before = currencies.setdefault(row["name"], row["currency"])
        path: Path | None = plan.paths.get((PRICE_LIST.table, PRICE_LIST.key_of(row)))
        if before != row["currency"] and path is not None:
            what = f"price list {row['name']} is in {before}; all its dates need the same currency"
            plan.complaints.append(Complaint((*path, "currency"), what))
    return currencies


def _note(plan: Plan, row: Row, before: str) -> None:
    """Let the change that touches the tenant's row carry the currency too, or make one."""
    for change in plan.changes:
        if change.kind is TENANT and change.row is row and change.action != "removed":
            change.columns["currency"] = row["currency"]
            change.before["currency"] = before
            return
    label = plan.inventory.label(TENANT, row)
    changed = {"currency": row["currency"]}
    plan.changes.append(Change("changed", TENANT, row, changed, label, {"currency": before}))
