"""The writer's promises: one commit for many, only the culprit fails, a failed database is told and survived."""

import asyncio
import os
import signal
import sqlite3
import threading
import time

import psycopg
import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import IntegrityError

from support.postgres import PostgresServer
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.store import writer as writer_module
from voip_sms.store.database import open_database
from voip_sms.store.tables import balance, message_text, metadata
from voip_sms.store.units import Again, Rows, Unit, by_key
from voip_sms.store.writer import Writer

TENANT = b"t" * 16


def key(n):
    return n.to_bytes(16)


def storing(n, body="x", **more):
    """A unit that stores text `n`."""
    row = {"message_id": key(n), "tenant_id": TENANT, "body": body}
    return Unit(lambda _: Rows(result=n, inserts=[("message_text", row)]), **more)


def stored(database):
    with database.reader.connect() as connection:
        found = connection.execute(select(message_text.c.message_id).order_by(message_text.c.message_id))
        return [int.from_bytes(row[0]) for row in found]


@pytest.fixture
async def writer(database):
    writer = Writer(database.writer, lambda _: None)
    writer.start()
    yield writer
    await writer.stop()


class Held:
    """Keeps the writer's thread busy, so that what is put in meanwhile makes one batch."""

    def __init__(self, writer):
        self._go, self._there = threading.Event(), threading.Event()
        self._task = asyncio.ensure_future(writer.run(self._wait))

    def _wait(self, _connection):
        self._there.set()
        self._go.wait(10)

    async def __aenter__(self):
        assert await asyncio.to_thread(self._there.wait, 10)
        return self

    async def __aexit__(self, *_):
        self._go.set()
        await self._task


async def together(writer, *units):
    """Results (or exceptions) of units that wait at the same time."""
    async with Held(writer):
        tasks = [asyncio.ensure_future(writer.do(unit)) for unit in units]
        while writer.waiting < len(units):
            await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


# --- one commit for many ------------------------------------------------------------------------------------


async def test_what_waits_is_committed_as_one_transaction(database, writer):
    commits = []
    event.listen(database.writer, "commit", commits.append)
    assert await together(writer, *(storing(n) for n in range(100))) == list(range(100))
    assert len(commits) == 2  # of Held, and of all hundred
    assert stored(database) == list(range(100))


async def test_updates_of_one_row_become_one_statement(sqlite_url):
    database = open_database(sqlite_url)
    statements = []
    event.listen(database.writer, "connect", lambda driver, _: driver.set_trace_callback(statements.append))
    metadata.create_all(database.writer)
    with database.writer.begin() as connection:
        connection.execute(insert(balance).values(tenant_id=TENANT, currency="PLN", credit=0))

    def add(state):
        return Rows(
            updates=[("balance", (TENANT,), {"reserved": state.get("balance", TENANT)["reserved"] + 1})]
        )

    writer = Writer(database.writer, lambda _: None)
    writer.start()
    await together(writer, *(Unit(add, [by_key("balance", TENANT)]) for _ in range(50)))
    await writer.stop()
    assert len([one for one in statements if one.startswith("UPDATE")]) == 1
    with database.reader.connect() as connection:
        assert connection.execute(select(balance.c.reserved)).scalar() == 50
    database.close()


async def test_topics_wake_once_per_commit_and_not_for_what_failed(database):
    woken = []
    writer = Writer(database.writer, woken.append)
    writer.start()

    def refuse(_):
        raise Refusal("blocked")

    waking = [Unit(lambda _, topic=topic: Rows(wakes={topic})) for topic in ("a", "b", "a")]
    await together(writer, *waking, Unit(refuse), Unit(lambda _: Rows()))
    assert woken == [frozenset({"directory", "a", "b"})] or woken == [
        frozenset({"directory"}),
        frozenset("ab"),
    ]
    await writer.stop()


# --- who fails ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"body": None},
        {"message_id": key(1)},
        {"bodi": "no such column"},
        {"body": "half a pair: \ud800"},
        {"tenant_id": object()},
    ],
    ids=["null", "taken", "column", "surrogate", "type"],
)
async def test_only_the_culprit_fails(database, writer, row):
    await writer.do(storing(1))
    bad = {"message_id": key(50), "tenant_id": TENANT, "body": "x", **row}
    units = [storing(n) for n in range(10, 30)]
    units.insert(7, Unit(lambda _: Rows(inserts=[("message_text", bad)])))
    results = await together(writer, *units)
    failed = results.pop(7)
    assert isinstance(failed, Exception)
    assert not isinstance(failed, Refusal)
    assert results == list(range(10, 30))
    assert stored(database) == [1, *range(10, 30)]


