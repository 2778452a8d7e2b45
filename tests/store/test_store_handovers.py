"""Hand-overs are listed by an index that fits what was asked for, however many others there are."""

import pytest
from sqlalchemy import event

from voip_sms.store import handovers, migrate
from voip_sms.store.database import open_database
from voip_sms.store.handovers import (
    HandoverFilter,
    Selection,
    given_up_webhooks,
    handovers_of_message,
    list_handovers,
)
from voip_sms.store.tables import forward_attempt, forward_job

TENANT = b"t" * 16
MESSAGE = b"m" * 16


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


def handed_over(connection, job_id, at, tenant=TENANT):
    """A hand-over of the message, with a try at each of these moments."""
    row = {"id": job_id * 16, "tenant_id": tenant, "message_id": MESSAGE, "kind": "sip", "target": "101",
           "event": "message.received", "state": "queued", "due_at": 0, "expires_at": 0, "created_at": 0}  # fmt: skip
    connection.execute(forward_job.insert(), row)
    tries = [{"job_id": row["id"], "no": no, "tenant_id": tenant, "at": one, "outcome": "temporary"}
             for no, one in enumerate(at, 1)]  # fmt: skip
    connection.execute(forward_attempt.insert(), tries)


def test_of_more_attempts_than_are_shown_the_newest_count(connection, monkeypatch):
    monkeypatch.setattr(handovers, "ATTEMPTS_LIMIT", 4)
    handed_over(connection, b"1", range(0, 100, 10))
    handed_over(connection, b"2", range(85, 105, 10))
    handed_over(connection, b"3", [200], tenant=b"o" * 16)
    shown = handovers_of_message(connection, TENANT, MESSAGE)
    assert [[one["at"] for one in attempts] for _, attempts in shown] == [[80, 90], [85, 95]]


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
    which = Selection([b"r" * 16, b"q" * 16], 0, 2**62)
    plan = plan_of(connection, lambda: given_up_webhooks(connection, TENANT, which, limit=10))
    assert "ix_forward_job_given_up (tenant_id=? AND kind=?)" in plan
    assert "TEMP B-TREE" not in plan
