"""Sender names that customers applied for: the operator approves or rejects them, never whoever applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from voip_sms.core import ids
from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import SenderName, answers
from voip_sms.core.similar import Likeness, likenesses
from voip_sms.engine.accounts import kinds
from voip_sms.engine.accounts.deciding import Deciding
from voip_sms.engine.accounts.kinds import Row
from voip_sms.engine.accounts.planning import Plan, Wanted
from voip_sms.engine.accounts.showing import shown
from voip_sms.engine.context import Context
from voip_sms.store.oversight import NameRow, makers, names_in_state

Decision = Literal["approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Applied:
    """A name that somebody applied for. `by`, `at`: who did, and when (epoch microseconds), where known.

    `like`: approved names of others, and the gateway's own, that it may be taken for.
    """

    id: str
    tenant: str
    tenant_name: str
    name: str
    status: str
    reason: str
    by: str
    at: int | None
    like: Sequence[Likeness]


class Names:
    """For operators. A name is another one's the moment that networks show it: so somebody else looks."""

    def __init__(self, context: Context, deciding: Deciding, default_name: str) -> None:
        """`default_name`: what the gateway itself is called."""
        self._context = context
        self._deciding = deciding
        self._default_name = default_name

    async def listing(
        self, status: str, *, limit: int, starting_after: Id | None = None
    ) -> tuple[Sequence[Applied], bool]:
        """Names of all customers in this state, newest first, and whether more follow."""
        found, more = await self._context.reader.run(
            _listed, status, limit=limit, starting_after=starting_after
        )
        return [self._applied(*one) for one in found], more

    async def get(self, name_id: Id) -> Applied:
        """One of them. Refusal `not_found`."""
        found, _ = await self._context.reader.run(_listed, None, limit=1, name_id=name_id)
        if not found:
            raise Refusal("not_found")
        return self._applied(*found[0])

    async def decide(self, name_id: Id, decision: Decision, reason: str, by: By) -> dict[str, Any]:
        """Approve or reject one that is pending, or take back what was decided; as shown then.

        Refusal `forbidden`: whoever decides applied for it; `conflict`: it is so already; `invalid`: no
        reason to reject.
        """
        applied = await self.get(name_id)
        if decision == "rejected" and not reason.strip():
            raise Refusal("invalid", "say why: the customer reads it")
        tenant_id = ids.from_text("ten", applied.tenant)

        def plan_it(plan: Plan, connection: Connection) -> Row:
            row = _named(plan, tenant_id, name_id)
            if row["status"] == decision:
                raise Refusal("conflict", f"it is {decision} already")
            if _applicants(connection, {name_id: tenant_id})[name_id][0] == by.who:
                raise Refusal("forbidden", "somebody else must look at what you applied for")
            wanted = SenderName(name=row["name"], status=decision, reason=reason.strip())
            made = plan.want(Wanted(kinds.SENDER_NAME, wanted, (), {"tenant_id": tenant_id}))
            return {} if made is None else made

        row = await self._deciding.carry_out(plan_it, by, tenant_id=tenant_id)
        return shown(answers.SENDER_NAME, row)

    def _applied(self, row: NameRow, who: str, at: int | None) -> Applied:
        return Applied(
            id=ids.to_text(answers.SENDER_NAME, row.id),
            tenant=ids.to_text("ten", row.tenant_id),
            tenant_name=row.tenant_name,
            name=row.name,
            status=row.status,
            reason=row.reason,
            by=who,
            at=at,
            like=list(likenesses(row.name, self._of_others(row.tenant_id))),
        )

    def _of_others(self, tenant_id: Id) -> Sequence[str]:
        names = self._context.directory().names.values()
        approved = {one.name for one in names if one.status == "approved" and one.tenant_id != tenant_id}
        return sorted({*approved, self._default_name})


def _named(plan: Plan, tenant_id: Id, name_id: Id) -> Row:
    for row in plan.inventory.of_tenant(kinds.SENDER_NAME, tenant_id):
        if row["id"] == name_id:
            return row
    raise Refusal("not_found")


def _listed(
    connection: Connection,
    status: str | None,
    *,
    limit: int,
    starting_after: Id | None = None,
    name_id: Id | None = None,
) -> tuple[Sequence[tuple[NameRow, str, int | None]], bool]:
    """The names that `names_in_state` finds, each with who applied for it and when; whether more follow."""
    rows, more = names_in_state(
        connection, status, limit=limit, starting_after=starting_after, name_id=name_id
    )
    made = _applicants(connection, {row.id: row.tenant_id for row in rows})
    return [(row, *made[row.id]) for row in rows], more


def _applicants(connection: Connection, names: Mapping[Id, Id]) -> Mapping[Id, tuple[str, int | None]]:
    """Who made each and when, as the audit log says; "" for what is older than it. `names`: whose it is."""
    if not names:
        return {}
    shown = {ids.to_text(answers.SENDER_NAME, name_id): tenant_id for name_id, tenant_id in names.items()}
    found = makers(connection, shown, ids.made_at(min(names)))
    return {name_id: found.get(ids.to_text(answers.SENDER_NAME, name_id), ("", None)) for name_id in names}
