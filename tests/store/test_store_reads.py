"""Messages, money and secrets as a tenant reads them, within a bounded time and never another's."""

import asyncio
import json
import threading
import time

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from voip_sms.core.failures import StoreUnavailableError
from voip_sms.core.model import Event, Step
from voip_sms.store import reader as reader_module
from voip_sms.store.config import insert_row
from voip_sms.store.database import open_database
from voip_sms.store.messages import (
    MessageFilter,
    get_message,
    list_messages,
    message_trace,
    messages_of_submission,
)
from voip_sms.store.money import get_balance
from voip_sms.store.reader import Reader
from voip_sms.store.resolve import tenant_of_message, tenant_of_name
from voip_sms.store.secret import get_or_create
from voip_sms.store.tables import metadata

ACME, OTHER = b"acme" * 4, b"othr" * 4


def key(n):
    return n.to_bytes(16)


def message_row(n, tenant=ACME, **more):
    return {"id": key(n), "tenant_id": tenant, "submission_id": key(n // 10), "direction": "outbound",
            "status": "accepted", "account": "key:app", "door": "api", "sender": "ACME", "sender_kind": "name",
            "recipient": f"+4860100000{n}", "encoding": "gsm7", "parts": 1, "price": 290_000, "currency": "PLN",
            "priority": 5, "created_at": 100 + n, "expires_at": 1000, "trace": "[]", **more}  # fmt: skip


@pytest.fixture
def filled(database):
    rows = [message_row(n) for n in range(1, 6)]
    rows[1] |= {"status": "delivered", "client_ref": "order-7", "possible_duplicate": True}
    rows[2] |= {"direction": "inbound", "status": "received", "sender": "+48601123456", "price": None,
                "flags": "blocked loop"}  # fmt: skip
    rows[3] |= {"send_at": 500, "status": "failed", "error_code": "no_route", "error_detail": "why",
                "trace": json.dumps([["route", "none", "no prefix"], ["price", "0.29"]])}  # fmt: skip
    rows.append(message_row(9, OTHER))
    tables = metadata.tables
    with database.writer.begin() as connection:
        for row in rows:
            connection.execute(tables["message"].insert(), row)
        connection.execute(
            tables["message_text"].insert(),
            [{"message_id": key(n), "tenant_id": ACME, "body": f"text {n}"} for n in (1, 2, 3)],
        )
        connection.execute(tables["message_event"].insert(), [
            {"message_id": key(2), "id": key(21), "tenant_id": ACME, "at": 110, "status": "sent", "cause": "", "part": 0},
            {"message_id": key(2), "id": key(22), "tenant_id": ACME, "at": 115, "status": "delivered",
             "cause": "", "part": 1},
            {"message_id": key(2), "id": key(23), "tenant_id": ACME, "at": 120, "status": "delivered",
             "cause": "DELIVRD 000", "part": 0},
        ])  # fmt: skip
    return database


def reading(database, function, *arguments, **named):
    with database.reader.begin() as connection:
        return function(connection, *arguments, **named)


# --- messages -----------------------------------------------------------------------------------------------


def test_a_message_with_its_text_and_history(filled):
    found = reading(filled, get_message, ACME, key(2))
    assert (found.text, found.status, found.client_ref, found.price) == (
        "text 2",
        "delivered",
        "order-7",
        290_000,
    )
    assert found.possible_duplicate is True
    assert found.events == (
        Event(102, "accepted"), Event(110, "sent"), Event(120, "delivered", "DELIVRD 000"))  # fmt: skip


def test_an_inbound_one_and_one_whose_text_is_gone(filled):
    inbound = reading(filled, get_message, ACME, key(3))
    assert (inbound.events, inbound.flags) == ((Event(103, "received"),), {"blocked", "loop"})
    scheduled = reading(filled, get_message, ACME, key(4))
    assert (scheduled.text, scheduled.events) == (None, (Event(104, "scheduled"),))
    assert (scheduled.error_code, scheduled.error_detail) == ("no_route", "why")


def test_another_tenants_message_is_not_there(filled):
    assert reading(filled, get_message, ACME, key(9)) is None
    assert reading(filled, get_message, OTHER, key(1)) is None
    assert reading(filled, message_trace, OTHER, key(4)) is None
    assert reading(filled, messages_of_submission, OTHER, key(0))[0].id == key(9)
    assert [found.id for found in reading(filled, list_messages, OTHER)[0]] == [key(9)]


def test_pages_go_from_the_newest_to_the_oldest_without_gap_or_repeat(filled):
    seen, after, more = [], None, True
    while more:
        page, more = reading(filled, list_messages, ACME, limit=2, starting_after=after)
        seen += [found.id for found in page]
        after = seen[-1]
    assert seen == [key(n) for n in (5, 4, 3, 2, 1)]
    assert reading(filled, list_messages, ACME, limit=5)[1] is False


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (MessageFilter(direction="inbound"), [3]),
        (MessageFilter(status="accepted"), [5, 1]),
        (MessageFilter(to="+48601000004"), [4]),
        (MessageFilter(sender="+48601123456"), [3]),
        (MessageFilter(client_ref="order-7"), [2]),
        (MessageFilter(client_ref="order-7", status="failed"), []),
    ],
)
def test_lists_are_narrowed(filled, only, expected):
    assert [found.id for found in reading(filled, list_messages, ACME, only)[0]] == [key(n) for n in expected]


