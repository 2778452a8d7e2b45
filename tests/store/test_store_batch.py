"""One transaction for many units: what each sees of its predecessors, and what is written in the end."""

from enum import StrEnum

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DataError, IntegrityError

from voip_sms.store.batch import Batch
from voip_sms.store.bulk_sqlite import _match_sql
from voip_sms.store.database import open_database
from voip_sms.store.tables import balance, message_text, metadata
from voip_sms.store.units import Match, Rows, Scan, Unit, by_key, key_of, primary_key

TENANT = b"t" * 16
BIG = 2**62


class Kind(StrEnum):
    RESERVE = "reserve"


def do(database, *units):
    """Carry out units as one batch; what each came to."""
    with database.writer.begin() as connection:
        batch = Batch(connection)
        decided = batch.run(units)
        batch.write()
    return decided


def rows_of(database, table):
    source = metadata.tables[table]
    with database.reader.connect() as connection:
        found = connection.execute(select(source).order_by(*source.primary_key.columns))
        return [dict(row._mapping) for row in found]


def writing(*inserts, reads=(), updates=(), deletes=()):
    return Unit(lambda _: Rows(inserts=list(inserts), updates=list(updates), deletes=list(deletes)), reads)


def text_row(n, body="x"):
    return ("message_text", {"message_id": bytes([n]) * 16, "tenant_id": TENANT, "body": body})


def lease_row(number="+48799000001", peer="+48601000001", **more):
    return ("lease", {"number": number, "peer": peer, "tenant_id": TENANT, "account": "sip:1", "pool": "pl",
                      "until": 1, "rest_until": 2, **more})  # fmt: skip


def part_row(n, no=1, **more):
    return ("part", {"message_id": bytes([n]) * 16, "no": no, "tenant_id": TENANT, "carrier": "sim",
                     "pair": "a>b", "priority": 5, "state": "queued", "due_at": 1, "expires_at": 2, **more})  # fmt: skip


def part_key(n, no=1):
    return (bytes([n]) * 16, no)


# --- values -------------------------------------------------------------------------------------------------


COUNTS = [1, 2, 8, 9, 16, 17, 63, 64, 65, 200]


@pytest.mark.parametrize("count", COUNTS)
def test_every_row_arrives_however_many(database, count):
    do(database, *(writing(text_row(n, f"text {n}")) for n in range(count)))
    assert [row["body"] for row in rows_of(database, "message_text")] == [f"text {n}" for n in range(count)]


@pytest.mark.parametrize("count", COUNTS)
def test_every_change_arrives_however_many(database, count):
    do(database, *(writing(part_row(n)) for n in range(count + 1)))
    reads = [by_key("part", *part_key(n)) for n in range(count)]
    changes = [("part", part_key(n), {"cause": f"c{n}", "claimed_by": None}) for n in range(count)]
    do(database, writing(reads=reads, updates=changes))
    assert [row["cause"] for row in rows_of(database, "part")] == [*(f"c{n}" for n in range(count)), ""]


def test_a_row_that_begins_with_nothing_is_a_row(database):
    do(database, *(writing(("part", {"claimed_by": None, **part_row(n)[1]})) for n in range(9)))
    assert len(rows_of(database, "part")) == 9


@pytest.mark.parametrize("count", [1, 3])
def test_values_come_back_as_they_went_in(database, count):
    """Through insert, update and read: None, truth, JSON, large numbers, octets and hard texts."""
    body = "Zażółć \\N \t\n'\"; DROP TABLE x; -- %s ? {} 🙂"
    row = {"tenant_id": TENANT, "targets": ["a", "ł"], "number": None, "verified": True, "kind": body,
           "secret": "", "mode": "get", "events": [], "enabled": False, "created_at": BIG}  # fmt: skip
    keys = [bytes([n]) * 16 for n in range(count)]
    do(database, *(writing(("forward", {"id": key, **row})) for key in keys))
    expected = [{"id": key, "disabled_reason": "", "secret_before": None, "secret_before_until": None, **row}
                for key in keys]  # fmt: skip
    assert rows_of(database, "forward") == expected
    changes = {
        "targets": {"x": [1, None]},
        "verified": False,
        "number": body,
        "kind": "\\",
        "created_at": -BIG,
    }
    seen = []

    def change(key):
        def decide(state):
            seen.append(dict(state.get("forward", key)))
            return Rows(updates=[("forward", (key,), changes)])

        return Unit(decide, [by_key("forward", key)])

    do(database, *(change(key) for key in keys))
    assert seen == expected
    assert rows_of(database, "forward") == [{**one, **changes} for one in expected]


