"""Carries out a whole file of resources: everything or nothing, in one transaction."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import Connection

from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.resources import ConfigFile, PriceList, Tenant
from voip_sms.core.resources.complaints import Complaint, Path
from voip_sms.core.resources.people import OperatorPerson
from voip_sms.engine.accounts import kinds
from voip_sms.engine.accounts.checks import check
from voip_sms.engine.accounts.inventory import load
from voip_sms.engine.accounts.kinds import Kind
from voip_sms.engine.accounts.money import set_currencies
from voip_sms.engine.accounts.planning import Change, Maker, Plan, Wanted, pair_forwards
from voip_sms.engine.accounts.warnings import warnings
from voip_sms.engine.accounts.writing import write
from voip_sms.store import catalog as stored
from voip_sms.store.config import current_generation

_OF_TENANTS: Final[tuple[Kind, ...]] = (
    kinds.USER,
    kinds.SENDER_NAME,
    kinds.KEY,
    kinds.NUMBER,
    kinds.SIP_ACCOUNT,
    kinds.MAIL_SENDER,
    kinds.IVR_FLOW,
    kinds.GROUP,
    kinds.KEYWORD,
    kinds.BLOCK,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a file changes, or why it can't: with complaints nothing was written.

    `changed` has the names of the columns, never their values.
    """

    added: tuple[str, ...]
    changed: tuple[tuple[str, tuple[str, ...]], ...]
    removed: tuple[str, ...]
    unchanged: int
    complaints: tuple[Complaint, ...] = ()
    warnings: tuple[str, ...] = ()
    """What is carried out all the same, and perhaps was not meant."""

    @property
    def summary(self) -> str:
        """`A added, C changed, R removed, U unchanged`."""
        counts = (len(self.added), len(self.changed), len(self.removed), self.unchanged)
        return "{} added, {} changed, {} removed, {} unchanged".format(*counts)


_OF_THE_OPERATOR: Final = {"tenant_id": NO_TENANT, "role": "operator"}

NEVER: Final = -1
"""A generation that no configuration has."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A planned file. `generation`: the configuration it was planned on."""

    file: ConfigFile
    maker: Maker
    prune: bool
    plan: Plan
    generation: int

    @property
    def report(self) -> Report:
        """What would be done."""
        return _report(self.plan)


def prepare(connection: Connection, file: ConfigFile, maker: Maker, *, prune: bool = False) -> Prepared:
    """Plan a file: reads only; may take seconds for one with many mail passwords.

    Objects are matched by natural key; absent ones stay unless `prune`.
    """
    generation = current_generation(connection)
    return Prepared(file, maker, prune, _planned(connection, file, maker, prune=prune), generation)


def carry_out(connection: Connection, prepared: Prepared) -> Report:
    """Write what was planned, in one writing transaction; planned anew if somebody changed something since.

    IntegrityError if somebody's message was a moment faster: call it again with generation NEVER.
    """
    stored.lock(connection)
    plan = prepared.plan
    if current_generation(connection) != prepared.generation:
        plan = _planned(connection, prepared.file, prepared.maker, prune=prepared.prune)
    if not plan.complaints:
        write(connection, plan.changes, prepared.maker)
    return _report(plan)


def apply_file(connection: Connection, file: ConfigFile, maker: Maker, *, prune: bool = False) -> Report:
    """Bring the configuration to what the file says, in one writing transaction."""
    return carry_out(connection, prepare(connection, file, maker, prune=prune))


def _planned(connection: Connection, file: ConfigFile, maker: Maker, *, prune: bool) -> Plan:
    plan = Plan(load(connection), maker)
    _want_file(plan, file)
    if prune:
        plan.prune(_history_of(connection))
    set_currencies(plan)
    check(plan)
    return plan


def _history_of(connection: Connection) -> Callable[[Id], bool]:
    return lambda tenant_id: stored.has_history(connection, tenant_id)


def _report(plan: Plan) -> Report:
    return Report(
        added=tuple(change.label for change in plan.changes if change.action == "added"),
        changed=tuple(
            (change.label, _names(change)) for change in plan.changes if change.action == "changed"
        ),
        removed=tuple(change.label for change in plan.changes if change.action == "removed"),
        unchanged=plan.unchanged,
        complaints=tuple(plan.complaints),
        warnings=tuple(warnings(plan)),
    )


def _names(change: Change) -> tuple[str, ...]:
    return tuple(sorted(change.columns))


# --- the file, object by object -----------------------------------------------------------------------------


def _want_file(plan: Plan, file: ConfigFile) -> None:
    for kind, resource, path in _listed(file, (), kinds.OPERATOR, kinds.CARRIER, kinds.ROUTE, kinds.POOL):
        if isinstance(resource, OperatorPerson):
            plan.want(Wanted(kinds.USER, resource, path, _OF_THE_OPERATOR))
        else:
            plan.want(Wanted(kind, resource, path))
    for _, resource, path in _listed(file, (), kinds.PRICE_LIST):
        _want_price_list(plan, resource, path)
    for _, resource, path in _listed(file, (), kinds.TENANT):
        _want_tenant(plan, resource, path)


def _listed(owner: BaseModel, path: Path, *wanted: Kind) -> Iterator[tuple[Kind, Any, Path]]:
    """The objects in the lists of `owner` that are called as these kinds."""
    for kind in wanted:
        for place, resource in enumerate(getattr(owner, kind.name)):
            yield kind, resource, (*path, kind.name, place)


def _want_price_list(plan: Plan, resource: PriceList, path: Path) -> None:
    row = plan.want(Wanted(kinds.PRICE_LIST, resource, path))
    if row is not None:
        also = {"price_list": row["name"], "valid_from": row["valid_from"]}
        for kind, rate, where in _listed(resource, path, kinds.RATE):
            plan.want(Wanted(kind, rate, where, also))


def _want_tenant(plan: Plan, resource: Tenant, path: Path) -> None:
    row = plan.want(Wanted(kinds.TENANT, resource, path))
    if row is None:
        return
    also = {"tenant_id": row["id"]}
    for kind, inner, where in _listed(resource, path, *_OF_TENANTS):
        own = plan.want(Wanted(kind, inner, where, also))
        if own is not None and kind is kinds.NUMBER:
            _want_rules(plan, row["id"], own["e164"], [*_rules(inner.forwards, (*where, "forwards"))])
    _want_rules(plan, row["id"], None, [*_rules(resource.webhooks, (*path, "webhooks"))])


def _rules(rules: tuple[Any, ...], path: Path) -> Iterator[tuple[BaseModel, Path]]:
    for place, rule in enumerate(rules):
        yield rule, (*path, place)


def _want_rules(plan: Plan, tenant_id: Id, number: str | None, rules: list[tuple[BaseModel, Path]]) -> None:
    also = {"tenant_id": tenant_id, "number": number}
    for rule, path, row in pair_forwards(rules, plan.inventory.forwards_of(tenant_id, number)):
        plan.want(Wanted(kinds.FORWARD, rule, path, also, row))
