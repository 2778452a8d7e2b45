"""Reads what the operator looks after: the tenants, quarantined texts, receipts without a message."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, func, select, text

from voip_sms.core.directory import Id
from voip_sms.core.ids import earliest
from voip_sms.store.config import Row
from voip_sms.store.money import Balance
from voip_sms.store.tables import (
    api_key,
    audit_entry,
    balance,
    forward,
    forward_job,
    ivr_flow,
    mail_sender,
    message,
    metadata,
    node,
    number,
    sender_name,
    sip_account,
    tenant,
    user_account,
)

PAGE_MOST: Final = 1_000
SEEN: Final = frozenset({"quarantine", "orphan_receipt", "tenant", "registration"})


def page_of_all(
    connection: Connection, table: str, *, limit: int, starting_after: Id | None = None
) -> tuple[list[Row], bool]:
    """Rows of a table of `SEEN`, newest first, and whether more follow."""
    if table not in SEEN:
        raise ValueError(f"{table} is not for the operator to page through")
    source = metadata.tables[table]
    limit = max(1, min(limit, PAGE_MOST))
    statement = select(source).order_by(source.c.id.desc()).limit(limit + 1)
    if starting_after is not None:
        statement = statement.where(source.c.id < starting_after)
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    return rows[:limit], len(rows) > limit


class Passing(NamedTuple):
    """A message as the operator sees it pass: whose it is and where it stands, nothing of what it says or to
    whom. `carrier` "" for what goes from one phone of a customer to another.
    """

    id: Id
    tenant_name: str
    direction: str
    door: str
    carrier: str
    parts: int
    status: str
    created_at: int


def passing(connection: Connection, limit: int) -> list[Passing]:
    """The newest messages of all customers, the newest first."""
    columns = (
        message.c.id,
        tenant.c.name,
        message.c.direction,
        message.c.door,
        message.c.carrier,
        message.c.parts,
        message.c.status,
        message.c.created_at,
    )
    whose = message.join(tenant, tenant.c.id == message.c.tenant_id)
    statement = select(*columns).select_from(whose).order_by(message.c.id.desc()).limit(limit)
    return [Passing(*row) for row in connection.execute(statement)]


def balances_of(connection: Connection, tenants: Sequence[Id]) -> Mapping[Id, Balance]:
    """What each of these tenants may spend."""
    columns = (
        balance.c.tenant_id,
        balance.c.currency,
        balance.c.credit,
        balance.c.reserved,
        balance.c.settled,
    )
    rows: Sequence[Any] = connection.execute(select(*columns).where(balance.c.tenant_id.in_(tenants))).all()
    return {tenant_id: Balance(*money) for tenant_id, *money in rows}


class Volume(NamedTuple):
    """What one customer sent and received, in messages."""

    outbound: int
    inbound: int


def volume_of(connection: Connection, tenant_id: Id, since: int) -> Volume:
    """A tenant's messages from a moment on; indexes alone are walked through, from there to their ends."""
    mine = (message.c.tenant_id == tenant_id, message.c.id >= earliest(since))
    counted = select(func.count()).select_from(message).where(*mine)
    whole = int(connection.execute(counted).scalar_one())
    inbound = int(
        connection.execute(counted.where(text("direction = 'inbound'"))).scalar_one()
    )  # as its index
    return Volume(whole - inbound, inbound)


_COUNTED: Final[Mapping[str, Table]] = {
    "users": user_account,
    "numbers": number,
    "sip_accounts": sip_account,
    "mail_senders": mail_sender,
    "sender_names": sender_name,
    "forwards": forward,
    "keys": api_key,
    "ivr_flows": ivr_flow,
}


def counts_of(connection: Connection, tenant_id: Id) -> Mapping[str, int]:
    """How many objects of each kind a tenant has."""
    found = {}
    for name, table in _COUNTED.items():
        wanted = select(func.count()).select_from(table).where(table.c.tenant_id == tenant_id)
        found[name] = int(connection.execute(wanted).scalar_one())
    return found


