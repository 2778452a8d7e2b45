"""Hand-overs are listed by an index that fits what was asked for, however many others there are."""

import pytest
from sqlalchemy import event

from voip_sms.store import migrate
from voip_sms.store.database import open_database
from voip_sms.store.handovers import HandoverFilter, Selection, given_up_webhooks, list_handovers

TENANT = b"t" * 16


@pytest.fixture
def connection(sqlite_url):
    database = open_database(sqlite_url)
    migrate.upgrade(database.writer)
    with database.writer.begin() as connection:
        yield connection
    database.close()


def plan_of(connection, work):
    """How SQLite carries out the one statement that `work` sends."""
    sent = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if not statement.startswith("EXPLAIN"):
            sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    work()
    event.remove(connection, "before_cursor_execute", note)
    [(statement, parameters)] = sent
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return " | ".join(row[3] for row in rows)


def test_failed_ones_are_listed_by_index(connection):
    only = HandoverFilter("webhook", "failed")
    plan = plan_of(connection, lambda: list_handovers(connection, TENANT, only, starting_after=b"z" * 16))
    assert "ix_forward_job_given_up (tenant_id=? AND kind=? AND id<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_webhooks_are_listed_by_index_and_phones_passed_over(connection):
    plan = plan_of(connection, lambda: list_handovers(connection, TENANT, HandoverFilter("webhook")))
    assert "ix_forward_job_tenant_id_kind_id (tenant_id=? AND kind=?)" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("state", [None, "done"])
def test_those_of_one_rule_are_listed_by_index(connection, state):
    only = HandoverFilter("webhook", state, rule_id=b"r" * 16)
    plan = plan_of(connection, lambda: list_handovers(connection, TENANT, only, starting_after=b"z" * 16))
    assert "ix_forward_job_rule (tenant_id=? AND rule_id=? AND id<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_candidates_for_replay_are_found_by_index(connection):
    which = Selection(TENANT, [b"r" * 16, b"q" * 16], 0, 2**62)
    plan = plan_of(connection, lambda: given_up_webhooks(connection, which, limit=10))
    assert "ix_forward_job_given_up (tenant_id=? AND kind=?)" in plan
    assert "TEMP B-TREE" not in plan
