"""Webhooks over HTTP: what was told, what failed, telling it again, new secrets, test events."""

from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.audit import By
from voip_sms.core.directory import Account, Id
from voip_sms.core.resources import InvalidError, page
from voip_sms.core.resources.answers import FORWARD
from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.webhooks import DELIVERY, STATES, ReplayRequest
from voip_sms.doors.api.administration import PAGE_PARAMETERS, Handle, by_key
from voip_sms.doors.api.bodies import Query, answer, id_in_path, json_of
from voip_sms.doors.api.shapes import REPLAY
from voip_sms.engine.webhooks import HandoverFilter, Replay

_FILTERS = PAGE_PARAMETERS | {"state", "forward"}


class Webhooks(Protocol):
    """See `engine/webhooks.py`. What isn't there, or is another tenant's, is Refusal `not_found`."""

    async def list(
        self, tenant_id: Id, only: HandoverFilter, *, limit: int, starting_after: Id | None
    ) -> tuple[Sequence[dict[str, Any]], bool]:
        """A page of hand-overs, and whether more follow."""
        ...

    async def get(self, tenant_id: Id, job_id: Id) -> dict[str, Any]:
        """One with its attempts."""
        ...

    async def replay(self, tenant_id: Id, job_id: Id, by: By) -> dict[str, Any]:
        """Queue one again; as it is shown then."""
        ...

    async def replay_many(self, tenant_id: Id, which: Replay, by: By) -> tuple[int, bool]:
        """Queue failed ones again: how many, and whether there are more."""
        ...

    async def rotate(self, tenant_id: Id, rule_id: Id, by: By) -> dict[str, Any]:
        """The forward with its new secret."""
        ...

    async def test(self, tenant_id: Id, rule_id: Id) -> dict[str, Any]:
        """What became of a test event."""
        ...


def handles(hooks: Webhooks, country: str) -> dict[str, Handle]:
    """The handler of each operation, by its name."""
    handlers = _Handlers(hooks, country)
    return {
        "list_webhook_deliveries": handlers.list,
        "get_webhook_delivery": handlers.get,
        "replay_webhook_delivery": handlers.replay,
        "replay_webhook_deliveries": handlers.replay_many,
        "rotate_forward_secret": handlers.rotate,
        "test_forward": handlers.test,
    }


class _Handlers:
    def __init__(self, hooks: Webhooks, country: str) -> None:
        self._hooks = hooks
        self._country = country

    async def list(self, request: web.Request, account: Account) -> web.Response:
        query = Query(request, _FILTERS)
        only = HandoverFilter(state=query.one_of("state", STATES), rule_id=query.id("forward", FORWARD))
        found, more = await self._hooks.list(
            account.tenant_id, only, limit=query.limit(), starting_after=query.starting_after(DELIVERY)
        )
        return answer(page(list(found), has_more=more))

    async def get(self, request: web.Request, account: Account) -> web.Response:
        return answer(await self._hooks.get(account.tenant_id, id_in_path(request, DELIVERY)))

    async def replay(self, request: web.Request, account: Account) -> web.Response:
        job_id = id_in_path(request, DELIVERY)
        return answer(await self._hooks.replay(account.tenant_id, job_id, by_key(account)), 202)

    async def replay_many(self, request: web.Request, account: Account) -> web.Response:
        asked: ReplayRequest = REPLAY.read(await json_of(request), self._country)
        which = Replay(asked.since, asked.until, _rule(asked))
        count, more = await self._hooks.replay_many(account.tenant_id, which, by_key(account))
        return answer({"replayed": count, "has_more": more}, 202)

    async def rotate(self, request: web.Request, account: Account) -> web.Response:
        rule_id = id_in_path(request, FORWARD)
        return answer(await self._hooks.rotate(account.tenant_id, rule_id, by_key(account)))

    async def test(self, request: web.Request, account: Account) -> web.Response:
        return answer(await self._hooks.test(account.tenant_id, id_in_path(request, FORWARD)))


def _rule(asked: ReplayRequest) -> Id | None:
    if asked.forward is None:
        return None
    try:
        return ids.from_text(FORWARD, asked.forward)
    except ids.IdInvalidError as error:
        raise InvalidError([Complaint(("forward",), str(error))]) from None
