"""Whether what resources refer to exists: carriers, price lists, pools, numbers, names, SIP users."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from voip_sms.core.directory import Id
from voip_sms.core.resources.complaints import Complaint, Path
from voip_sms.engine.accounts.kinds import (
    CARRIER,
    FORWARD,
    IVR_FLOW,
    KEY,
    KEYWORD,
    MAIL_SENDER,
    NUMBER,
    OPERATOR,
    POOL,
    PRICE_LIST,
    ROUTE,
    SENDER_NAME,
    SIP_ACCOUNT,
    TENANT,
    USER,
    Kind,
    Row,
)
from voip_sms.engine.accounts.planning import Plan

# A token is one key, a tenant's or the operator's: whose it is must not be a matter of order.
_ONLY_ONCE = (
    ((NUMBER,), "e164"),
    ((SIP_ACCOUNT,), "user"),
    ((MAIL_SENDER,), "address"),
    ((USER,), "mail"),
    ((KEY, OPERATOR), "hash"),
)
SHARED_KINDS = frozenset({"nd", "sc"})
"""Kinds of number on which several customers have keywords (Sw's access numbers and short codes)."""
_LISTED = 10
"""Names shown in an error: enough to see the right one, few enough to read."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A field of a row: `at` as the document would write it."""

    kind: Kind
    row: Row
    at: Path


def check(plan: Plan) -> None:
    """Add a complaint for everything wanted that refers to nothing, and for what is removed but in use."""
    checks = _Checks(plan)
    for complaint in checks.run():
        plan.complaints.append(complaint)


class _Checks:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._inventory = plan.inventory

    def run(self) -> Iterator[Complaint]:
        for kinds, column in _ONLY_ONCE:
            yield from self._only_once(kinds, column)
        yield from self._carriers()
        yield from self._pool_numbers()
        yield from self._tenants()
        for kind in (KEY, SIP_ACCOUNT, MAIL_SENDER, IVR_FLOW, USER):
            for row in self._inventory.all(kind):
                yield from self._identity(kind, row)
        for row in self._inventory.all(FORWARD):
            yield from self._forward(row)
        for row in self._inventory.all(SIP_ACCOUNT):
            yield from self._phones(row)
            yield from self._fallback(row)
        yield from self._keywords()
        yield from self._circles()

    def _only_once(self, kinds: tuple[Kind, ...], column: str) -> Iterator[Complaint]:
        """What may exist once among all tenants."""
        owners: dict[Any, tuple[Kind, Row]] = {}
        for one in [(kind, row) for kind in kinds for row in self._inventory.all(kind)]:
            before = owners.setdefault(one[1][column], one)
            if before is not one:
                first, second = (before, one) if self._path(*one) is not None else (one, before)
                taken = self._inventory.label(*first)
                yield from self._wrong(*second, (), f"belongs to somebody already: {taken}")

    # --- the operator's ---

    def _carriers(self) -> Iterator[Complaint]:
        for kind in (ROUTE, POOL, NUMBER):
            for row in self._inventory.all(kind):
                yield from self._refers(_Spot(kind, row, ("carrier",)), CARRIER, row["carrier"])

    def _pool_numbers(self) -> Iterator[Complaint]:
        owner: dict[str, Row] = {row["e164"]: row for row in self._inventory.all(NUMBER)}
        pool_of: dict[str, str] = {}
        for row in self._inventory.all(POOL):
            for number in row["numbers"]:
                before = pool_of.setdefault(number, row["name"])
                if before != row["name"]:
                    yield from self._wrong(POOL, row, ("numbers",), f"{number} is in pool {before} already")
                if number in owner:
                    tenant = self._inventory.tenant_name(owner[number]["tenant_id"])
                    text = f"{number} is both in pool {row['name']} and a number of tenant {tenant}"
                    yield from self._either(POOL, row, NUMBER, owner[number], text)

    def _tenants(self) -> Iterator[Complaint]:
        names = {row["name"] for row in self._inventory.all(PRICE_LIST)}
        gone = {key[0] for table, key in self._plan.removed if table == PRICE_LIST.table}
        for row in self._inventory.all(TENANT):
            wanted = row["price_list"]
            if wanted and wanted not in names and (wanted in gone or self._path(TENANT, row) is not None):
                yield self._missing(_Spot(TENANT, row, ("price_list",)), "price list", wanted, names)

    # --- who sends ---

    def _identity(self, kind: Kind, row: Row) -> Iterator[Complaint]:
        value, tenant_id = row["identity_value"], row["tenant_id"]
        at = _Spot(kind, row, ("identity", "value"))
        match row["identity_kind"]:
            case "number":
                yield from self._refers(at, NUMBER, value, tenant_id)
            case "2way" | "random" if value:
                yield from self._refers(at, POOL, value)
            case "name":
                yield from self._refers(at, SENDER_NAME, value, tenant_id)

    # --- who receives ---

    def _forward(self, row: Row) -> Iterator[Complaint]:
        tenant_id = row["tenant_id"]
        if row["number"] is not None and self._inventory.get(NUMBER, (tenant_id, row["number"])) is None:
            known = self._known(NUMBER, tenant_id)
            yield from self._wrong(FORWARD, row, ("number",), _none_such("number", row["number"], known))
        if row["kind"] == "sip":
            for place, user in enumerate(row["targets"]):
                yield from self._refers(_Spot(FORWARD, row, ("to", place)), SIP_ACCOUNT, user, tenant_id)
        if row["kind"] == "number" and not row["verified"]:
            text = "other phones must be verified: set it to true once their owners agreed"
            yield from self._wrong(FORWARD, row, ("verified",), text)
        if row["kind"] == "webhook" and row["mode"] == "standard" and not row["secret"]:
            text = "needed to sign what is sent; make one: echo whsec_$(openssl rand -base64 24)"
            yield from self._wrong(FORWARD, row, ("secret",), text)

    def _keywords(self) -> Iterator[Complaint]:
        """One customer has a word on a number; the number is the customer's own, or one that many share."""
        numbers = {row["e164"]: row for row in self._inventory.all(NUMBER)}
        owners: dict[tuple[str, str], Row] = {}
        for row in self._inventory.all(KEYWORD):
            before = owners.setdefault((row["number"], row["folded"]), row)
            if before is not row:
                text = f"{row['word']} on {row['number']} belongs to somebody already"
                yield from self._either(KEYWORD, row, KEYWORD, before, text)
            number = numbers.get(row["number"])
            if number is None or (
                number["tenant_id"] != row["tenant_id"] and number["kind"] not in SHARED_KINDS
            ):
                known = self._known(NUMBER, row["tenant_id"])
                yield from self._wrong(KEYWORD, row, ("number",), _none_such("number", row["number"], known))

    def _phones(self, row: Row) -> Iterator[Complaint]:
        if row["via"] != "asterisk" and not row["ha1"]:
            text = "needed: its phones register with it"
            yield from self._wrong(SIP_ACCOUNT, row, ("password",), text)

    def _fallback(self, row: Row) -> Iterator[Complaint]:
        fallback = row["fallback"]
        if fallback is None or fallback["kind"] != "number":
            return
        if not fallback["verified"]:
            text = "other phones must be verified: set it to true once their owners agreed"
            yield from self._wrong(SIP_ACCOUNT, row, ("fallback", "verified"), text)
        ours = {own["e164"] for own in self._inventory.of_tenant(NUMBER, row["tenant_id"])}
        ours.update(number for pool in self._inventory.all(POOL) for number in pool["numbers"])
        if fallback["to"] in ours:
            text = (
                f"{fallback['to']} is a number of this customer or of a pool: the text would come back here"
            )
            yield from self._wrong(SIP_ACCOUNT, row, ("fallback", "number"), text)

    def _circles(self) -> Iterator[Complaint]:
        paid: dict[str, list[str]] = {}
        rules = [row for row in self._inventory.all(FORWARD) if row["kind"] == "number" and row["number"]]
        for row in rules:
            paid.setdefault(row["number"], []).extend(row["targets"])
        for row in rules:
            circle = _way_back(row["number"], row["targets"], paid)
            if circle:
                text = f"forwards in a circle: {' > '.join(circle)}"
                yield from self._wrong(FORWARD, row, ("to",), text)

    # --- saying it ---

    def _path(self, kind: Kind, row: Row) -> Path | None:
        return self._plan.paths.get((kind.table, kind.key_of(row)))

    def _refers(
        self, spot: _Spot, target: Kind, value: str, tenant_id: Id | None = None
    ) -> Iterator[Complaint]:
        """The field must name an existing `target`, if its row is wanted or its target is going."""
        key = (value,) if tenant_id is None else (tenant_id, value)
        if self._inventory.get(target, key) is not None:
            return
        if self._path(spot.kind, spot.row) is not None or (target.table, key) in self._plan.removed:
            what = target.name.removesuffix("s").replace("_", " ")
            yield self._missing(spot, what, value, self._known(target, tenant_id))

    def _known(self, kind: Kind, tenant_id: Id | None) -> set[str]:
        rows = self._inventory.all(kind) if tenant_id is None else self._inventory.of_tenant(kind, tenant_id)
        return {str(row[kind.key[0]]) for row in rows}

    def _missing(self, spot: _Spot, what: str, value: str, known: Iterable[str]) -> Complaint:
        path = self._path(spot.kind, spot.row)
        if path is None:
            label = self._inventory.label(spot.kind, spot.row)
            return Complaint((label,), f'still uses {what} "{value}", which would go')
        return Complaint((*path, *spot.at), _none_such(what, value, known))

    def _wrong(self, kind: Kind, row: Row, at: Path, what: str) -> Iterator[Complaint]:
        path = self._path(kind, row)
        if path is not None:
            yield Complaint((*path, *at), what)

    def _either(self, kind: Kind, row: Row, other: Kind, other_row: Row, what: str) -> Iterator[Complaint]:
        path = self._path(kind, row)
        if path is None:
            path = self._path(other, other_row)
        if path is not None:
            yield Complaint(path, what)


def _none_such(what: str, value: str, known: Iterable[str]) -> str:
    names = sorted(known)
    shown = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    return f'no {what} "{value}"; known {what}s: {shown or "none"}'


def _way_back(start: str, targets: list[str], paid: dict[str, list[str]]) -> list[Any]:
    """The numbers from `start` through paid forwards back to it, or nothing."""
    trail: list[tuple[str, list[str]]] = [(target, [start, target]) for target in targets]
    seen: set[str] = set()
    while trail:
        number, way = trail.pop()
        if number == start:
            return way
        if number not in seen:
            seen.add(number)
            trail += [(target, [*way, target]) for target in paid.get(number, ())]
    return []
