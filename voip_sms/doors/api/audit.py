"""The audit log over HTTP: a tenant's own for its keys, the operator's for the operator's."""

from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp import web

from voip_sms.core.audit import AUDIT
from voip_sms.core.directory import Account, Id
from voip_sms.core.resources import page
from voip_sms.core.resources.audit import ACTIONS
from voip_sms.doors.api.administration import PAGE_PARAMETERS, Handle
from voip_sms.doors.api.bodies import Query, answer
from voip_sms.engine.audit import AuditFilter

_FILTERS = PAGE_PARAMETERS | {"kind", "action", "who", "object"}


class AuditLog(Protocol):
    """See `engine/audit.py`."""

    async def list(
        self, tenant_id: Id, only: AuditFilter, *, limit: int, starting_after: Id | None
    ) -> tuple[Sequence[dict[str, Any]], bool]:
        """A page of one chain, newest first, and whether more follow; NO_TENANT: the operator's."""
        ...


def handles(log: AuditLog) -> dict[str, Handle]:
    """The handler of the operation, by its name."""

    async def listing(request: web.Request, account: Account) -> web.Response:
        query = Query(request, _FILTERS)
        only = AuditFilter(
            kind=query.text("kind"),
            action=query.one_of("action", ACTIONS),
            who=query.text("who"),
            object=query.text("object"),
        )
        found, more = await log.list(
            account.tenant_id, only, limit=query.limit(), starting_after=query.starting_after(AUDIT)
        )
        return answer(page(list(found), has_more=more))

    return {"list_audit_entries": listing}
