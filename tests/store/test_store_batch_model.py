"""A batch comes to the same as its units one after the other, each in a transaction of its own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from voip_sms.store.batch import Batch
from voip_sms.store.memory import Memory
from voip_sms.store.tables import part
from voip_sms.store.units import Match, Rows, Unit, by_key

KEYS = st.integers(1, 4)
REFERENCES = st.sampled_from(["a", "b", None])
WAYS = st.sampled_from(["insert", "insert short", "update", "delete", "replace", "refuse", "blind insert"])
STEPS = st.lists(st.tuples(WAYS, KEYS, REFERENCES), max_size=3)
UNITS = st.lists(STEPS, min_size=1, max_size=8)


def row_of(n, reference, *, short=False):
    row = {"message_id": bytes([n]) * 16, "no": 1, "tenant_id": b"t" * 16, "carrier": "sim", "pair": "p",
           "priority": 1, "state": "queued", "due_at": 1, "expires_at": 2}  # fmt: skip
    return row if short else {**row, "carrier_ref": reference, "attempts": 3}


def unit_of(steps):
    """A unit that reads every row it may touch, notes what it sees, and does what its steps can."""
    keys = {n: (bytes([n]) * 16, 1) for n in range(1, 5)}
    found_by = [Match("part", ("carrier", "carrier_ref"), ("sim", reference)) for reference in "ab"]

    def decide(state):
        rows = Rows()
        seen = [dict(row) if (row := state.get("part", *key)) else None for key in keys.values()]
        seen.append([sorted(row["message_id"] for row in state.find(match)) for match in found_by])
        touched = set()
        for way, n, reference in steps:
            if way == "refuse":
                raise ValueError("refused")
            if n in touched:
                continue
            touched.add(n)
            there = state.get("part", *keys[n]) is not None
            if way == "blind insert" or (way.startswith("insert") and not there):
                rows.inserts.append(("part", row_of(n, reference, short=way == "insert short")))
            elif there and way == "update":
                rows.update("part", keys[n], carrier_ref=reference, state="sent")
            elif there and way in ("delete", "replace"):
                rows.delete("part", keys[n])
                if way == "replace":
                    rows.inserts.append(("part", row_of(n, reference)))
        rows.result = seen
        return rows

    return Unit(decide, [*(by_key("part", *key) for key in keys.values()), *found_by])


def outcome(decided):
    return decided.result if isinstance(decided, Rows) else type(decided)


def carried_out(connection, batches):
    decided = []
    memory = Memory() if connection.dialect.name == "sqlite" else None
    for units in batches:
        batch = Batch(connection, memory)
        decided += [outcome(one) for one in batch.run(units)]
        batch.write()
        batch.keep()
    rows = connection.execute(select(part).order_by(part.c.message_id))
    return decided, [dict(row._mapping) for row in rows]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=st.dictionaries(KEYS, REFERENCES), plan=UNITS)
@pytest.mark.usefixtures("database")
def test_together_as_one_by_one(database, before, plan):
    results = []
    for alone in (True, False):
        units = [unit_of(steps) for steps in plan]
        with database.writer.connect() as connection:
            transaction = connection.begin()
            for n, reference in before.items():
                connection.execute(part.insert(), row_of(n, reference))
            results.append(carried_out(connection, [[unit] for unit in units] if alone else [units]))
            transaction.rollback()
    assert results[0] == results[1]
