"""How many messages per second the store takes, against bare sqlite3 that writes the same rows.

    PYTHONPATH=tests python -m bench.store [--rounds 5] [--messages 6000] [--waiting 64] [--profile]

A message is what submit writes: rows in message, message_text, part and ledger, and its share of one balance
update per batch; 64 callers wait at any time. Every round takes all contestants in turn; the table shows the
medians and the ratio to bare sqlite3 of the same round. PostgreSQL takes part when `--postgresql` names an
empty database, or when Debian's server is installed (a private one is started, with fsync).
"""

import argparse
import asyncio
import contextlib
import cProfile
import json
import os
import pstats
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from support import peers
from support.postgres import PostgresServer
from voip_sms.core.clock import DAY, SystemClock
from voip_sms.core.ids import Ids
from voip_sms.store import migrate
from voip_sms.store.database import Database, open_database
from voip_sms.store.units import Rows, State, Unit, by_key
from voip_sms.store.writer import Writer

TENANT = b"tenant-0-0123456"
TRACE = json.dumps([["identity", "name ACME", ""], ["route", "sim", "+48"], ["price", "0.29 PLN", "std"]])
TEXT = "Your parcel is waiting, the code is 123456. It will be kept for three days."
PRICE = 290_000
clock = SystemClock()


@dataclass(frozen=True)
class Taken:
    """One run: how many messages in how many seconds, and the processor's share (without a server's)."""

    messages: int
    seconds: float
    work: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


def message_rows(message_id: bytes, now: int, recipient: str) -> list[tuple[str, dict[str, object]]]:
    """The rows of one single-part API message."""
    return [
        ("message", {
            "id": message_id, "tenant_id": TENANT, "submission_id": message_id, "direction": "outbound",
            "status": "accepted", "account": "key:app", "door": "api", "sender": "ACME",
            "sender_kind": "name", "recipient": recipient, "encoding": "gsm7", "parts": 1, "price": PRICE,
            "currency": "PLN", "carrier": "sim", "pool": "", "reference": 0, "client_ref": None,
            "priority": 5, "created_at": now, "send_at": None, "expires_at": now + 2 * DAY,
            "cause": None, "trace": TRACE,
        }),
        ("message_text", {"message_id": message_id, "tenant_id": TENANT, "body": TEXT}),
        ("part", {
            "message_id": message_id, "no": 1, "tenant_id": TENANT, "carrier": "sim",
            "pair": "ACME>" + recipient, "priority": 5, "state": "queued", "due_at": now,
            "expires_at": now + 2 * DAY, "attempts": 0, "claimed_by": None, "claimed_until": None,
        }),
        ("ledger", {
            "message_id": message_id, "part": 0, "phase": "reserve", "tenant_id": TENANT, "kind": "reserve",
            "amount": PRICE, "currency": "PLN", "at": now,
        }),
    ]  # fmt: skip


def accept(ids: Ids) -> Unit:
    """A unit as submit builds it: read the balance, reserve, store the rows."""
    message_id, now = ids.new(), clock.now()
    recipient = f"+4860{int.from_bytes(message_id[-4:]) % 10_000_000:07}"

    def decide(state: State) -> Rows:
        balance = state.get("balance", TENANT)
        assert balance is not None
        rows = Rows(result=message_id)
        rows.inserts.extend(message_rows(message_id, now, recipient))
        rows.update("balance", (TENANT,), reserved=balance["reserved"] + PRICE)
        return rows

    return Unit(decide, (by_key("balance", TENANT),))


async def store_run(database: Database, messages: int, waiting: int) -> Taken:
    """Messages through the writer, from `waiting` callers; checks that all of them arrived."""
    ids = Ids(clock, os.urandom)
    writer = Writer(database.writer, lambda _: None)
    writer.start()
    left = iter(range(messages))
    with database.writer.begin() as connection:
        before = connection.exec_driver_sql("SELECT reserved FROM balance").scalar_one()

    async def caller() -> None:
        for _ in left:
            await writer.do(accept(ids))

    began, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(waiting)))
    taken = Taken(messages, time.perf_counter() - began, time.process_time() - worked)
    await writer.stop()
    with database.writer.begin() as connection:
        after = connection.exec_driver_sql("SELECT reserved FROM balance").scalar_one()
    assert after - before == messages * PRICE
    return taken


