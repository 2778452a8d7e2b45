"""Sending over HTTP: submit, explain, cancel."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core.directory import Account
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Item, Message, Submission, Submitted
from voip_sms.core.ports import Credentials, Submitter
from voip_sms.core.resources import (
    message_resource,
    plan_resource,
    submission_resource,
)
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.api.bodies import answer, id_in_path, json_of, parsed, reply
from voip_sms.doors.api.idempotency import HEADER, REPLAYED, idempotency_of
from voip_sms.doors.api.requests import asked_of
from voip_sms.engine.metrics import Metrics
from voip_sms.net.http.direct import Direct, Reply
from voip_sms.net.http.server import body_of

DOOR: Final = "api"
_HEADER: Final = HEADER.lower()
_REPLAYED: Final = {REPLAYED: "true"}


class Sending:
    """The handlers of `/v1/messages` that change something."""

    def __init__(
        self, submitter: Submitter, credentials: Credentials, metrics: Metrics, country: str
    ) -> None:
        self._submitter = submitter
        self._credentials = credentials
        self._metrics = metrics
        self._country = country

    async def submit(self, request: web.Request, account: Account) -> web.Response:
        """POST /v1/messages."""
        keys = request.headers.getall(HEADER, ())
        shown, replayed = await self._submit(account, await body_of(request), keys)
        return answer(shown, 202, _REPLAYED if replayed else None)

    async def submit_directly(self, request: Direct, account: Account) -> Reply:
        """The same for a request that aiohttp has not seen."""
        key = request.headers.get(_HEADER)
        shown, replayed = await self._submit(account, request.body, () if key is None else (key,))
        return reply(shown, 202, tuple(_REPLAYED.items()) if replayed else ())

    async def _submit(self, account: Account, octets: bytes, keys: Sequence[str]) -> tuple[Any, bool]:
        """What is shown for a body, and whether it came before."""
        try:
            body = parsed(octets)
            asked = asked_of(body, self._country)
            idempotency = idempotency_of(keys, account, DOOR, body)
            sender = self._sender(account, asked.account)
            submission = Submission(sender, DOOR, asked.recipients, asked.text, asked.options, idempotency)
            submitted = await self._submitter.submit(submission)
        except Refusal as refusal:
            self._metrics.answered(DOOR, refusal.code.name)
            raise
        self._count(submitted)
        if asked.several:
            return submission_resource(submitted), submitted.replayed
        return message_resource(_stored(submitted.items[0])), submitted.replayed

    async def explain(self, request: web.Request, account: Account) -> web.Response:
        """POST /v1/messages/explain."""
        asked = asked_of(await json_of(request), self._country)
        sender = self._sender(account, asked.account)
        submission = Submission(sender, DOOR, asked.recipients, asked.text, asked.options)
        plans = [plan_resource(plan) for plan in await self._submitter.explain(submission)]
        return answer({"data": plans} if asked.several else plans[0])

    async def cancel(self, request: web.Request, account: Account) -> web.Response:
        """DELETE /v1/messages/{id}."""
        message = await self._submitter.cancel(account.tenant_id, id_in_path(request, MESSAGE))
        return answer(message_resource(message))

    def _sender(self, key: Account, named: str | None) -> Account:
        """Whoever sends: the key itself, or the SIP account of its customer that the request names.

        Refusal `forbidden`, `sender_not_allowed`: nobody learns who else has such an account.
        """
        needed = "messages" if named is None else "accounts"
        if needed not in key.scopes:
            raise Refusal("forbidden", f"this API key lacks the scope {needed}")
        if named is None:
            return key
        found = self._credentials.sip_account(named.removeprefix("sip:"))
        if found is None or found.account.tenant_id != key.tenant_id:
            raise Refusal("sender_not_allowed", f"there is no account {named}")
        return found.account

    def _count(self, submitted: Submitted) -> None:
        if submitted.replayed:
            return
        if len(submitted.items) == 1 and submitted.items[0].refused is None:  # nearly all
            self._metrics.answered(DOOR, "accepted")
            return
        codes = Counter(
            "accepted" if item.refused is None else item.refused.code.name for item in submitted.items
        )
        for code, count in codes.items():
            self._metrics.answered(DOOR, code, count)


def _stored(item: Item) -> Message:
    if item.message is None:
        raise item.refused or Refusal("not_found", "the message was stored, and is not kept any more")
    return item.message