def test_a_status_word_is_stored_as_its_text(database):
    row = {"message_id": TENANT, "phase": Kind.RESERVE, "tenant_id": TENANT, "kind": Kind.RESERVE,
           "amount": 1, "currency": "PLN", "at": 1}  # fmt: skip
    do(database, writing(("ledger", {**row, "part": 0})), writing(("ledger", {**row, "part": 1})))
    change = [
        ("ledger", (TENANT, n, "reserve"), {"kind": kind}) for n, kind in enumerate((Kind.RESERVE, "x"))
    ]
    reads = [by_key("ledger", TENANT, n, Kind.RESERVE) for n in range(2)]
    (result,) = do(database, writing(reads=reads, updates=change))
    assert isinstance(result, Rows)
    assert [row["kind"] for row in rows_of(database, "ledger")] == ["reserve", "x"]


def test_a_number_too_large_for_its_column_is_never_cut(database):
    """COPY as text, arrays with a cast: PostgreSQL itself checks. (SQLite has one size of integer.)"""
    if database.is_sqlite:
        pytest.skip("SQLite's integers have one size")
    with pytest.raises(DataError):
        do(database, writing(part_row(1, attempts=70_000)), writing(part_row(2, attempts=70_000)))
    do(database, writing(part_row(1)), writing(part_row(2)))
    changes = [("part", part_key(n), {"attempts": 70_000}) for n in (1, 2)]
    with pytest.raises(DataError):
        do(database, writing(reads=[by_key("part", *part_key(n)) for n in (1, 2)], updates=changes))
    assert [row["attempts"] for row in rows_of(database, "part")] == [0, 0]


# --- what units see of each other ---------------------------------------------------------------------------


def test_each_unit_sees_what_its_predecessors_decided(database):
    with database.writer.begin() as connection:
        connection.execute(insert(balance).values(tenant_id=TENANT, currency="PLN", credit=100))

    def reserve(amount):
        def decide(state):
            row = state.get("balance", TENANT)
            if row["credit"] - row["reserved"] < amount:
                raise ValueError("no credit")
            return Rows(updates=[("balance", (TENANT,), {"reserved": row["reserved"] + amount})])

        return Unit(decide, [by_key("balance", TENANT)])

    decided = do(database, *(reserve(40) for _ in range(4)))
    assert [isinstance(one, Rows) for one in decided] == [True, True, False, False]
    assert rows_of(database, "balance")[0]["reserved"] == 80


def test_an_inserted_row_is_found_by_key_and_by_other_columns_with_its_defaults(database):
    seen = {}
    by_peer = Match("lease", ("peer",), ("+48601000001",))
    by_reference = Match("part", ("carrier", "carrier_ref"), ("sim", "r1"))

    def look(state):
        seen["peer"] = [row["number"] for row in state.find(by_peer)]
        seen["key"] = state.get("part", *part_key(1))
        seen["reference"] = [row["attempts"] for row in state.find(by_reference)]
        return Rows()

    reads = [by_peer, by_reference, by_key("part", *part_key(1))]
    do(database, writing(lease_row(), part_row(1, carrier_ref="r1"), part_row(2)), Unit(look, reads))
    assert seen["peer"] == ["+48799000001"]
    assert seen["key"] == rows_of(database, "part")[0]
    assert seen["key"]["possible_duplicate"] is False
    assert seen["reference"] == [0]


