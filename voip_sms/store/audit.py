"""Keeps the audit log: adds entries beside the change they tell of, seals them, and reads them back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from voip_sms.core.audit import FIRST, By, Entry, Head, Link, seal
from voip_sms.core.directory import Id
from voip_sms.store.tables import audit_chain, audit_entry

PAGE_MOST: Final = 1_000
WALK: Final = 500
"""Entries of a chain in memory at one time; an entry is as large as the object that it tells of."""

# Both databases speak it; two nodes may begin a chain at once.
_BEGIN: Final = text(
    "INSERT INTO audit_chain (tenant_id, seq, hash) VALUES (:t, :n, :h) ON CONFLICT DO NOTHING"
)
_UNSEALED: Final = text("seq IS NULL")
"""As the index has it."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What a list shall have; None: everything. `object`: an object's id as it is shown, or its label.

    `since` (inclusive) and `until` (exclusive): epoch microseconds.
    """

    kind: str | None = None
    action: str | None = None
    who: str | None = None
    object: str | None = None
    since: int | None = None
    until: int | None = None


# --- writing ------------------------------------------------------------------------------------------------


def row_of(entry: Entry) -> dict[str, Any]:
    """The entry as a row of `audit_entry`, not sealed yet."""
    return {
        "id": entry.id,
        "tenant_id": entry.tenant_id,
        "at": entry.at,
        "who": entry.by.who,
        "door": entry.by.door,
        "action": entry.action,
        "kind": entry.kind,
        "label": entry.label,
        "object_id": entry.object_id,
        "before": dict(entry.before),
        "after": dict(entry.after),
    }


def record(connection: Connection, entries: Sequence[Entry]) -> None:
    """Add entries, in the transaction of what they tell of."""
    if entries:
        connection.execute(insert(audit_entry), [row_of(entry) for entry in entries])


def unsealed(connection: Connection, most: int) -> list[Id]:
    """Whose chains have entries to seal, at most so many."""
    waiting = select(audit_entry.c.tenant_id).where(_UNSEALED).distinct().limit(most)
    return [bytes(one) for one in connection.execute(waiting).scalars()]


def seal_chain(connection: Connection, tenant_id: Id, most: int) -> int:
    """Seal the chain's oldest entries, in a writing transaction; how many.

    The chain's end is locked first: of several nodes one seals at a time, and the next sees what it did.
    """
    connection.execute(_BEGIN, {"t": tenant_id, "n": FIRST.seq, "h": FIRST.hash})
    mine = audit_chain.c.tenant_id == tenant_id
    row = connection.execute(select(audit_chain).where(mine).with_for_update()).one()
    waiting = select(audit_entry).where(audit_entry.c.tenant_id == tenant_id, _UNSEALED)
    rows = connection.execute(waiting.order_by(audit_entry.c.id).limit(most)).mappings().all()
    links = list(seal(Head(row.seq, bytes(row.hash)), [_entry(one) for one in rows]))
    if links:
        sealed = update(audit_entry).where(audit_entry.c.id == bindparam("of"))
        connection.execute(
            sealed,
            [{"of": one.entry.id, "seq": one.seq, "prev": one.prev, "hash": one.hash} for one in links],
        )
        connection.execute(update(audit_chain).where(mine).values(seq=links[-1].seq, hash=links[-1].hash))
    return len(links)


# --- reading ------------------------------------------------------------------------------------------------


def page_of_entries(
    connection: Connection, tenant_id: Id, only: AuditFilter, *, limit: int, starting_after: Id | None = None
) -> tuple[list[Link], bool]:
    """One chain's entries, newest first, and whether more follow."""
    return _page(connection, [audit_entry.c.tenant_id == tenant_id, *_tests(only)], limit, starting_after)


def page_of_everybodys(
    connection: Connection, only: AuditFilter, *, limit: int, starting_after: Id | None = None
) -> tuple[list[Link], bool]:
    """All chains' entries, newest first, for the operator, and whether more follow."""
    return _page(connection, _tests(only), limit, starting_after)


