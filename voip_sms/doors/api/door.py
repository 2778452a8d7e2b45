"""The HTTP door: puts every operation, the documents and the health checks on the server."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from voip_sms.core.directory import Directory
from voip_sms.core.guessing import Guesses
from voip_sms.core.model import LinkState
from voip_sms.core.ports import Credentials, Submitter
from voip_sms.core.resources import answers, mail_gateway
from voip_sms.doors.api import audit, company, docs, openapi, oversight, shapes, webhooks
from voip_sms.doors.api.access import Access
from voip_sms.doors.api.administration import Accounts, Carriers, Collection, Handle
from voip_sms.doors.api.audit import AuditLog
from voip_sms.doors.api.company import Verifying
from voip_sms.doors.api.health import Health, Network
from voip_sms.doors.api.operations import OPERATIONS, Operation
from voip_sms.doors.api.oversight import Names, Oversight, Quarantine
from voip_sms.doors.api.reading import Reading
from voip_sms.doors.api.sending import DOOR, Sending
from voip_sms.doors.api.webhooks import Webhooks
from voip_sms.engine.messages import Messages
from voip_sms.engine.metrics import Metrics
from voip_sms.net.http.direct import Direct, DirectHandler, Reply
from voip_sms.net.http.problems import SERVER
from voip_sms.net.http.server import Handler, HttpServer


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the door talks to. `links`: the carriers' links by name; `ready`: what is still missing."""

    submitter: Submitter
    credentials: Credentials
    messages: Messages
    accounts: Accounts
    directory: Callable[[], Directory]
    links: Callable[[], Mapping[str, LinkState]]
    ready: Callable[[], Sequence[str]]
    metrics: Metrics
    oversight: Oversight
    names: Names
    quarantine: Quarantine
    webhooks: Webhooks
    audit: AuditLog
    verifying: Verifying


class ApiDoor:
    """Make it, then `register` it on the server before that starts."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        country: str,
        metrics_from: Sequence[Network],
        proxies: Sequence[Network] = (),
        guesses: Guesses | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`country`: whose national numbers are understood; `metrics_from`: who may read /metrics;
        `proxies`: whose word counts for where a request comes from; `guesses`: that of all doors.
        """
        self._metrics = rooms.metrics
        self._access = Access(rooms.credentials, Guesses(seconds) if guesses is None else guesses, proxies)
        self._seconds = seconds
        self._health = Health(rooms.ready, rooms.metrics.registry, metrics_from)
        sending = Sending(rooms.submitter, rooms.credentials, rooms.metrics, country)
        self._handles = _handles(rooms, sending, country)
        # What comes thousands of times a second.
        self._directly = {"send_message": sending.submit_directly}

    def register(self, server: HttpServer) -> None:
        """Put every route on the server."""
        for operation in OPERATIONS:
            server.add(operation.method, operation.path, self._guarded(operation))
            if operation.name in self._directly:
                server.add_direct(operation.path, self._direct(operation), operation.seconds)
        for method in ("GET", "HEAD"):  # balancers ask with either
            server.add(method, "/health/live", self._health.live)
            server.add(method, "/health/ready", self._health.ready)
        server.add("GET", "/metrics", self._health.metrics)
        document = openapi.document()
        server.add("GET", "/openapi.json", _fixed(orjson.dumps(document), "application/json"))
        server.add("GET", "/docs", _fixed(docs.page(document).encode(), "text/html; charset=utf-8"))
        server.add("GET", "/docs.css", _fixed(docs.stylesheet().encode(), "text/css; charset=utf-8"))

    def _guarded(self, operation: Operation) -> Handler:
        """The handler of an operation: key and scope first, a bound on its time, its time measured."""
        handle = self._handles[operation.name]
        account_of, scopes = self._access.account, operation.scopes
        seconds, took = self._seconds, self._metrics.timer(DOOR, operation.name)

        async def serve(request: web.Request) -> web.Response:
            began = seconds()
            try:
                account = account_of(request, scopes)
                async with asyncio.timeout(operation.seconds):
                    return await handle(request, account)
            finally:
                took(seconds() - began)

        return serve

    def _direct(self, operation: Operation) -> DirectHandler:
        """The same for a request that came directly; the server bounds its time."""
        handle = self._directly[operation.name]
        account_of, scopes = self._access.account, operation.scopes
        seconds, took = self._seconds, self._metrics.timer(DOOR, operation.name)

        async def serve(request: Direct) -> Reply:
            began = seconds()
            try:
                return await handle(request, account_of(request, scopes))
            finally:
                took(seconds() - began)

        return serve