async def test_a_number_that_no_column_holds_is_its_units_own_fault(database, writer):
    row = {"message_id": key(9), "part": 0, "phase": "reserve", "tenant_id": TENANT, "kind": "reserve",
           "amount": 2**70, "currency": "PLN", "at": 1}  # fmt: skip
    results = await together(writer, storing(1), Unit(lambda _: Rows(inserts=[("ledger", row)])), storing(2))
    assert [result for result in results if isinstance(result, int)] == [1, 2]
    assert not isinstance(results[1], Refusal)
    assert stored(database) == [1, 2]


async def test_a_broken_constraint_is_told_as_such(database, writer):
    await writer.do(storing(1))
    with pytest.raises(IntegrityError):
        await writer.do(storing(1))


async def test_a_decision_that_refuses_or_breaks_fails_alone(database, writer):
    def refuse(_):
        raise Refusal("credit_exhausted")

    def break_(_):
        raise ZeroDivisionError

    def follow(_):
        raise KeyError("follow")

    units = [
        storing(1),
        Unit(refuse),
        storing(2),
        Unit(break_),
        Unit(lambda _: Rows(), (), follow),
        storing(3),
    ]
    results = await together(writer, *units)
    assert [type(result) for result in results] == [int, Refusal, int, ZeroDivisionError, KeyError, int]
    assert stored(database) == [1, 2, 3]


async def test_a_decision_may_wait_for_the_next_batch(database, writer):
    asked = []

    def decide(_):
        asked.append(stored(database))
        if len(asked) == 1:
            raise Again
        return Rows(result="later")

    assert await together(writer, storing(1), Unit(decide)) == [1, "later"]
    assert asked == [[], [1]]


async def test_a_decision_that_always_waits_is_a_fault(database, writer):
    def decide(_):
        raise Again

    with pytest.raises(Again):
        await asyncio.wait_for(writer.do(Unit(decide)), 5)


# --- deadlines and stopping ---------------------------------------------------------------------------------


async def test_a_unit_past_its_deadline_is_withdrawn_if_not_begun(database, writer):
    async with Held(writer):
        late = asyncio.ensure_future(writer.do(storing(1, deadline=time.monotonic() + 0.05)))
        patient = asyncio.ensure_future(writer.do(storing(2, deadline=time.monotonic() + 60)))
        await asyncio.sleep(0.1)
    with pytest.raises(StoreUnavailableError):
        await late
    assert await patient == 2
    assert stored(database) == [2]


async def test_a_unit_that_has_begun_is_waited_for(database, writer):
    deadline = time.monotonic() + 0.05

    def slow(_):
        time.sleep(0.1)
        return Rows(result="done")

    assert await writer.do(Unit(slow, deadline=deadline)) == "done"


async def test_a_caller_who_is_cancelled_disturbs_nobody(database, writer):
    async with Held(writer):
        gone = asyncio.ensure_future(writer.do(storing(1)))
        stays = asyncio.ensure_future(writer.do(storing(2)))
        await asyncio.sleep(0)
        gone.cancel()
    assert await stays == 2
    assert gone.cancelled()
    assert stored(database) == [1, 2]


async def test_stop_writes_what_waits_and_takes_no_more(database):
    writer = Writer(database.writer, lambda _: None)
    writer.start()
    put_off = []

    def decide(_):
        put_off.append(1)
        if len(put_off) < 3:
            raise Again
        return Rows(result="at last")

    async with Held(writer):
        tasks = [asyncio.ensure_future(writer.do(unit)) for unit in (storing(1), Unit(decide), storing(2))]
        await asyncio.sleep(0)
        stopping = asyncio.ensure_future(writer.stop())
        await asyncio.sleep(0)
    await stopping
    assert await asyncio.gather(*tasks) == [1, "at last", 2]
    with pytest.raises(StoreUnavailableError):
        await writer.do(storing(3))
    assert stored(database) == [1, 2]


async def test_too_many_waiting_are_told_at_once(database, writer, monkeypatch):
    monkeypatch.setattr(writer_module, "QUEUE_UNITS", 2)
    async with Held(writer):
        waiting = [asyncio.ensure_future(writer.do(storing(n))) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailableError):
            await writer.do(storing(3))
    assert await asyncio.gather(*waiting) == [1, 2]


# --- administration -----------------------------------------------------------------------------------------