def chains(connection: Connection) -> list[Id]:
    """Whose chains there are, the operator's first: by their entries, and by the ends that are remembered."""
    found = {bytes(one) for one in connection.execute(select(audit_chain.c.tenant_id)).scalars()}
    column = audit_entry.c.tenant_id
    first = select(column).order_by(column).limit(1)  # PostgreSQL has no min() of octets
    next_one = connection.execute(first).scalar_one_or_none()
    while next_one is not None:  # from one to the next by the index, however many entries each has
        found.add(bytes(next_one))
        next_one = connection.execute(first.where(column > next_one)).scalar_one_or_none()
    return sorted(found)


def chain_head(connection: Connection, tenant_id: Id) -> Head | None:
    """Where the chain ended when an entry was last sealed."""
    row = connection.execute(select(audit_chain).where(audit_chain.c.tenant_id == tenant_id)).one_or_none()
    return None if row is None else Head(row.seq, bytes(row.hash))


def walk(connection: Connection, tenant_id: Id) -> Iterator[Link]:
    """The chain's sealed entries from its beginning."""
    after: int | None = None
    while True:
        links = stretch(connection, tenant_id, after)
        yield from links
        if len(links) < WALK:
            return
        after = links[-1].seq


def stretch(connection: Connection, tenant_id: Id, after: int | None) -> list[Link]:
    """The chain's next sealed entries behind that number, at most WALK; None: from its beginning."""
    own = audit_entry.c.tenant_id == tenant_id
    test = audit_entry.c.seq.is_not(None) if after is None else audit_entry.c.seq > after
    wanted = select(audit_entry).where(own, test).order_by(audit_entry.c.seq).limit(WALK)
    return [_link(row) for row in connection.execute(wanted).mappings()]


def oldest_unsealed(connection: Connection, tenant_id: Id) -> tuple[int, Link | None]:
    """How many of the chain's entries wait for their seal, and the oldest of them."""
    waiting = (audit_entry.c.tenant_id == tenant_id, _UNSEALED)
    count = connection.execute(select(func.count()).select_from(audit_entry).where(*waiting)).scalar_one()
    first = select(audit_entry).where(*waiting).order_by(audit_entry.c.id).limit(1)
    row = connection.execute(first).mappings().one_or_none()
    return count, None if row is None else _link(row)


def _page(
    connection: Connection, tests: Sequence[ColumnElement[bool]], limit: int, starting_after: Id | None
) -> tuple[list[Link], bool]:
    limit = max(1, min(limit, PAGE_MOST))
    wanted = select(audit_entry).where(*tests).order_by(audit_entry.c.id.desc()).limit(limit + 1)
    if starting_after is not None:
        wanted = wanted.where(audit_entry.c.id < starting_after)
    rows = connection.execute(wanted).mappings().all()
    return [_link(row) for row in rows[:limit]], len(rows) > limit


def _tests(only: AuditFilter) -> list[ColumnElement[bool]]:
    columns = audit_entry.c
    tests = [
        column == value
        for column, value in (
            (columns.kind, only.kind),
            (columns.action, only.action),
            (columns.who, only.who),
        )
        if value is not None
    ]
    if only.object is not None:
        tests.append(or_(columns.object_id == only.object, columns.label == only.object))
    if only.since is not None:
        tests.append(columns.at >= only.since)
    if only.until is not None:
        tests.append(columns.at < only.until)
    return tests


def _link(row: RowMapping) -> Link:
    return Link(_entry(row), row["seq"], row["prev"], row["hash"])


def _entry(row: RowMapping) -> Entry:
    return Entry(
        row["id"],
        row["tenant_id"],
        row["at"],
        By(row["who"], row["door"]),
        row["action"],
        row["kind"],
        row["label"],
        row["object_id"],
        row["before"],
        row["after"],
    )
