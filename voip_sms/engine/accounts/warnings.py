"""What a file may do, and its writer may not have meant: told with the plan, and never refused."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.engine.accounts.kinds import TENANT, USER
from voip_sms.engine.accounts.planning import Change, Plan


def warnings(plan: Plan) -> Iterator[str]:
    """Of whom nobody administers any more, although somebody did before."""
    for tenant_id in dict.fromkeys(_left_by_their_head(plan.changes)):
        there = [row for row in plan.inventory.all(USER) if row["tenant_id"] == tenant_id]
        if any(_leads(row) for row in there):
            continue
        if tenant_id == NO_TENANT:
            yield "operators: no person is left who signs in at the panel as operator"
        elif any(row["id"] == tenant_id for row in plan.inventory.all(TENANT)):
            name = plan.inventory.tenant_name(tenant_id)
            yield f"tenants[{name}]: nobody is left who administers it at the panel"


def _left_by_their_head(changes: Iterable[Change]) -> Iterator[Id]:
    """Whose administrators or operators are removed, switched off, or something else now."""
    for change in changes:
        if change.kind is USER and change.action != "added" and _leads({**change.row, **change.before}):
            yield change.row["tenant_id"]


def _leads(row: Mapping[str, Any]) -> bool:
    return row["role"] in ("admin", "operator") and bool(row["enabled"])
