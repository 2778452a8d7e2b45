"""What the operator's keys open over HTTP: lists of what concerns all tenants or none."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from aiohttp import web

from voip_sms.core.directory import Account, Id
from voip_sms.core.resources import oversight, page
from voip_sms.doors.api.administration import PAGE_PARAMETERS, Handle
from voip_sms.doors.api.bodies import Query, answer

Found = tuple[Sequence[dict[str, Any]], bool]


class Oversight(Protocol):
    """Pages of objects as they are shown, newest first, and whether more follow."""

    async def tenants(self, *, limit: int, starting_after: Id | None) -> Found:
        """All tenants with their balances."""
        ...

    async def quarantine(self, *, limit: int, starting_after: Id | None) -> Found:
        """Inbound messages that are nobody's."""
        ...

    async def orphan_receipts(self, *, limit: int, starting_after: Id | None) -> Found:
        """Receipts that met no message."""
        ...


def handles(seen: Oversight) -> dict[str, Handle]:
    """The handler of each operation, by its name."""
    return {
        "list_tenants": _listing(seen.tenants, oversight.TENANT),
        "list_quarantine": _listing(seen.quarantine, oversight.QUARANTINED),
        "list_orphan_receipts": _listing(seen.orphan_receipts, oversight.ORPHAN),
    }


def _listing(read: Callable[..., Awaitable[Found]], prefix: str) -> Handle:
    async def handle(request: web.Request, _account: Account) -> web.Response:
        query = Query(request, PAGE_PARAMETERS)
        found, has_more = await read(limit=query.limit(), starting_after=query.starting_after(prefix))
        return answer(page(list(found), has_more=has_more))

    return handle
