"""Compares wanted resources with what is there: what is added, changed, removed and left as it is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.resources.complaints import Complaint, Path, dotted
from voip_sms.engine.accounts.inventory import Inventory, Key
from voip_sms.engine.accounts.kinds import DEFAULTS, FORWARD, KINDS, MADE_AT, TENANT, Kind, Merge, Row
from voip_sms.engine.accounts.sealing import Sealed, Vault


@dataclass(frozen=True, slots=True)
class Wanted:
    """One resource as it shall be: the fields it sets, and where it stands in the document (`path`).

    `also` are columns that its surroundings give (the tenant, the number). `row`: the row it is, where a
    natural key doesn't say so.
    """

    kind: Kind
    resource: BaseModel
    path: Path
    also: Mapping[str, Any] = field(default_factory=dict)
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One row to write. `columns`: a new row whole, or the changed columns. `row`: as it is then.

    `before`: what the changed columns were.
    """

    action: Literal["added", "changed", "removed"]
    kind: Kind
    row: Row
    columns: Row
    label: str
    before: Row = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Maker:
    """What new rows and secrets are made of, and who makes them.

    `realm`: `sip.domain`; `now`: epoch microseconds; `by` stands in the audit log.
    """

    realm: str
    vault: Vault
    new_id: Callable[[], Id]
    now: int
    by: By


class Plan:
    """Grows resource by resource; the inventory shows what was planned so far."""

    def __init__(self, inventory: Inventory, maker: Maker) -> None:
        self.inventory = inventory
        self.changes: list[Change] = []
        self.complaints: list[Complaint] = []
        self.unchanged = 0
        self.paths: dict[tuple[str, Key], Path] = {}
        """Where each wanted row stands in the document."""
        self.removed: set[tuple[str, Key]] = set()
        self._maker = maker

    def complain(self, path: Path, what: str) -> None:
        """Something is wrong at `path`."""
        self.complaints.append(Complaint(path, what))

    def want(self, wanted: Wanted) -> Row | None:
        """Add or change a row; the row as it then is, or None if it can't be."""
        kind = wanted.kind
        resource = wanted.resource
        named = frozenset(resource.model_fields_set)
        columns = {**kind.columns(resource, named, self._maker.realm), **wanted.also}
        if wanted.row is not None:
            row: Row | None = wanted.row
            key = kind.key_of(wanted.row)
        elif kind is FORWARD:  # its pairing found no row
            row, key = None, ()
        else:
            key = kind.key_of(columns)
            row = self.inventory.get(kind, key)
        if not self._first(kind, key, wanted.path):
            return None
        return self._add(wanted) if row is None else self._change(kind, row, columns, wanted.path)

    def remove(self, kind: Kind, row: Row) -> None:
        """Remove a row."""
        label = self.inventory.label(kind, row)
        self.removed.add((kind.table, kind.key_of(row)))
        self.inventory.drop(kind, row)
        self.changes.append(Change("removed", kind, row, {}, label))

    def prune(self, has_history: Callable[[Id], bool]) -> None:
        """Remove every row that was not wanted; a tenant with a history is switched off instead."""
        for kind in reversed(KINDS):
            for row in self.inventory.all(kind):
                if (kind.table, kind.key_of(row)) in self.paths:
                    continue
                if kind is TENANT and has_history(row["id"]):
                    self._retire(row)
                else:
                    self.remove(kind, row)

    def _retire(self, row: Row) -> None:
        if row["enabled"]:
            changed = {"enabled": False, "price_list": ""}  # which may be going too
            before = {name: row[name] for name in changed}
            row.update(changed)
            label = self.inventory.label(TENANT, row)
            self.changes.append(Change("removed", TENANT, row, changed, label, before))

    def _first(self, kind: Kind, key: Key, path: Path) -> bool:
        if not key:
            return True
        before = self.paths.setdefault((kind.table, key), path)
        if before is not path:
            self.complain(path, f"named twice; it is also at {dotted(before)}")
        return before is path

    def _add(self, wanted: Wanted) -> Row | None:
        kind, resource = wanted.kind, wanted.resource
        missing = [
            name
            for name in getattr(resource, "CREATE_NEEDS", ())
            if name not in resource.model_fields_set or getattr(resource, name) is None
        ]
        if missing:
            self.complain(wanted.path, f"is new and needs {', '.join(missing)}")
            return None
        every = frozenset(type(resource).model_fields)
        columns = {**kind.columns(resource, every, self._maker.realm), **wanted.also}
        row: Row = {**DEFAULTS.get(kind.table, {})}
        row.update({name: self._new_value(value) for name, value in columns.items()})
        if kind.of_tenant or kind is TENANT:
            row["id"] = self._maker.new_id()
        if kind.table in MADE_AT:
            row["created_at"] = self._maker.now
        self.inventory.put(kind, row)
        self.paths[kind.table, kind.key_of(row)] = wanted.path
        self.changes.append(Change("added", kind, row, dict(row), self.inventory.label(kind, row)))
        return row

    def _new_value(self, value: Any) -> Any:
        if isinstance(value, Merge):
            return dict(value.values)
        return self._maker.vault.seal(value) if isinstance(value, Sealed) else value

    def _change(self, kind: Kind, row: Row, columns: Row, path: Path) -> Row:
        changed: Row = {}
        for name, value in columns.items():
            new = self._value(row[name], value)
            if new != row[name]:
                changed[name] = new
        if not changed:
            self.unchanged += 1
            return row
        if "targets" in changed and kind is FORWARD and "verified" not in columns:
            changed["verified"] = False
        key, before = kind.key_of(row), {name: row[name] for name in changed}
        row.update(changed)
        assert kind.key_of(row) == key, f"{dotted(path)}: a natural key never changes"
        self.changes.append(Change("changed", kind, row, changed, self.inventory.label(kind, row), before))
        return row

    def _value(self, old: Any, value: Any) -> Any:
        if isinstance(value, Merge):
            return {**(old or {}), **value.values}
        if isinstance(value, Sealed):
            return old if self._maker.vault.proves(value, old) else self._maker.vault.seal(value)
        return value


def pair_forwards(
    wanted: Sequence[tuple[BaseModel, Path]], rows: Iterable[Row]
) -> Iterator[tuple[BaseModel, Path, Row | None]]:
    """Which row each rule of a number is: the one with its kind and targets; else, except for URLs, the
    first of its kind that is left, whose targets then change.
    """
    left = list(rows)
    found: dict[int, Row] = {}
    for strict in (True, False):
        for index, (rule, _) in enumerate(wanted):
            if index not in found:
                match = next((row for row in left if _is_rule(rule, row, strict=strict)), None)
                if match is not None:
                    found[index] = match
                    left.remove(match)
    for index, (rule, path) in enumerate(wanted):
        yield rule, path, found.get(index)


def _is_rule(rule: BaseModel, row: Row, *, strict: bool) -> bool:
    kind = getattr(rule, "kind", "webhook")
    if kind != row["kind"]:
        return False
    if kind == "webhook":
        return bool(row["targets"] == [getattr(rule, "url", None)])
    return not strict or row["targets"] == list(dict.fromkeys(getattr(rule, "to", ())))