def test_a_change_moves_a_row_into_and_out_of_what_others_read(database):
    do(database, writing(part_row(1, state="sending")), writing(part_row(2, carrier_ref="r1")))
    by_reference = Match("part", ("carrier", "carrier_ref"), ("sim", "r1"))
    seen = []

    def look(state):
        seen.append([row["message_id"][0] for row in state.find(by_reference)])
        return Rows()

    do(
        database,
        Unit(look, [by_reference]),
        writing(reads=[by_key("part", *part_key(1))], updates=[("part", part_key(1), {"carrier_ref": "r1"})]),
        Unit(look, [by_reference]),
        writing(reads=[by_key("part", *part_key(2))], updates=[("part", part_key(2), {"carrier_ref": None})]),
        Unit(look, [by_reference]),
    )
    assert seen == [[2], [2, 1], [1]]


def test_a_row_given_out_does_not_change_afterwards(database):
    do(database, writing(part_row(1)))
    held = []

    def look(state):
        held.append(state.get("part", *part_key(1)))
        return Rows()

    reads = [by_key("part", *part_key(1))]
    do(
        database,
        Unit(look, reads),
        writing(reads=reads, updates=[("part", part_key(1), {"state": "sent"})]),
        Unit(look, reads),
    )
    assert [row["state"] for row in held] == ["queued", "sent"]


def test_a_row_may_be_inserted_changed_and_removed_within_one_batch(database):
    key = part_key(1)
    reads = [by_key("part", *key)]
    change = writing(reads=reads, updates=[("part", key, {"state": "sent"})])
    remove = writing(reads=reads, deletes=[("part", key)])
    do(database, writing(part_row(1)), change)
    assert [row["state"] for row in rows_of(database, "part")] == ["sent"]
    do(database, change, remove)
    assert rows_of(database, "part") == []
    do(database, writing(part_row(1)), change, remove)
    assert rows_of(database, "part") == []
    do(database, writing(part_row(1, state="old")))
    do(database, remove, Unit(lambda _: Rows(inserts=[part_row(1, state="new")]), reads), change)
    assert [(row["state"], row["due_at"]) for row in rows_of(database, "part")] == [("sent", 1)]


def test_one_unit_may_replace_a_row_and_change_what_it_inserts(database):
    do(database, writing(part_row(1, state="old")))
    unit = writing(
        part_row(1, state="new"),
        part_row(2),
        reads=[by_key("part", *part_key(1))],
        deletes=[("part", part_key(1))],
        updates=[("part", part_key(2), {"state": "sent"})],
    )
    assert isinstance(do(database, unit)[0], Rows)
    assert [row["state"] for row in rows_of(database, "part")] == ["new", "sent"]


# --- faults of one unit -------------------------------------------------------------------------------------


def test_the_same_key_twice_fails_the_second_alone(database):
    """A charge, say: without this the later row would take the earlier one's place unseen."""
    decided = do(
        database, writing(part_row(1, state="first")), writing(part_row(2), part_row(1, state="second"))
    )
    assert isinstance(decided[1], IntegrityError)
    assert [row["state"] for row in rows_of(database, "part")] == ["first"]
    twice = writing(part_row(3), part_row(3))
    known = writing(part_row(1), reads=[by_key("part", *part_key(1))])
    assert [type(one) for one in do(database, twice, known)] == [IntegrityError, IntegrityError]


@pytest.mark.parametrize(
    "rows",
    [
        Rows(updates=[("part", part_key(9), {"state": "sent"})]),
        Rows(deletes=[("part", part_key(9))]),
        Rows(inserts=[("part", {"no": 1})]),
        Rows(inserts=[text_row(1)], updates=[("part", part_key(9), {"state": "sent"})]),
    ],
)
def test_rows_that_cannot_be_applied_fail_their_unit_alone_and_whole(database, rows):
    decided = do(database, Unit(lambda _: rows), writing(part_row(1)))
    assert isinstance(decided[0], LookupError)
    assert isinstance(decided[1], Rows)
    assert rows_of(database, "message_text") == []


