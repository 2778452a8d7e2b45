"""The audit log from outside `serve`: who stands in it, sealing at once, listing, proving it whole."""

import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from voip_sms.core import ids
from voip_sms.core.audit import TENANT, By, Door, Fault, Head, Inspection, chain_name
from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources.audit import entry_resource
from voip_sms.engine.audit import UNSEALED_LONGEST
from voip_sms.store import audit, resolve
from voip_sms.store.audit import AuditFilter
from voip_sms.store.config import read_all
from voip_sms.store.database import Database

SEALED: Final = 500
"""Entries in one transaction: some ten milliseconds."""
CHAINS: Final = 1_000
"""Sealed by one command: a file may touch all customers; `serve` does the rest."""
OPERATORS: Final = "operator"


def by_command(name: Door, command: str) -> By:
    """Who the audit log says it was: nobody signs in to a shell of ours, so it names the machine."""
    return By(f"operator:{command}@{socket.gethostname()}", name)


def seal(database: Database) -> None:
    """Seal what waits, as far as that goes: a command is done without it, and `serve` tries again."""
    with suppress(SQLAlchemyError, OSError):
        with database.reader.connect() as connection:
            waiting = audit.unsealed(connection, CHAINS)
        for tenant_id in waiting:
            _seal(database, tenant_id)


def _seal(database: Database, tenant_id: Id) -> None:
    sealed = SEALED
    while sealed == SEALED:
        with database.writer.begin() as connection:
            sealed = audit.seal_chain(connection, tenant_id, SEALED)


# --- whose --------------------------------------------------------------------------------------------------


def chain_of(connection: Connection, name: str) -> Id:
    """The chain of a tenant by its name or `ten_…`, also of one that is gone. Refusal `not_found`."""
    found = resolve.tenant_of_name(connection, name)
    if found is not None:
        return found
    with suppress(ids.IdInvalidError):
        gone = ids.from_text(TENANT, name)
        if gone in audit.chains(connection):
            return gone
    raise Refusal("not_found", f"{name}: there is no such tenant")


# --- listing ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of the log: one tenant's, or with None everybody's."""

    tenant: str | None
    only: AuditFilter
    limit: int
    after: Id | None = None


def listed(database: Database, wanted: Wanted) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """Entries as `AuditEntryShown`, newest first, and whether more follow. Refusal."""
    with database.reader.connect() as connection:
        if wanted.tenant is None:
            links, more = audit.page_of_everybodys(
                connection, wanted.only, limit=wanted.limit, starting_after=wanted.after
            )
        else:
            chain = chain_of(connection, wanted.tenant)
            links, more = audit.page_of_entries(
                connection, chain, wanted.only, limit=wanted.limit, starting_after=wanted.after
            )
    return [entry_resource(link) for link in links], more


# --- proving ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found of one chain. `name`: the tenant's, or `operator`; `id`: `ten_…`, or None."""

    name: str
    id: str | None
    head: Head
    unsealed: int
    faults: Sequence[Fault]


def verified(
    database: Database, now: int, tenant: str | None = None, expected: Collection[bytes] = ()
) -> tuple[Sequence[Proof], Collection[bytes]]:
    """Look through one chain or all: what was found of each, and the expected hashes that are nowhere.

    Refusal for a tenant that never was.
    """
    proofs, missing = list[Proof](), set(expected)
    with database.reader.connect() as connection:
        names = {row["id"]: row["name"] for row in read_all(connection, "tenant")} | {NO_TENANT: OPERATORS}
        wanted = audit.chains(connection) if tenant is None else [chain_of(connection, tenant)]
        for tenant_id in wanted:
            inspection, waiting = _inspected(connection, tenant_id, now, missing)
            missing = inspection.missing
            name = names.get(tenant_id) or str(chain_name(tenant_id))
            found = (inspection.head, waiting, inspection.faults)
            proofs.append(Proof(name, chain_name(tenant_id), *found))
    return proofs, missing


def _inspected(
    connection: Connection, tenant_id: Id, now: int, expected: Collection[bytes]
) -> tuple[Inspection, int]:
    inspection = Inspection(expected)
    for link in audit.walk(connection, tenant_id):
        inspection.look(link)
    inspection.end(audit.chain_head(connection, tenant_id))
    waiting, oldest = audit.oldest_unsealed(connection, tenant_id)
    if oldest is not None:
        inspection.waits(oldest, now, UNSEALED_LONGEST)
    return inspection, waiting
