"""Tells people of what they wish to be told of: makes a hand-over for each of them, exactly once (W5).

What happened is a row of `notice`; the transaction that makes the hand-overs removes it. A balance is low
once: `balance.low_told` is set in that transaction, and taken back when it has recovered by a tenth.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select

from voip_sms.core.directory import ForwardKind, Id
from voip_sms.core.mail import notices
from voip_sms.core.people import Notice
from voip_sms.core.rating import amount_text
from voip_sms.engine.chores.chore import ROWS
from voip_sms.engine.context import Context
from voip_sms.engine.events import job_row
from voip_sms.engine.people.rows import is_active
from voip_sms.store.notices import RECOVERED, moved_balances
from voip_sms.store.tables import notice
from voip_sms.store.units import Match, Read, Rows, Scan, State, Unit, by_key

AT_ONCE: Final = 50
"""Of each in one unit: each reads a company's people."""
_EVENTS: Final[Mapping[Notice, str]] = {
    "balance_low": notices.BALANCE_LOW,
    "limit_reached": notices.LIMIT_REACHED,
    "name_approved": notices.NAME_APPROVED,
}


class Notices:
    """Several nodes may do it at once: each takes rows that no other holds."""

    name = "notices"

    async def run(self, context: Context) -> int:
        """One unit of each: see `chore.Chore`."""
        told = int(await context.writer.do(news_unit(context)))
        moved = await context.reader.run(moved_balances, AT_ONCE)
        if moved:
            await context.writer.do(balances_unit(context, moved))
        return ROWS if AT_ONCE in (told, len(moved)) else told + len(moved)


def news_unit(context: Context) -> Unit:
    """Hand-overs of what happened; the result is how many rows that were."""
    waiting = select(notice).order_by(notice.c.id).limit(AT_ONCE).with_for_update(skip_locked=True)
    scan = Scan("notice", waiting)

    def follow(state: State) -> Iterable[Read]:
        return [_people(row["tenant_id"]) for row in state.scanned(scan)]

    def decide(state: State) -> Rows:
        telling = _Telling(context, state)
        found = state.scanned(scan)
        for row in found:
            telling.rows.delete("notice", (row["id"],))
            telling.tell(row["tenant_id"], row["kind"], row["about"])
            if row["kind"] == "limit_reached":
                telling.tell_programs(row["tenant_id"], row["about"])
        telling.rows.result = len(found)
        return telling.rows

    return Unit(decide, [scan], follow)


def balances_unit(context: Context, tenant_ids: Iterable[Id]) -> Unit:
    """Hand-overs for whose balance is low, once until it has recovered."""
    ids = sorted(tenant_ids)

    def decide(state: State) -> Rows:
        telling = _Telling(context, state)
        for tenant_id in ids:
            telling.look(tenant_id)
        return telling.rows

    reads: list[Read] = [by_key("balance", tenant_id) for tenant_id in ids]
    return Unit(decide, [*reads, *map(_people, ids)])


def _people(tenant_id: Id) -> Match:
    return Match("user_account", ("tenant_id",), (tenant_id,), lock=False)


class _Telling:
    """One unit's rows."""

    def __init__(self, context: Context, state: State) -> None:
        self._directory = context.directory()
        self._now = context.clock.now()
        self._new_id = context.new_id
        self._state = state
        self.rows = Rows()

    def look(self, tenant_id: Id) -> None:
        """Whether this balance crossed the line since it was last looked at."""
        balance = self._state.get("balance", tenant_id)
        tenant = self._directory.tenants.get(tenant_id)
        if balance is None or tenant is None:
            return
        available, low = balance["credit"] - balance["reserved"] - balance["settled"], tenant.balance_low
        if not balance["low_told"] and available < low:
            self.rows.update("balance", (tenant_id,), low_told=True)
            currency = balance["currency"]
            about = {"available": _money(available, currency), "low": _money(low, currency)}
            self.tell(tenant_id, "balance_low", about)
        elif balance["low_told"] and available >= low + low // RECOVERED:
            self.rows.update("balance", (tenant_id,), low_told=False)

    def tell(self, tenant_id: Id, kind: Notice, about: Mapping[str, Any]) -> None:
        """Everybody of the tenant's who wishes it."""
        for person in self._state.find(_people(tenant_id)):
            if not is_active(self._directory, person):
                continue
            for way, to in _ways(person, kind):
                payload = {**about, **{name: person[name] for name in ("language", "name", "mail")}}
                self._hand_over(tenant_id, (way, to, _EVENTS[kind]), payload)

    def tell_programs(self, tenant_id: Id, about: Mapping[str, Any]) -> None:
        """Every URL of the tenant's that subscribed to `limit.reached`."""
        for rule in self._directory.subscriptions.get(tenant_id, ()):
            if rule.enabled and notices.LIMIT_HOOK in rule.events:
                for target in rule.targets:
                    self._hand_over(tenant_id, (rule.kind, target, notices.LIMIT_HOOK), about, rule.id)

    def _hand_over(
        self,
        tenant_id: Id,
        what: tuple[ForwardKind, str, str],
        payload: Mapping[str, Any],
        rule_id: Id | None = None,
    ) -> None:
        """`what`: kind of hand-over, where to, event."""
        kind, to, event = what
        job_id = self._new_id()
        nothing = {"tenant_id": tenant_id, "id": job_id}  # no message has the id of a job
        job = job_row(nothing, kind, to, self._now, job_id, event=event, rule_id=rule_id)
        self.rows.inserts.append(("forward_job", {**job, "payload": dict(payload)}))
        self.rows.wakes.add("forwards")


def _ways(person: Mapping[str, Any], kind: Notice) -> Iterator[tuple[ForwardKind, str]]:
    """(kind of hand-over, where to). Who took the number away since is told by mail."""
    wished = set(person["wishes"].get(kind, ()))
    if "sms" in wished and person["phone"]:
        yield "number", person["phone"]
    if "mail" in wished or ("sms" in wished and not person["phone"]):
        yield "mail", person["mail"]


def _money(amount: int, currency: str) -> str:
    return f"{amount_text(amount)} {currency}".strip()
