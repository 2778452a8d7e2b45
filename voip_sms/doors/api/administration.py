"""Numbers, forwards, blacklist, keys and accounts over HTTP, and the state of the carriers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from aiohttp import web

from voip_sms.core.audit import By
from voip_sms.core.directory import OPERATOR, Account, Directory, Id
from voip_sms.core.model import LinkState
from voip_sms.core.resources import carrier_resource, page
from voip_sms.core.resources.answers import carrier_details
from voip_sms.doors.api.bodies import Query, Shape, answer, id_in_path, json_of, nothing

PAGE_PARAMETERS: Final = frozenset({"limit", "starting_after"})
Json = Mapping[str, Any]
Handle = Callable[[web.Request, Account], Awaitable[web.Response]]


class Accounts(Protocol):
    """What a tenant may see and change of its configuration. Every call answers after its commit.

    `collection` is the prefix of its objects' ids: `num`, `fwd`, `blk`, `key`, `sip`, `nam`, `ivr`, `mls`,
    `grp`, `kwd`. An object that is not there, or another tenant's, is Refusal `not_found`; one that is there
    already is `conflict`. `by` is noted in the audit log.
    """

    async def list(
        self, tenant_id: Id, collection: str, *, limit: int, starting_after: Id | None
    ) -> tuple[Sequence[Json], bool]:
        """Objects as they are shown, and whether more follow."""
        ...

    async def create(self, tenant_id: Id, collection: str, resource: Any, by: By) -> Json:
        """Make one; as shown, with what is shown this once."""
        ...

    async def change(self, tenant_id: Id, collection: str, object_id: Id, patch: Any, by: By) -> Json:
        """Change the fields that `patch` gives; the object as shown then."""
        ...

    async def remove(self, tenant_id: Id, collection: str, object_id: Id, by: By) -> None:
        """Remove one."""
        ...

    async def company(self, tenant_id: Id) -> Json:
        """What the tenant decides for itself as a whole."""
        ...

    async def change_company(self, tenant_id: Id, patch: Any, by: By) -> Json:
        """Change what `patch` gives; as shown then."""
        ...


def by_key(account: Account) -> By:
    """Who the audit log says it was."""
    return By(account.ref, "api")


class Collection:
    """The handlers of one collection."""

    def __init__(self, accounts: Accounts, prefix: str, country: str) -> None:
        self._accounts = accounts
        self._prefix = prefix
        self._country = country

    async def list(self, request: web.Request, account: Account) -> web.Response:
        """GET."""
        query = Query(request, PAGE_PARAMETERS)
        found, has_more = await self._accounts.list(
            account.tenant_id,
            self._prefix,
            limit=query.limit(),
            starting_after=query.starting_after(self._prefix),
        )
        return answer(page([dict(one) for one in found], has_more=has_more))

    def create(self, shape: Shape[Any]) -> Handle:
        """POST of a body of this shape."""

        async def handle(request: web.Request, account: Account) -> web.Response:
            resource = shape.read(await json_of(request), self._country)
            made = await self._accounts.create(account.tenant_id, self._prefix, resource, by_key(account))
            return answer(made, 201)

        return handle

    def change(self, shape: Shape[Any]) -> Handle:
        """PATCH with a body of this shape."""

        async def handle(request: web.Request, account: Account) -> web.Response:
            object_id = id_in_path(request, self._prefix)
            patch = shape.read(await json_of(request), self._country)
            tenant_id, by = account.tenant_id, by_key(account)
            return answer(await self._accounts.change(tenant_id, self._prefix, object_id, patch, by))

        return handle

    async def remove(self, request: web.Request, account: Account) -> web.Response:
        """DELETE."""
        object_id = id_in_path(request, self._prefix)
        await self._accounts.remove(account.tenant_id, self._prefix, object_id, by_key(account))
        return nothing()


class Carriers:
    """GET /v1/carriers. A carrier whose link does not exist yet is `connecting`.

    Operators see settings too, and carriers that are switched off.
    """

    def __init__(
        self, directory: Callable[[], Directory], links: Callable[[], Mapping[str, LinkState]]
    ) -> None:
        self._directory = directory
        self._links = links

    async def list(self, request: web.Request, account: Account) -> web.Response:
        """All of them: there are a handful."""
        Query(request, frozenset())
        links, everything = self._links(), OPERATOR in account.scopes
        shown = [
            carrier_resource(carrier, links.get(name, _UNKNOWN))
            | (carrier_details(carrier) if everything else {})
            for name, carrier in sorted(self._directory().carriers.items())
            if carrier.enabled or everything
        ]
        return answer(page(shown, has_more=False))


_UNKNOWN: Final = LinkState("connecting", 0)