def _handles(rooms: Rooms, sending: Sending, country: str) -> Mapping[str, Handle]:
    """The handler of every operation, by its name."""
    reading = Reading(rooms.messages, country)
    (
        numbers, forwards, blacklist, keys, sip_accounts, sender_names, ivr_flows, mail_senders, groups,
        keywords,
    ) = (
        Collection(rooms.accounts, prefix, country) for prefix in _PREFIXES
    )  # fmt: skip
    return {
        "send_message": sending.submit,
        "explain_message": sending.explain,
        "cancel_message": sending.cancel,
        "list_messages": reading.messages,
        "get_message": reading.message,
        "get_message_trace": reading.trace,
        "list_message_deliveries": reading.handovers,
        "get_balance": reading.balance,
        "list_numbers": numbers.list,
        "change_number": numbers.change(shapes.NUMBER_PATCH),
        "list_forwards": forwards.list,
        "create_forward": forwards.create(shapes.NEW_FORWARD),
        "change_forward": forwards.change(shapes.FORWARD_PATCH),
        "delete_forward": forwards.remove,
        "list_blacklist": blacklist.list,
        "create_block_rule": blacklist.create(shapes.BLOCK_RULE),
        "delete_block_rule": blacklist.remove,
        "list_keys": keys.list,
        "create_key": keys.create(shapes.NEW_KEY),
        "change_key": keys.change(shapes.KEY_PATCH),
        "delete_key": keys.remove,
        "list_sip_accounts": sip_accounts.list,
        "change_sip_account": sip_accounts.change(shapes.SIP_ACCOUNT_PATCH),
        "create_sip_account": sip_accounts.create(shapes.NEW_SIP_ACCOUNT),
        "delete_sip_account": sip_accounts.remove,
        "list_sender_names": sender_names.list,
        "create_sender_name": sender_names.create(shapes.NEW_SENDER_NAME),
        "delete_sender_name": sender_names.remove,
        "list_ivr_flows": ivr_flows.list,
        "create_ivr_flow": ivr_flows.create(shapes.NEW_IVR_FLOW),
        "change_ivr_flow": ivr_flows.change(shapes.IVR_FLOW_PATCH),
        "delete_ivr_flow": ivr_flows.remove,
        "list_mail_senders": mail_senders.list,
        "create_mail_sender": mail_senders.create(shapes.NEW_MAIL_SENDER),
        "change_mail_sender": mail_senders.change(shapes.MAIL_SENDER_PATCH),
        "delete_mail_sender": mail_senders.remove,
        "list_groups": groups.list,
        "create_group": groups.create(shapes.NEW_GROUP),
        "change_group": groups.change(shapes.GROUP_PATCH),
        "delete_group": groups.remove,
        "list_keywords": keywords.list,
        "create_keyword": keywords.create(shapes.NEW_KEYWORD),
        "change_keyword": keywords.change(shapes.KEYWORD_PATCH),
        "delete_keyword": keywords.remove,
        **company.handles(rooms.accounts, rooms.verifying, country),
        "list_carriers": Carriers(rooms.directory, rooms.links).list,
        **webhooks.handles(rooms.webhooks, country),
        **audit.handles(rooms.audit),
        **oversight.handles(rooms.oversight),
        **oversight.decisions(rooms.names, rooms.quarantine, country),
    }


_PREFIXES: Final = (
    answers.NUMBER,
    answers.FORWARD,
    answers.BLOCK,
    answers.KEY,
    answers.SIP_ACCOUNT,
    answers.SENDER_NAME,
    answers.IVR_FLOW,
    mail_gateway.MAIL_SENDER,
    mail_gateway.GROUP,
    mail_gateway.KEYWORD,
)


def _fixed(body: bytes, content_type: str) -> Handler:
    """The handler of a document that does not change while the process runs; no key is needed."""
    headers = {
        "Content-Type": content_type,
        "Content-Security-Policy": docs.POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "max-age=300",
        "Server": SERVER,
    }

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers)

    return serve
