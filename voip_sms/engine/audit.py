"""Shows the audit log, and proves it whole: a tenant its own chain, the operator the operator's, or all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.core.audit import Fault, Head, Inspection, Link, chain_name
from voip_sms.core.clock import MINUTE, SECOND
from voip_sms.core.directory import Id
from voip_sms.core.resources.audit import entry_resource
from voip_sms.store.audit import (
    WALK,
    AuditFilter,
    chain_head,
    chains,
    oldest_unsealed,
    page_of_entries,
    page_of_everybodys,
    stretch,
)
from voip_sms.store.reader import Reader

__all__ = ["AuditFilter", "AuditLog", "Proven", "Verified"]

Page = tuple[Sequence[dict[str, Any]], bool]

UNSEALED_LONGEST: Final = 10 * MINUTE
"""`serve` seals within seconds, commands at their end."""
VERIFYING: Final = 10 * SECOND
"""How long somebody waits for a page: of longer chains the rest is for `voip-sms audit verify`."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What was found of one chain. `tenant`: `ten_…`, None for the operator's."""

    tenant: str | None
    head: Head
    unsealed: int
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Verified:
    """`whole`: everything was looked at; else time was over. `at`: epoch microseconds."""

    at: int
    whole: bool
    chains: Sequence[Proven]

    @property
    def entries(self) -> int:
        """How many sealed ones were looked at."""
        return sum(one.head.seq for one in self.chains)

    @property
    def faults(self) -> int:
        """How many things are wrong."""
        return sum(len(one.faults) for one in self.chains)


class AuditLog:
    """Each call gives one page as `AuditEntryShown`, newest first, and whether more follow; at most 1,000."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.verified: Verified | None = None
        """What this process found when it was last asked to verify all chains."""

    async def list(self, tenant_id: Id, only: AuditFilter, *, limit: int, starting_after: Id | None) -> Page:
        """One chain; NO_TENANT: the operator's."""
        links, more = await self._reader.run(
            page_of_entries, tenant_id, only, limit=limit, starting_after=starting_after
        )
        return [entry_resource(link) for link in links], more

    async def everybodys(self, only: AuditFilter, *, limit: int, starting_after: Id | None) -> Page:
        """All chains, for the operator alone."""
        links, more = await self._reader.run(
            page_of_everybodys, only, limit=limit, starting_after=starting_after
        )
        return [entry_resource(link) for link in links], more

    async def verify(self, now: Callable[[], int], tenant_id: Id | None = None) -> Verified:
        """Look through one chain, or through all, for at most `VERIFYING`; a stretch of entries at a time, so
        that no reader is held up.
        """
        began = now()
        proven: list[Proven] = []
        whole = True
        for chain in [tenant_id] if tenant_id is not None else await self._reader.run(chains):
            if now() - began > VERIFYING:
                whole = False
                break
            one, complete = await self._prove(chain, now, began + VERIFYING)
            proven.append(one)
            whole = whole and complete
        verified = Verified(began, whole, proven)
        if tenant_id is None:
            self.verified = verified
        return verified

    async def _prove(self, chain: Id, now: Callable[[], int], until: int) -> tuple[Proven, bool]:
        """What was found, and whether all of it was looked at."""
        inspection, complete = Inspection(), False
        while not complete and now() < until:
            links, head = await self._reader.run(_next, chain, inspection.head.seq or None)
            for link in links:
                inspection.look(link)
            complete = len(links) < WALK
            if complete:
                inspection.end(head)
        waiting, oldest = await self._reader.run(oldest_unsealed, chain)
        if oldest is not None:
            inspection.waits(oldest, until - VERIFYING, UNSEALED_LONGEST)
        return Proven(chain_name(chain), inspection.head, waiting, inspection.faults), complete


def _next(connection: Connection, chain: Id, after: int | None) -> tuple[Sequence[Link], Head | None]:
    """The next stretch of a chain, and where the chain ends, at one moment."""
    return stretch(connection, chain, after), chain_head(connection, chain)
