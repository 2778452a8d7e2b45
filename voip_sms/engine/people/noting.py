"""What people do, and what is done to them, in the audit log: rows of the unit that does it."""

from collections.abc import Mapping
from typing import Any

from voip_sms.core.audit import Action, By, Entry
from voip_sms.core.people import User
from voip_sms.engine.accounts import kinds
from voip_sms.engine.accounts.auditing import difference, fields
from voip_sms.engine.context import Context
from voip_sms.engine.people.rows import label_of
from voip_sms.store.audit import row_of
from voip_sms.store.units import Rows

Person = Mapping[str, Any]
"""A row of `user_account`; of what is beside somebody, its `tenant_id` and `mail` are enough."""


def by_person(person: User) -> By:
    """Whoever does it themselves, at the panel."""
    return By(f"user:{person.mail}", "panel")


class Notes:
    """Writes to `rows`, in the name of `by`."""

    def __init__(self, rows: Rows, context: Context, by: By) -> None:
        self._rows = rows
        self._context = context
        self._by = by

    def added(self, person: Person) -> None:
        """Somebody is new."""
        _, after = difference({}, fields(kinds.USER, dict(person)))
        self._note(person, "added", (kinds.USER.name, ""), ({}, after))

    def changed(self, person: Person, changes: Mapping[str, Any]) -> None:
        """Columns have other values; of secrets only that. Nothing where none of them is ever told."""
        before, after = difference(
            fields(kinds.USER, dict(person)), fields(kinds.USER, {**person, **changes})
        )
        if before or after:
            self._note(person, "changed", (kinds.USER.name, ""), (before, after))

    def beside(self, person: Person, action: Action, collection: str, name: str) -> None:
        """Something of theirs that is in no column, such as a link: `….links[password]`."""
        self._note(person, action, (collection, f".{collection}[{name}]"), ({}, {}))

    def _note(
        self,
        person: Person,
        action: Action,
        what: tuple[str, str],
        told: tuple[Mapping[str, Any], Mapping[str, Any]],
    ) -> None:
        kind, label = what
        entry = Entry(
            id=self._context.new_id(),
            tenant_id=person["tenant_id"],
            at=self._context.clock.now(),
            by=self._by,
            action=action,
            kind=kind,
            label=label_of(self._context.directory(), person) + label,
            object_id="",
            before=told[0],
            after=told[1],
        )
        self._rows.inserts.append(("audit_entry", row_of(entry)))
