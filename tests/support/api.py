"""The HTTP door on a real socket, over an engine that records what it was asked and fails on command."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
from prometheus_client import CollectorRegistry

from support.fakes import START, FakeIds
from voip_sms.core.directory import Account, Carrier, Directory, Identity, SipAccount
from voip_sms.core.failures import Refusal
from voip_sms.core.model import (
    Event,
    Item,
    LinkState,
    Message,
    Plan,
    Sender,
    Step,
    Submission,
    Submitted,
)
from voip_sms.doors.api.administration import Accounts
from voip_sms.doors.api.audit import AuditLog
from voip_sms.doors.api.company import Verifying
from voip_sms.doors.api.door import ApiDoor, Rooms
from voip_sms.doors.api.oversight import Found, Names, Quarantine
from voip_sms.doors.api.webhooks import Webhooks
from voip_sms.engine.messages import Balance, MessageFilter, Messages
from voip_sms.engine.metrics import Metrics
from voip_sms.net.http.server import HttpServer
from voip_sms.net.http.settings import HttpSettings

TENANT = b"T" * 16
OTHER_TENANT = b"O" * 16
KEY = "key-of-acme-0123456789"
OTHER_KEY = "key-of-other-0123456789"
SENDING_KEY = "key-that-only-sends-0123"
ADMIN_KEY = "key-that-only-administers"
PBX_KEY = "key-of-a-pbx-0123456789ab"


def key_account(name: str, tenant_id: bytes, scopes: Sequence[str]) -> Account:
    return Account(
        name.encode().ljust(16, b"-"), tenant_id, "key", name, Identity("name", "ACME"), frozenset(scopes)
    )


def message_of(message_id: bytes, tenant_id: bytes = TENANT, **changes: Any) -> Message:
    given: dict[str, Any] = {
        "id": message_id,
        "tenant_id": tenant_id,
        "direction": "outbound",
        "status": "accepted",
        "sender": "ACME",
        "to": "+48601123456",
        "text": "hello",
        "encoding": "gsm7",
        "parts": 1,
        "price": 290_000,
        "currency": "PLN",
        "door": "api",
        "account": "key:app",
        "client_ref": None,
        "created_at": START,
        "events": (Event(START, "accepted"),),
    }
    return Message(**{**given, **changes})


class FakeCredentials:
    def __init__(self) -> None:
        self.keys = {
            KEY: key_account("app", TENANT, ("messages", "admin")),
            OTHER_KEY: key_account("app", OTHER_TENANT, ("messages", "admin")),
            SENDING_KEY: key_account("sender", TENANT, ("messages",)),
            ADMIN_KEY: key_account("admin", TENANT, ("admin",)),
            PBX_KEY: key_account("pbx", TENANT, ("accounts",)),
        }

    def api_key(self, token: str) -> Account | None:
        return self.keys.get(token)

    def sip_account(self, user: str) -> SipAccount | None:
        """101 is acme's, 201 the other's."""
        tenant_id = {"101": TENANT, "201": OTHER_TENANT}.get(user)
        if tenant_id is None:
            return None
        account = Account(user.encode().ljust(16, b"-"), tenant_id, "sip", user, Identity("default"))
        return SipAccount(account, {})


class NothingToSee:
    """`oversight.Oversight` of an installation where nothing happened."""

    async def tenants(self, *, limit: int, starting_after: bytes | None) -> Found:
        return [], False

    quarantine = orphan_receipts = tenants


class FakeEngine:
    """Stores messages in a dict. `refuse` maps a typed recipient to a refusal; `fault` is raised by every
    call; `hold` keeps every call waiting until it is set.
    """

    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.explained: list[Submission] = []
        self.messages: dict[bytes, Message] = {}
        self.refuse: dict[str, Refusal] = {}
        self.fault: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.listed: list[tuple[bytes, MessageFilter, int, bytes | None]] = []
        self._ids = FakeIds()
        self._kept: dict[bytes, tuple[bytes, Submitted]] = {}

    # --- ports.Submitter ---

    async def submit(self, submission: Submission) -> Submitted:
        await self._called()
        key = submission.idempotency
        if key is not None and key.key in self._kept:
            fingerprint, submitted = self._kept[key.key]
            if fingerprint != key.fingerprint:
                raise Refusal("idempotency_mismatch")
            return Submitted(submitted.submission_id, submitted.items, replayed=True)
        self.submissions.append(submission)
        items = [self._item(submission, to) for to in submission.recipients]
        submitted = Submitted(self._ids.new(), items)
        if key is not None:
            self._kept[key.key] = (key.fingerprint, submitted)
        return submitted

    def _item(self, submission: Submission, to: str) -> Item:
        if to in self.refuse:
            return Item(to, refused=self.refuse[to])
        message = message_of(
            self._ids.new(),
            submission.tenant_id,
            to=to,
            text=submission.text,
            client_ref=submission.options.client_ref,
            account=submission.account.ref,
        )
        self.messages[message.id] = message
        return Item(to, message)

    async def explain(self, submission: Submission) -> Sequence[Plan]:
        await self._called()
        self.explained.append(submission)
        return [
            Plan(
                to,
                Sender("name", "ACME"),
                parts=(submission.text,),
                price=290_000,
                currency="PLN",
                carrier="sim",
                refused=self.refuse.get(to),
                trace=(Step("identity", "ACME", "of the key"),),
            )
            for to in submission.recipients
        ]

    async def cancel(self, tenant_id: bytes, message_id: bytes) -> Message:
        message = await self.get(tenant_id, message_id)
        if message.status != "scheduled":
            raise Refusal("too_late")
        return message

    # --- engine.messages.Messages ---

    async def get(self, tenant_id: bytes, message_id: bytes) -> Message:
        await self._called()
        message = self.messages.get(message_id)
        if message is None or message.tenant_id != tenant_id:
            raise Refusal("not_found")
        return message

    async def list(
        self, tenant_id: bytes, only: MessageFilter, *, limit: int, starting_after: bytes | None
    ) -> tuple[Sequence[Message], bool]:
        await self._called()
        self.listed.append((tenant_id, only, limit, starting_after))
        mine = sorted(
            (one for one in self.messages.values() if one.tenant_id == tenant_id),
            key=lambda one: one.id,
            reverse=True,
        )
        rest = [one for one in mine if starting_after is None or one.id < starting_after]
        return rest[:limit], len(rest) > limit

    async def trace(self, tenant_id: bytes, message_id: bytes) -> Sequence[Step]:
        await self.get(tenant_id, message_id)
        return (Step("route", "sim", "prefix +48"),)

    async def balance(self, tenant_id: bytes) -> Balance:
        await self._called()
        return Balance("PLN", 100_000_000, 580_000, 290_000) if tenant_id == TENANT else Balance("", 0, 0, 0)

    async def _called(self) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.fault is not None:
            raise self.fault


class Client:
    """A program that calls the API with one key."""

    def __init__(self, session: aiohttp.ClientSession, address: str, key: str) -> None:
        self._session = session
        self._address = address
        self._key = key

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Answer":
        sent = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        async with self._session.request(
            method, f"http://{self._address}{path}", json=body, data=data, headers=sent
        ) as response:
            text = await response.text()
            json = await response.json(content_type=None) if "json" in response.content_type else None
            return Answer(response.status, json, dict(response.headers), text)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    json: Any
    headers: Mapping[str, str]
    text: str

    @property
    def code(self) -> str:
        """The problem's code."""
        return str(self.json["code"])


