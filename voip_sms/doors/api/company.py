"""A tenant as a whole over HTTP: its switches, and the codes that prove phones to forward to."""

from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from voip_sms.core.audit import By
from voip_sms.core.directory import Account, Id
from voip_sms.doors.api.administration import Accounts, Handle, by_key
from voip_sms.doors.api.bodies import Query, answer, json_of
from voip_sms.doors.api.shapes import CODE_OF_NUMBER, COMPANY_PATCH, NUMBER_TO_PROVE


class Verifying(Protocol):
    """See `engine/verifying.py`."""

    async def send(self, tenant_id: Id, typed: str, by: By) -> Mapping[str, Any]:
        """Send a code to a phone."""
        ...

    async def prove(self, tenant_id: Id, typed: str, code: str, by: By) -> Mapping[str, Any]:
        """The code that it was sent."""
        ...


def handles(accounts: Accounts, verifying: Verifying, country: str) -> dict[str, Handle]:
    """The handler of each operation, by its name."""
    handlers = _Handlers(accounts, verifying, country)
    return {
        "get_company": handlers.show,
        "change_company": handlers.change,
        "send_number_code": handlers.send,
        "prove_number": handlers.prove,
    }


class _Handlers:
    def __init__(self, accounts: Accounts, verifying: Verifying, country: str) -> None:
        self._accounts = accounts
        self._verifying = verifying
        self._country = country

    async def show(self, request: web.Request, account: Account) -> web.Response:
        Query(request, frozenset())
        return answer(await self._accounts.company(account.tenant_id))

    async def change(self, request: web.Request, account: Account) -> web.Response:
        patch = COMPANY_PATCH.read(await json_of(request), self._country)
        return answer(await self._accounts.change_company(account.tenant_id, patch, by_key(account)))

    async def send(self, request: web.Request, account: Account) -> web.Response:
        asked = NUMBER_TO_PROVE.read(await json_of(request), self._country)
        return answer(await self._verifying.send(account.tenant_id, asked.number, by_key(account)), 202)

    async def prove(self, request: web.Request, account: Account) -> web.Response:
        asked = CODE_OF_NUMBER.read(await json_of(request), self._country)
        tenant_id, by = account.tenant_id, by_key(account)
        return answer(await self._verifying.prove(tenant_id, asked.number, asked.code, by))
