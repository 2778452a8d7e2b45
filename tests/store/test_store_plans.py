"""PostgreSQL finds rows by index from the first day on, when no table has been analysed yet."""

import pytest
from sqlalchemy import text

from voip_sms.store.batch import Batch
from voip_sms.store.database import open_database
from voip_sms.store.units import Rows, Unit, by_key

pytestmark = pytest.mark.peer("postgresql")

TENANT = b"t" * 16
BATCH, BATCHES = 50, 40


def text_row(n):
    return ("message_text", {"message_id": n.to_bytes(16), "tenant_id": TENANT, "body": "x"})


def writes_and_reads(n):
    """What a busy hour is made of: a new row, and the one of a while ago changed by its key."""
    key = max(n - BATCH, 0).to_bytes(16)

    def decide(state):
        rows = Rows(inserts=[text_row(n)])
        if state.get("message_text", key) is not None:
            rows.update("message_text", (key,), body="y")
        return rows

    return Unit(decide, [by_key("message_text", key)])


def test_a_table_that_grows_on_a_fresh_database_is_never_read_through(pg_server, pg_head):
    url = pg_server.fresh_database(pg_head)
    database = open_database(url)
    with database.writer.connect() as connection:
        for start in range(0, BATCH * BATCHES, BATCH):
            with connection.begin():
                batch = Batch(connection)
                batch.run([writes_and_reads(n) for n in range(start, start + BATCH)])
                batch.write()
    database.close()  # a session tells its counts when it ends
    watcher = open_database(url)
    with watcher.reader.connect() as connection:
        read = connection.execute(
            text(
                "SELECT n_tup_ins, n_tup_upd, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'message_text'"
            )
        ).one()
    watcher.close()
    pg_server.drop(url)
    assert read.n_tup_ins == BATCH * BATCHES
    assert read.n_tup_upd == BATCH * (BATCHES - 1)
    assert read.seq_tup_read <= BATCH