async def test_an_administrative_change_is_all_or_nothing(database, writer):
    def change(connection):
        connection.execute(insert(message_text).values(message_id=key(1), tenant_id=TENANT, body="x"))
        raise ValueError("on second thoughts")

    with pytest.raises(ValueError, match="second thoughts"):
        await writer.run(change)
    assert stored(database) == []
    assert await writer.run(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7


# --- the database fails -------------------------------------------------------------------------------------


async def fails_within(seconds, writer, *units):
    began = time.monotonic()
    results = await asyncio.gather(*(writer.do(unit) for unit in units), return_exceptions=True)
    assert time.monotonic() - began < seconds
    assert {type(result) for result in results} == {StoreUnavailableError}


async def test_locked_by_another_process(sqlite_url):
    database = open_database(sqlite_url)
    metadata.create_all(database.writer)
    writer = Writer(database.writer, lambda _: None)
    writer.start()
    await writer.do(storing(1))
    other = sqlite3.connect(database.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await fails_within(4.5, writer, storing(2), storing(3))  # two batches at most
    other.execute("ROLLBACK")
    other.close()
    assert await writer.do(storing(4)) == 4
    await writer.stop()
    assert stored(database) == [1, 4]
    database.close()


async def test_disk_full(sqlite_url):
    database = open_database(sqlite_url)
    metadata.create_all(database.writer)
    database.writer.dispose()
    most = [10**9]
    event.listen(
        database.writer, "connect", lambda driver, _: driver.execute(f"PRAGMA max_page_count = {most[0]}")
    )
    most[0] = 1  # SQLite makes that the present size: no page more
    writer = Writer(database.writer, lambda _: None)
    writer.start()
    await fails_within(1, writer, storing(1, "x" * 100_000), storing(2, "x" * 100_000))
    assert stored(database) == []
    most[0] = 10**9  # somebody made room
    assert await writer.do(storing(3, "x" * 100_000)) == 3
    await writer.stop()
    assert stored(database) == [3]
    database.close()


@pytest.fixture(scope="module")
def own_server():
    """A server that these tests may hurt."""
    server = PostgresServer().start()
    yield server
    server.stop()


@pytest.fixture
async def hurt(own_server):
    database = open_database(own_server.fresh_database())
    metadata.create_all(database.writer)
    writer = Writer(database.writer, lambda _: None)
    writer.start()
    await writer.do(storing(1))
    yield own_server, database, writer
    await writer.stop()
    database.close()


def backends(server, database):
    """The server processes of the writer's connections."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'voip-sms' AND datname = %s",
            [database.url.database],
        )
        return [row[0] for row in found]


@pytest.mark.peer("postgresql")
async def test_a_table_locked_by_another_session(hurt):
    server, database, writer = hurt
    with psycopg.connect(server.url(database.url.database)) as other:
        other.execute("LOCK TABLE message_text IN ACCESS EXCLUSIVE MODE")
        await fails_within(4.5, writer, storing(2), storing(3))
    assert await writer.do(storing(4)) == 4
    assert stored(database) == [1, 4]


@pytest.mark.peer("postgresql")
async def test_a_connection_that_died_while_it_lay_idle_is_not_noticed(hurt):
    server, database, writer = hurt
    with psycopg.connect(server.url("postgres"), autocommit=True) as other:
        for pid in backends(server, database):
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert await writer.do(storing(2)) == 2
    assert stored(database) == [1, 2]


@pytest.mark.peer("postgresql")
async def test_the_server_is_gone_and_comes_back(hurt):
    server, database, writer = hurt
    database.reader.dispose()
    server.end_process()
    await fails_within(4, writer, storing(2), storing(3))
    server.start_again()
    assert await writer.do(storing(4)) == 4
    assert stored(database) == [1, 4]


@pytest.mark.peer("postgresql")
async def test_a_server_that_hangs_is_cut_off(hurt):
    """The machine answers for it, so no timeout of TCP and none of the server's own ends the wait."""
    server, database, writer = hurt
    stopped = backends(server, database)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        await fails_within(5, writer, storing(2))
        assert await writer.do(storing(3)) == 3  # over a new connection
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert 3 in stored(database)


@pytest.mark.peer("postgresql")
async def test_a_deadlock_with_another_node_is_tried_again(hurt):
    server, database, writer = hurt
    await writer.do(storing(2))
    url = server.url(database.url.database)
    theirs = psycopg.connect(url)
    theirs.execute("SET deadlock_timeout = '10s'")  # so that it is ours that gives way
    theirs.execute("SELECT 1 FROM message_text WHERE message_id = %s FOR UPDATE", [key(2)])

    crossed = threading.Event()

    def cross():
        theirs.execute("SELECT 1 FROM message_text WHERE message_id = %s FOR UPDATE", [key(1)])
        theirs.rollback()
        crossed.set()

    asked = []

    def follow(_state):
        if not asked:  # we hold 1, they hold 2: they want 1, and we 2
            asked.append(threading.Thread(target=cross))
            asked[0].start()
            time.sleep(0.2)
        return [by_key("message_text", key(2))]

    unit = Unit(lambda _: Rows(result="done"), [by_key("message_text", key(1))], follow)
    assert await asyncio.wait_for(writer.do(unit), 10) == "done"
    assert await asyncio.to_thread(crossed.wait, 10)
    asked[0].join(5)
    theirs.close()