# --- reading ------------------------------------------------------------------------------------------------


def test_many_keys_of_several_columns_are_found_each(database):
    do(database, *(writing(part_row(n, no)) for n in range(100) for no in (1, 2)))
    found = []

    def look(n):
        def decide(state):
            found.append(state.get("part", *part_key(n, 2))["message_id"][0])
            found.append(len(state.find(Match("part", ("message_id",), (bytes([n]) * 16,)))))
            return Rows()

        reads = [by_key("part", *part_key(n, 2)), Match("part", ("message_id",), (bytes([n]) * 16,))]
        return Unit(decide, reads)

    do(database, *(look(n) for n in range(100)))
    assert found == [value for n in range(100) for value in (n, 2)]


def test_what_follows_from_a_read_is_read_too(database):
    do(database, writing(part_row(1, carrier_ref="r"), text_row(1, "hello")))
    by_reference = Match("part", ("carrier", "carrier_ref"), ("sim", "r"))
    seen = []

    def follow(state):
        return [by_key("message_text", row["message_id"], lock=False) for row in state.find(by_reference)]

    def decide(state):
        seen.append(state.get("message_text", bytes([1]) * 16)["body"])
        return Rows()

    do(database, Unit(decide, [by_reference], follow))
    assert seen == ["hello"]


def test_a_scan_gives_rows_in_its_order_as_they_stand_now(database):
    do(database, *(writing(text_row(n, f"text {n}")) for n in range(3)))
    scan = Scan("message_text", select(message_text).order_by(message_text.c.message_id.desc()))
    seen = []

    def look(state):
        seen.extend(row["body"] for row in state.scanned(scan))
        return Rows()

    key = (bytes([1]) * 16,)
    change = writing(reads=[by_key("message_text", *key)], updates=[("message_text", key, {"body": "new"})])
    do(database, change, Unit(look, [scan]))
    assert seen == ["text 2", "new", "text 0"]


@pytest.mark.peer("postgresql")
def test_a_row_first_read_unlocked_is_read_again_when_somebody_locks_it(pg_url):
    """Between the two reads another node may have changed it: a decision must see what it then overwrites."""
    database = open_database(pg_url)
    metadata.create_all(database.writer)
    do(database, writing(text_row(1, "old")))
    key = (bytes([1]) * 16,)
    seen = []

    def follow(_state):
        if not seen:
            with database.writer.begin() as other:  # another node, between the reads
                other.execute(message_text.update().values(body="new"))
            seen.append("changed")
        return [by_key("message_text", *key)]

    def decide(state):
        seen.append(state.get("message_text", *key)["body"])
        return Rows()

    do(database, Unit(decide, [by_key("message_text", *key, lock=False)], follow))
    assert seen == ["changed", "new"]
    database.close()


MATCHES = [(name, primary_key(name)) for name in metadata.tables] + [
    ("part", ("message_id",)),
    ("part", ("carrier", "carrier_ref")),
    ("lease", ("peer",)),
    ("orphan_receipt", ("carrier", "carrier_ref")),
    ("inbound_part", ("carrier", "sender", "recipient", "reference", "total")),
    ("binding", ("account_id",)),
]


@pytest.mark.parametrize(("table", "columns"), MATCHES)
def test_sqlite_looks_rows_up_and_never_reads_a_whole_table(sqlite_url, table, columns):
    database = open_database(sqlite_url)
    metadata.create_all(database.writer)
    for size in (1, 64):
        sql = "EXPLAIN QUERY PLAN " + _match_sql(table, columns, size)
        with database.writer.connect() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(sql, (None,) * (size * len(columns)))]
        assert any(f"SEARCH {table} USING" in step for step in plan), plan
    database.close()


def test_keys_are_told_in_the_tables_order():
    assert key_of("part", {"no": 2, "message_id": b"m", "x": 1}) == (b"m", 2)