def bare_run(path: Path, messages: int, waiting: int) -> Taken:
    """What sqlite3 alone writes, `waiting` per transaction, the rows made beforehand."""
    ids = Ids(clock, os.urandom)
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    batches = []
    for start in range(0, messages, waiting):
        size = min(waiting, messages - start)
        batches.append([message_rows(ids.new(), clock.now(), f"+4860{n:07}") for n in range(size)])
    sample = batches[0][0]
    statements = [
        f"INSERT INTO {name} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})" for name, row in sample
    ]
    began, worked = time.perf_counter(), time.process_time()
    for batch in batches:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("SELECT * FROM balance WHERE tenant_id = ?", (TENANT,)).fetchone()
        for n, statement in enumerate(statements):
            connection.executemany(statement, [tuple(rows[n][1].values()) for rows in batch])
        connection.execute(
            "UPDATE balance SET reserved = reserved + ? WHERE tenant_id = ?", (len(batch) * PRICE, TENANT)
        )
        connection.execute("COMMIT")
    taken = Taken(messages, time.perf_counter() - began, time.process_time() - worked)
    connection.close()
    return taken


def prepared(url: str) -> Database:
    """An empty database at head, with one tenant's balance."""
    database = open_database(url)
    migrate.upgrade(database.writer)
    with database.writer.begin() as connection:
        marker = "?" if database.is_sqlite else "%s"
        connection.exec_driver_sql(
            f"INSERT INTO balance (tenant_id, currency, credit) VALUES ({marker}, 'PLN', 0)", (TENANT,)
        )
    return database


@contextlib.contextmanager
def postgresql(url: str | None) -> Iterator[Callable[[], str] | None]:
    """Gives out the addresses of empty databases, if there is a server."""
    if url is not None or peers.postgres_folder() is None:
        yield None if url is None else lambda: url
        return
    server = PostgresServer(durable=True).start()
    try:
        yield server.fresh_database
    finally:
        server.stop()


def one_round(folder: Path, fresh: Callable[[], str] | None, messages: int, waiting: int) -> dict[str, Taken]:
    found = {}
    bare = prepared(f"sqlite:///{folder / 'bare.db'}")
    bare.close()
    found["bare sqlite3"] = bare_run(folder / "bare.db", messages, waiting)
    database = prepared(f"sqlite:///{folder / 'store.db'}")
    found["store on SQLite"] = asyncio.run(store_run(database, messages, waiting))
    database.close()
    if fresh is not None:
        database = prepared(fresh())
        found["store on PostgreSQL"] = asyncio.run(store_run(database, messages, waiting))
        database.close()
    return found


def profile(url: str, messages: int, waiting: int) -> None:
    """Where the writer's thread spends its time."""
    profiler = cProfile.Profile()
    serve = Writer._serve  # noqa: SLF001 - profiled where it runs

    def profiled(self: Writer) -> None:
        profiler.enable()
        serve(self)
        profiler.disable()

    Writer._serve = profiled  # type: ignore[method-assign]  # noqa: SLF001
    database = prepared(url)
    try:
        print(f"{asyncio.run(store_run(database, messages, waiting)).rate:.0f} messages/s, profiled")
    finally:
        Writer._serve = serve  # type: ignore[method-assign]  # noqa: SLF001
        database.close()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=6_000)
    parser.add_argument("--waiting", type=int, default=64)
    parser.add_argument("--postgresql", metavar="URL", default=None)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with postgresql(options.postgresql) as fresh:
        if options.profile:
            with tempfile.TemporaryDirectory() as name:
                profile(f"sqlite:///{name}/store.db", options.messages, options.waiting)
            if fresh is not None:
                profile(fresh(), options.messages, options.waiting)
            return
        rounds = []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as name:
                rounds.append(one_round(Path(name), fresh, options.messages, options.waiting))
    print(f"{options.waiting} waiting, {options.messages} messages, median of {options.rounds} rounds")
    for name in rounds[0]:
        rate = statistics.median(one[name].rate for one in rounds)
        ratio = statistics.median(one[name].rate / one["bare sqlite3"].rate for one in rounds)
        work = statistics.median(one[name].work / one[name].messages for one in rounds)
        print(
            f"{name:22} {rate:8.0f} messages/s   {ratio:5.2f}x   {work * 1e6:5.0f} us of our processor each"
        )


if __name__ == "__main__":
    main()
