"""A customer with everything one needs to send, over a real database, for scenes around the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from support.fakes import FakeClock, FakeIds, fixed_random
from voip_sms.core.clock import DAY
from voip_sms.core.directory import (
    Account,
    Carrier,
    Directory,
    ForwardRule,
    Identity,
    Number,
    Pool,
    PriceList,
    Rate,
    Route,
    SenderName,
    Tenant,
)
from voip_sms.core.model import Idempotency, Options, Submission
from voip_sms.engine.context import Context
from voip_sms.engine.signals import Signals
from voip_sms.store.database import Database, open_database
from voip_sms.store.reader import Reader
from voip_sms.store.tables import metadata
from voip_sms.store.units import Rows, Unit, by_key, table_of
from voip_sms.store.writer import Writer

ACME = b"tenant-acme-0001"
OTHER = b"tenant-other-002"
OWN = "+48601000001"
POOL = ("+48799000001", "+48799000002")
PRICE = 290_000
CREDIT = 100_000_000

KEY = Account(b"account-key-0001", ACME, "key", "app", Identity("name", "ACME"))
PHONE = Account(b"account-sip-0101", ACME, "sip", "101", Identity("number", OWN))
TWO_WAY = Account(b"account-sip-0102", ACME, "sip", "102", Identity("2way", "pl"))
STRANGER = Account(b"account-key-0002", OTHER, "key", "app", Identity("2way", "pl"))

DIRECTORY = Directory(
    generation=1,
    tenants={ACME: Tenant(ACME, "acme", "std"), OTHER: Tenant(OTHER, "other", "std")},
    accounts={account.id: account for account in (KEY, PHONE, TWO_WAY, STRANGER)},
    names={
        (ACME, "ACME"): SenderName(ACME, "ACME", "approved"),
        (ACME, "Wait"): SenderName(ACME, "Wait", "pending"),
        (None, "INFO"): SenderName(None, "INFO", "approved"),
        (OTHER, "Other"): SenderName(OTHER, "Other", "approved"),
    },
    numbers={
        OWN: Number(b"number-own-00001", ACME, OWN, "own_mobile", "sim"),
        "+48601000009": Number(b"number-other-002", OTHER, "+48601000009", "own_mobile", "sim"),
        "+447700900123": Number(b"number-uk-000003", ACME, "+447700900123", "foreign", "sim"),
        "+48222000001": Number(b"number-line-0004", ACME, "+48222000001", "nd", "sim"),
    },
    pools={"pl": Pool("pl", "sim", 7 * DAY, POOL)},
    pool_of=dict.fromkeys(POOL, "pl"),
    carriers={"sim": Carrier("sim", "smpp"), "alt": Carrier("alt", "smpp")},
    routes=(Route("+48", "sim"), Route("+48", "alt", 1), Route("+44", "sim"), Route("+49", "alt")),
    prices={
        "std": (PriceList("std", "PLN", 0, (Rate("+48", PRICE), Rate("+44", 500_000), Rate("+49", 600_000))),)
    },
    subscriptions={
        ACME: (
            ForwardRule(
                b"rule-hook-000001",
                ACME,
                None,
                "webhook",
                ("http://127.0.0.1:9/hook",),
                events=frozenset(
                    {"message.sent", "message.delivered", "message.undelivered", "message.failed"}
                ),
            ),
        )
    },
)


@dataclass
class World:
    """The database, the writer and the clock of one scene. `directory` may be replaced at any time."""

    database: Database
    clock: FakeClock
    directory: Directory = DIRECTORY
    signals: Signals = field(default_factory=Signals)
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.writer = Writer(self.database.writer, self._wake)
        self.reader = Reader(self.database.reader)
        self.ids = FakeIds()
        self.context = Context(
            self.writer,
            self.reader,
            lambda: self.directory,
            self.clock,
            self.ids.new,
            fixed_random().random,
            "node-1",
        )

    def _wake(self, topics: frozenset[str]) -> None:
        self.woken += sorted(topics)
        self.signals.wake(topics)

    async def start(self, *, credit: int = CREDIT) -> None:
        self.writer.start()
        await self.writer.run(metadata.create_all)
        for tenant in (ACME, OTHER):
            await self.insert(
                "balance",
                {"tenant_id": tenant, "currency": "PLN", "credit": credit, "reserved": 0, "settled": 0},
            )

    async def stop(self) -> None:
        await self.writer.stop()
        self.reader.close()
        self.database.close()

    async def insert(self, table: str, *rows: Mapping[str, Any]) -> None:
        await self.writer.do(Unit(lambda _: Rows(inserts=[(table, dict(row)) for row in rows])))

    async def update(self, table: str, key: tuple[Any, ...], **changes: Any) -> None:
        await self.writer.do(Unit(lambda _: Rows(updates=[(table, key, changes)]), [by_key(table, *key)]))

    async def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """The rows as they are on disk, in key order."""
        return await self.reader.run(_rows, table, where)

    async def row(self, table: str, **where: Any) -> dict[str, Any]:
        """The only row."""
        (found,) = await self.rows(table, **where)
        return found

    async def count(self, table: str) -> int:
        return len(await self.rows(table))


def _rows(connection: Connection, table: str, where: Mapping[str, Any]) -> list[dict[str, Any]]:
    source = table_of(table)
    tests = [source.c[name] == value for name, value in where.items()]
    found = connection.execute(select(source).where(*tests).order_by(*source.primary_key.columns))
    return [dict(row._mapping) for row in found]


def world(url: str, clock: FakeClock) -> World:
    return World(open_database(url), clock)


def to_send(
    *to: str, text: str = "Hello", account: Account = KEY, door: str = "api", key: str = "", **options: Any
) -> Submission:
    """A submission; `key` makes it idempotent, with recipients and text as its body."""
    idempotency = None
    if key:
        body = repr((to, text)).encode()
        idempotency = Idempotency(sha256(key.encode()).digest(), sha256(body).digest())
    return Submission(account, door, to, text, Options(**options), idempotency)


def with_account(account: Account, **changes: Any) -> Account:
    return replace(account, **changes)
