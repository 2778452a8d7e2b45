"""Shows the audit log: a tenant its own chain, the operator the operator's, or everybody's."""

from collections.abc import Sequence
from typing import Any

from voip_sms.core.directory import Id
from voip_sms.core.resources.audit import entry_resource
from voip_sms.store.audit import AuditFilter, page_of_entries, page_of_everybodys
from voip_sms.store.reader import Reader

__all__ = ["AuditFilter", "AuditLog"]

Page = tuple[Sequence[dict[str, Any]], bool]


class AuditLog:
    """Each call gives one page as `AuditEntryShown`, newest first, and whether more follow; at most 1,000."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

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