@dataclass(slots=True)
class Site:
    """A door that listens, and a session to call it with."""

    address: str
    session: aiohttp.ClientSession

    def client(self, key: str = KEY) -> Client:
        return Client(self.session, self.address, key)


@dataclass(slots=True)
class Api(Site):
    """The door over an engine of straw."""

    engine: FakeEngine
    missing: list[str] = field(default_factory=list)


@asynccontextmanager
async def site_over(
    rooms: Rooms, *, seconds: Callable[[], float] | None = None, settings: HttpSettings | None = None
) -> AsyncIterator[Site]:
    """The door to these rooms, listening on loopback."""
    settings = settings or HttpSettings(listen="127.0.0.1:0")
    server = HttpServer(settings, drain=2.0)
    ApiDoor(
        rooms, country="PL", metrics_from=settings.metrics_from, seconds=seconds or time.monotonic
    ).register(server)
    address = await server.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            yield Site(address, session)
    finally:
        await server.stop()


@asynccontextmanager
async def api_over(
    *, seconds: Callable[[], float] | None = None, settings: HttpSettings | None = None
) -> AsyncIterator[Api]:
    """The door over fakes, which are at hand. Configuration is not among them."""
    engine, missing = FakeEngine(), list[str]()
    directory = Directory(carriers={"sim": Carrier("sim", "smpp"), "off": Carrier("off", "smpp", {}, False)})
    links = {"sim": LinkState("bound", START, in_flight=3)}
    metrics = Metrics(CollectorRegistry())
    metrics.watch(writer_waiting=lambda: 7, links=lambda: links)
    rooms = Rooms(
        submitter=engine,
        credentials=FakeCredentials(),
        messages=cast("Messages", engine),
        accounts=cast("Accounts", None),
        directory=lambda: directory,
        links=lambda: links,
        ready=lambda: missing,
        metrics=metrics,
        oversight=NothingToSee(),
        names=cast("Names", None),
        quarantine=cast("Quarantine", None),
        webhooks=cast("Webhooks", None),
        audit=cast("AuditLog", None),
        verifying=cast("Verifying", None),
    )
    async with site_over(rooms, seconds=seconds, settings=settings) as site:
        yield Api(site.address, site.session, engine, missing)