class NameRow(NamedTuple):
    """A sender name and whose it is."""

    id: Id
    tenant_id: Id
    tenant_name: str
    name: str
    status: str
    reason: str


def names_in_state(
    connection: Connection,
    status: str | None,
    *,
    limit: int,
    starting_after: Id | None = None,
    name_id: Id | None = None,
) -> tuple[list[NameRow], bool]:
    """Sender names of all tenants, newest first, and whether more follow; of this state, or this one."""
    columns = sender_name.c
    wanted = select(
        columns.id, columns.tenant_id, tenant.c.name, columns.name, columns.status, columns.reason
    )
    wanted = wanted.join_from(sender_name, tenant, tenant.c.id == columns.tenant_id)
    if status is not None:
        wanted = wanted.where(columns.status == status)
    if starting_after is not None:
        wanted = wanted.where(columns.id < starting_after)
    if name_id is not None:
        wanted = wanted.where(columns.id == name_id)
    limit = max(1, min(limit, PAGE_MOST))
    rows = [NameRow(*row) for row in connection.execute(wanted.order_by(columns.id.desc()).limit(limit + 1))]
    return rows[:limit], len(rows) > limit


def makers(connection: Connection, wanted: Mapping[str, Id], since: int) -> dict[str, tuple[str, int]]:
    """Who added each of these objects, and when; what is older than the log isn't in it.

    `wanted`: by their ids, as they are shown, whose they are; `since`: none was made before (epoch
    microseconds).
    """
    columns = (audit_entry.c.object_id, audit_entry.c.who, audit_entry.c.at)
    statement = select(*columns).where(
        audit_entry.c.tenant_id.in_(sorted(set(wanted.values()))),
        audit_entry.c.id >= earliest(since),
        audit_entry.c.action == "added",
        audit_entry.c.object_id.in_(sorted(wanted)),
    )
    return {shown: (who, at) for shown, who, at in connection.execute(statement)}


def waiting_for_operator(connection: Connection) -> Mapping[str, int]:
    """How many registrations and sender names wait for a decision, and texts of nobody are kept."""
    wanted = {
        "registrations": metadata.tables["registration"].c.status == "pending",
        "sender_names": sender_name.c.status == "pending",
        "quarantine": None,
    }
    tables = {"registrations": "registration", "sender_names": "sender_name", "quarantine": "quarantine"}
    found = {}
    for name, test in wanted.items():
        statement = select(func.count()).select_from(metadata.tables[tables[name]])
        found[name] = int(
            connection.execute(statement if test is None else statement.where(test)).scalar_one()
        )
    return found


class Failing(NamedTuple):
    """A customer's webhooks that were given up since some moment."""

    tenant_id: Id
    tenant_name: str
    target: str
    events: int


FAILING_MOST: Final = 50


def failing_webhooks(connection: Connection, since: int) -> Sequence[Failing]:
    """Of events from that moment on, the worst first."""
    count = func.count()
    wanted = (
        select(forward_job.c.tenant_id, tenant.c.name, forward_job.c.target, count)
        .join_from(forward_job, tenant, tenant.c.id == forward_job.c.tenant_id)
        .where(
            text("forward_job.state IN ('failed','expired')"),  # as the index has it
            forward_job.c.kind == "webhook",
            forward_job.c.id >= earliest(since),
        )
        .group_by(forward_job.c.tenant_id, tenant.c.name, forward_job.c.target)
        .order_by(count.desc())
        .limit(FAILING_MOST)
    )
    return [Failing(*row) for row in connection.execute(wanted)]


def nodes(connection: Connection) -> Sequence[tuple[str, int]]:
    """The processes on this database by name, and when each gave its last sign of life."""
    return [
        (name, int(at))
        for name, at in connection.execute(select(node.c.name, node.c.seen_at).order_by(node.c.name))
    ]
