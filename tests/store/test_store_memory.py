"""Rows that need not be read again are those that the database has, whoever wrote last."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import Engine, event, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from voip_sms.store.database import open_database
from voip_sms.store.memory import MOST, Memory
from voip_sms.store.sheet import Sheet
from voip_sms.store.tables import balance, metadata, orphan_receipt
from voip_sms.store.transactions import Transactions
from voip_sms.store.units import Match, Rows, Unit, by_key

TENANT = b"t" * 16
READ = by_key("balance", TENANT)


@pytest.fixture
def database(sqlite_url):
    database = open_database(sqlite_url)
    metadata.create_all(database.writer)
    with database.writer.begin() as connection:
        connection.execute(insert(balance).values(tenant_id=TENANT, currency="PLN", credit=100))
    yield database
    database.close()


@pytest.fixture
def transactions(database):
    with closing(Transactions(database.writer)) as transactions:
        yield transactions


@pytest.fixture
def selects(database):
    """The balances that were read, as statements."""
    seen = []
    watch(database.writer, seen)
    return seen


def watch(engine: Engine, seen: list[str]) -> None:
    def look(driver, _record, _proxy):
        driver.set_trace_callback(lambda sql: seen.append(sql) if "SELECT" in sql else None)

    event.listen(engine, "checkout", look)


def reserving(amount):
    """A unit that reserves `amount`, and gives back what it saw before."""

    def decide(state):
        row = state.get("balance", TENANT)
        changes = {"reserved": row["reserved"] + amount}
        return Rows(result=dict(row), updates=[("balance", (TENANT,), changes)])

    return Unit(decide, [READ])


def seen_by(transactions, unit):
    (decided,) = transactions.units([unit])
    return decided.result


def stored(database):
    with database.reader.connect() as connection:
        return dict(connection.execute(select(balance)).one()._mapping)


def test_what_was_just_written_is_not_read_again(transactions, database, selects):
    for n in range(3):
        assert seen_by(transactions, reserving(1))["reserved"] == n
    assert len(selects) == 1
    assert seen_by(transactions, reserving(0)) == stored(database)


def test_what_somebody_else_wrote_is_read(transactions, database):
    seen_by(transactions, reserving(1))
    with database.writer.begin() as other:  # a connection of its own, as another process has
        other.execute(update(balance).values(credit=50))
    assert seen_by(transactions, reserving(1)) == {**stored(database), "reserved": 1}
    assert stored(database)["credit"] == 50


def test_what_administration_wrote_is_read(transactions, database):
    seen_by(transactions, reserving(1))
    transactions.administer(lambda connection: connection.execute(update(balance).values(credit=7)))
    assert seen_by(transactions, reserving(0)) == stored(database)


def test_what_was_rolled_back_never_was(transactions, database):
    seen_by(transactions, reserving(1))
    row = {"message_id": TENANT, "tenant_id": TENANT, "body": "x"}
    storing = Unit(lambda _: Rows(inserts=[("message_text", row)]))
    transactions.units([storing])
    with pytest.raises(IntegrityError):
        transactions.units([reserving(10), storing])
    assert seen_by(transactions, reserving(1))["reserved"] == 1
    assert stored(database)["reserved"] == 2


def test_after_a_commit_whose_end_is_unknown_all_is_read(transactions, database, monkeypatch):
    seen_by(transactions, reserving(1))

    def commit(driver):
        driver.commit()
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(database.writer.dialect, "do_commit", commit)
        with pytest.raises(OperationalError):
            transactions.units([reserving(10)])
    assert stored(database)["reserved"] == 11
    assert seen_by(transactions, reserving(0))["reserved"] == 11


def test_what_was_removed_is_gone(transactions):
    seen_by(transactions, reserving(1))
    transactions.units([Unit(lambda _: Rows(deletes=[("balance", (TENANT,))]), [READ])])
    assert (
        seen_by(transactions, Unit(lambda state: Rows(result=state.get("balance", TENANT)), [READ])) is None
    )


def test_other_columns_than_the_key_are_always_asked_for():
    memory = Memory()
    memory.keep([written(0)])
    assert memory.row("part", ("message_id", "no"), (b"m" * 16, 0)) is not None
    assert memory.row("part", ("carrier", "carrier_ref"), (b"m" * 16, 0)) is None


ORPHANS = Match("orphan_receipt", ("carrier", "carrier_ref"), ("sim", "7"))
ORPHAN = {
    "id": b"o" * 16,
    "carrier": "sim",
    "carrier_ref": "7",
    "status": "delivered",
    "cause": "",
    "raw": "",
}
ORPHAN |= {"received_at": 1, "at": None}
FINDING = Unit(lambda state: Rows(result=len(state.find(ORPHANS))), [ORPHANS])


def test_a_table_that_is_empty_is_not_asked_again(transactions, selects):
    assert [seen_by(transactions, FINDING) for _ in range(3)] == [0, 0, 0]
    assert len(selects) == 2  # one for the row, one whether there is any


@pytest.mark.parametrize("writer", ["a unit", "a unit of the batch", "somebody else", "administration"])
def test_the_first_row_of_an_empty_table_is_found(transactions, database, writer):
    assert seen_by(transactions, FINDING) == 0
    storing, statement = Unit(lambda _: Rows(inserts=[("orphan_receipt", ORPHAN)])), insert(orphan_receipt)
    if writer == "a unit":
        transactions.units([storing])
    elif writer == "a unit of the batch":
        assert [decided.result for decided in transactions.units([storing, FINDING])] == [None, 1]
    elif writer == "somebody else":
        with database.writer.begin() as other:
            other.execute(statement.values(ORPHAN))
    else:
        transactions.administer(lambda connection: connection.execute(statement.values(ORPHAN)))
    assert seen_by(transactions, FINDING) == 1
    assert seen_by(transactions, FINDING) == 1


def test_it_forgets_the_oldest():
    memory = Memory()
    for n in range(3 * MOST):
        memory.keep([written(n)])
    known = [n for n in range(3 * MOST) if memory.row("part", ("message_id", "no"), (b"m" * 16, n))]
    assert known == list(range(3 * MOST - len(known), 3 * MOST))
    assert MOST <= len(known) <= 2 * MOST


def written(n):
    sheet = Sheet("part")
    sheet.insert((b"m" * 16, n), {"message_id": b"m" * 16, "no": n, "state": "queued"})
    return sheet
