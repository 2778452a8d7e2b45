"""What the operator's keys open over HTTP: what concerns all tenants or none, and decisions about it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from aiohttp import web

from voip_sms.core import clock
from voip_sms.core.audit import By
from voip_sms.core.directory import Account, Id
from voip_sms.core.resources import answers, oversight, page
from voip_sms.doors.api.administration import PAGE_PARAMETERS, Handle, by_key
from voip_sms.doors.api.bodies import Query, answer, id_in_path, json_of, nothing
from voip_sms.doors.api.shapes import ASSIGNMENT, NAME_DECISION
from voip_sms.engine.names import Applied, Decision

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


class Names(Protocol):
    """See `engine/names.py`."""

    async def listing(
        self, status: str, *, limit: int, starting_after: Id | None = None
    ) -> tuple[Sequence[Applied], bool]:
        """Names of all customers in this state, newest first, and whether more follow."""
        ...

    async def decide(self, name_id: Id, decision: Decision, reason: str, by: By) -> dict[str, Any]:
        """Approve or reject one; as shown then."""
        ...


class Quarantine(Protocol):
    """See `engine/quarantine.py`."""

    async def assign(self, quarantined_id: Id, number: str, by: By) -> str:
        """Take it as a text to this number; what became of it."""
        ...

    async def delete(self, quarantined_id: Id, by: By) -> None:
        """Delete it."""
        ...


def decisions(names: Names, quarantine: Quarantine, country: str) -> dict[str, Handle]:
    """The handler of each operation that decides something, by its name."""
    handlers = _Decisions(names, quarantine, country)
    return {
        "assign_quarantined": handlers.assign,
        "delete_quarantined": handlers.delete,
        "list_applied_names": handlers.names,
        "decide_name": handlers.decide,
    }


class _Decisions:
    def __init__(self, names: Names, quarantine: Quarantine, country: str) -> None:
        self._names = names
        self._quarantine = quarantine
        self._country = country

    async def assign(self, request: web.Request, account: Account) -> web.Response:
        quarantined = id_in_path(request, oversight.QUARANTINED)
        wanted = ASSIGNMENT.read(await json_of(request), self._country)
        status = await self._quarantine.assign(quarantined, wanted.number, by_key(account))
        return answer({"status": status})

    async def delete(self, request: web.Request, account: Account) -> web.Response:
        await self._quarantine.delete(id_in_path(request, oversight.QUARANTINED), by_key(account))
        return nothing()

    async def names(self, request: web.Request, _account: Account) -> web.Response:
        query = Query(request, PAGE_PARAMETERS | {"status"})
        status = query.one_of("status", _STATES) or "pending"
        found, more = await self._names.listing(
            status, limit=query.limit(), starting_after=query.starting_after(answers.SENDER_NAME)
        )
        return answer(page([_applied(one) for one in found], has_more=more))

    async def decide(self, request: web.Request, account: Account) -> web.Response:
        name_id = id_in_path(request, answers.SENDER_NAME)
        wanted = NAME_DECISION.read(await json_of(request), self._country)
        return answer(await self._names.decide(name_id, wanted.status, wanted.reason, by_key(account)))


_STATES = frozenset({"pending", "approved", "rejected"})


def _applied(one: Applied) -> dict[str, Any]:
    return {
        **{
            name: getattr(one, name)
            for name in ("id", "tenant", "tenant_name", "name", "status", "reason", "by")
        },
        "at": None if one.at is None else clock.to_rfc3339(one.at),
        "like": [{"name": like.name, "how": like.how} for like in one.like],
    }


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
