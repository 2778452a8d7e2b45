"""Reading over HTTP: messages, their traces, the balance."""

from typing import Final

from aiohttp import web

from voip_sms.core import addresses
from voip_sms.core.directory import Account
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import balance_resource, message_resource, page
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.core.status import Status
from voip_sms.doors.api.bodies import Query, answer, id_in_path
from voip_sms.engine.messages import MessageFilter, Messages

FILTERS: Final = frozenset({"direction", "to", "from", "status", "client_ref", "limit", "starting_after"})
_DIRECTIONS: Final = frozenset({"outbound", "inbound"})
_STATUSES: Final = frozenset(str(status) for status in Status)


class Reading:
    """The handlers that change nothing."""

    def __init__(self, messages: Messages, country: str) -> None:
        self._messages = messages
        self._country = country

    async def messages(self, request: web.Request, account: Account) -> web.Response:
        """GET /v1/messages."""
        query = Query(request, FILTERS)
        only = MessageFilter(
            direction=query.one_of("direction", _DIRECTIONS),
            to=self._number(query.text("to")),
            sender=self._number(query.text("from")),
            status=query.one_of("status", _STATUSES),
            client_ref=query.text("client_ref"),
        )
        found, has_more = await self._messages.list(
            account.tenant_id, only, limit=query.limit(), starting_after=query.starting_after(MESSAGE)
        )
        return answer(page([message_resource(message) for message in found], has_more=has_more))

    async def message(self, request: web.Request, account: Account) -> web.Response:
        """GET /v1/messages/{id}."""
        found = await self._messages.get(account.tenant_id, id_in_path(request, MESSAGE))
        return answer(message_resource(found))

    async def trace(self, request: web.Request, account: Account) -> web.Response:
        """GET /v1/messages/{id}/trace."""
        steps = await self._messages.trace(account.tenant_id, id_in_path(request, MESSAGE))
        shown = [{"step": step.step, "decision": step.decision, "reason": step.reason} for step in steps]
        return answer({"data": shown})

    async def handovers(self, request: web.Request, account: Account) -> web.Response:
        """GET /v1/messages/{id}/deliveries."""
        found = await self._messages.handovers(account.tenant_id, id_in_path(request, MESSAGE))
        return answer({"data": list(found)})

    async def balance(self, request: web.Request, account: Account) -> web.Response:
        """GET /v1/balance."""
        Query(request, frozenset())
        found = await self._messages.balance(account.tenant_id)
        return answer(
            balance_resource(
                found.currency, available=found.available, reserved=found.reserved, credit=found.credit
            )
        )

    def _number(self, typed: str | None) -> str | None:
        """A number as it is stored, or `sip:101`; a name, or what is no number, as typed."""
        if typed is None:
            return None
        user = addresses.extension(typed)
        if user is not None:
            return f"sip:{user}"
        text = f"+{typed[1:]}" if typed.startswith(" ") else typed  # an unescaped + is a space in a query
        try:
            return addresses.number(text, self._country).e164
        except Refusal:
            return text