def test_a_page_takes_two_queries_however_long(filled):
    queries = []
    event.listen(filled.reader, "before_cursor_execute", lambda *given: queries.append(given[2]))
    with filled.reader.connect() as connection:
        list_messages(connection, ACME, limit=5)
        assert len([query for query in queries if "SELECT" in query]) == 2


def test_a_submission_in_order_and_a_trace(filled):
    assert [found.id for found in reading(filled, messages_of_submission, ACME, key(0))] == [
        key(n) for n in range(1, 6)]  # fmt: skip
    assert reading(filled, message_trace, ACME, key(4)) == (
        Step("route", "none", "no prefix"), Step("price", "0.29"))  # fmt: skip


# --- money, secrets, tenants --------------------------------------------------------------------------------


def test_what_is_left_to_spend(database):
    row = {"tenant_id": ACME, "currency": "PLN", "credit": 100, "reserved": 30, "settled": 50}
    with database.writer.begin() as connection:
        insert_row(connection, "balance", row)
    assert reading(database, get_balance, ACME).available == 20
    assert reading(database, get_balance, OTHER) is None


def test_a_secret_is_made_once(database):
    made = []

    def random(n):
        made.append(n)
        return bytes([len(made)]) * n

    with database.writer.begin() as connection:
        first = get_or_create(connection, "a", random)
    with database.writer.begin() as connection:
        assert get_or_create(connection, "a", random) == first == b"\1" * 32
        assert get_or_create(connection, "b", random) == b"\2" * 32


def test_a_tenant_is_found_by_name_and_by_message(filled):
    with filled.writer.begin() as connection:
        insert_row(connection, "tenant", {"id": ACME, "name": "acme"})
    assert reading(filled, tenant_of_name, "acme") == ACME
    assert reading(filled, tenant_of_name, "nobody") is None
    assert reading(filled, tenant_of_message, key(9)) == OTHER
    assert reading(filled, tenant_of_message, key(99)) is None


# --- the reader ---------------------------------------------------------------------------------------------


@pytest.fixture
async def reader(database):
    reader = Reader(database.reader, threads=2)
    yield reader
    reader.close()


async def test_reads_run_beside_each_other(reader):
    meet = threading.Barrier(2, timeout=10)

    def function(connection, number):
        meet.wait()
        return connection.execute(text("SELECT 1")).scalar() + number

    assert await asyncio.gather(reader.run(function, 1), reader.run(function, 2)) == [2, 3]


async def test_what_a_read_raises_comes_out(reader):
    def function(_connection):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await reader.run(function)
    with pytest.raises((DBAPIError, StoreUnavailableError)):  # SQLite calls a wrong statement operational
        await reader.run(lambda connection: connection.execute(text("SELECT nonsense FROM message")))


SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


async def test_a_read_that_takes_too_long_is_ended(database, reader, monkeypatch):
    monkeypatch.setattr(reader_module, "WAIT_SECONDS", 0.2)
    slow = text(SLOW[database.url.get_backend_name()])
    began = time.monotonic()
    results = await asyncio.gather(
        *(reader.run(lambda connection: connection.execute(slow).all()) for _ in range(2)),
        return_exceptions=True,
    )
    assert {type(result) for result in results} == {StoreUnavailableError}
    assert time.monotonic() - began < 1.5
    monkeypatch.setattr(reader_module, "WAIT_SECONDS", 3)
    assert await reader.run(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1


async def test_too_many_reads_are_told_at_once(database, monkeypatch):
    monkeypatch.setattr(reader_module, "WAITING", 1)
    reader = Reader(database.reader, threads=1)
    go = threading.Event()
    running = [asyncio.ensure_future(reader.run(lambda _: go.wait(10))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailableError):
        await reader.run(lambda _: None)
    go.set()
    assert await asyncio.gather(*running) == [True, True]
    reader.close()
    with pytest.raises(StoreUnavailableError):
        await reader.run(lambda _: None)


async def test_closing_leaves_no_connection_behind(database):
    """A read that runs is cut off, and its connection is back in the pool before that is emptied."""
    reader = Reader(database.reader, threads=1)
    begun = threading.Event()

    def forever(connection):
        begun.set()
        connection.execute(text(SLOW[database.url.get_backend_name()]))

    running = asyncio.ensure_future(reader.run(forever))
    assert await asyncio.to_thread(begun.wait, 5)
    began = time.monotonic()
    reader.close()
    assert time.monotonic() - began < 1.5
    assert database.reader.pool.checkedout() == 0
    with pytest.raises(StoreUnavailableError):
        await running


@pytest.mark.peer("postgresql")
async def test_a_connection_that_died_in_the_pool_is_replaced(pg_url):
    database = open_database(pg_url)
    reader = Reader(database.reader, threads=1)
    own = await reader.run(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar())
    with database.writer.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
    assert await reader.run(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7
    reader.close()
    database.close()
