"""Reads what a tenant's messages and events became: hand-overs (rows of `forward_job`) and their attempts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Connection, bindparam, exists, func, select, text

from voip_sms.core.directory import ForwardKind, Id
from voip_sms.store.config import Row
from voip_sms.store.tables import forward_attempt, forward_job, message_text

GIVEN_UP: Final = frozenset({"failed", "expired"})
"""States of hand-overs that nobody tries any more, and that did not succeed."""
ONLY_GIVEN_UP: Final = text("forward_job.state IN ('failed', 'expired')")
"""The same for a statement, in the words of the index that covers it."""
LIST_LIMIT: Final = 1_000
OF_MESSAGE_LIMIT: Final = 1_000
"""Hand-overs of one message: seven events to each of a hundred targets are fewer."""
ATTEMPTS_LIMIT: Final = 1_000
"""Attempts of one hand-over, or of all those of one message; the latest count."""


@dataclass(frozen=True, slots=True)
class HandoverFilter:
    """What a list is narrowed to; None leaves a field open. State `failed` is all that was given up."""

    kind: ForwardKind | None = None
    state: str | None = None
    rule_id: Id | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Webhook hand-overs that were given up, of events from `since` up to `until` (epoch microseconds)."""

    rules: Sequence[Id]
    since: int
    until: int


def list_handovers(
    connection: Connection,
    tenant_id: Id,
    only: HandoverFilter,
    *,
    limit: int = 50,
    starting_after: Id | None = None,
) -> tuple[list[Row], bool]:
    """The tenant's hand-overs, newest first, and whether more follow; `starting_after`: the last id seen."""
    limit = max(1, min(limit, LIST_LIMIT))
    statement = select(forward_job).where(forward_job.c.tenant_id == tenant_id, *_tests(only))
    if starting_after is not None:
        statement = statement.where(forward_job.c.id < starting_after)
    statement = statement.order_by(forward_job.c.id.desc()).limit(limit + 1)
    rows = [dict(row) for row in connection.execute(statement).mappings()]
    return rows[:limit], len(rows) > limit


def get_handover(connection: Connection, tenant_id: Id, job_id: Id) -> tuple[Row, Sequence[Row]] | None:
    """The tenant's hand-over with its attempts, oldest first; None if it isn't there or isn't theirs."""
    statement = select(forward_job).where(forward_job.c.tenant_id == tenant_id, forward_job.c.id == job_id)
    found = connection.execute(statement).mappings().one_or_none()
    return None if found is None else (dict(found), _attempts(connection, tenant_id, job_id))


def given_up_webhooks(connection: Connection, tenant_id: Id, which: Selection, *, limit: int) -> list[Id]:
    """The tenant's oldest `limit` of a selection that can be told again: their text is still kept."""
    statement = (
        select(forward_job.c.id)
        .where(
            ONLY_GIVEN_UP,
            forward_job.c.tenant_id == tenant_id,
            forward_job.c.kind == _spelled("webhook"),
            forward_job.c.created_at >= which.since,
            forward_job.c.created_at < which.until,
            # Not by the index of rules, where all that succeeded stands too.
            func.coalesce(forward_job.c.rule_id, b"").in_(which.rules),
            exists(select(1).where(message_text.c.message_id == forward_job.c.message_id)),
        )
        .order_by(forward_job.c.id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def handovers_of_message(
    connection: Connection, tenant_id: Id, message_id: Id
) -> list[tuple[Row, Sequence[Row]]]:
    """All hand-overs of one message, oldest first, each with its attempts."""
    owned = (forward_job.c.tenant_id == tenant_id, forward_job.c.message_id == message_id)
    statement = select(forward_job).where(*owned).order_by(forward_job.c.id).limit(OF_MESSAGE_LIMIT)
    jobs = [dict(row) for row in connection.execute(statement).mappings()]
    attempts = _attempts_of_message(connection, tenant_id, message_id)
    return [(job, attempts.get(job["id"], ())) for job in jobs]


def _attempts(connection: Connection, tenant_id: Id, job_id: Id) -> Sequence[Row]:
    statement = (
        select(forward_attempt)
        .where(forward_attempt.c.tenant_id == tenant_id, forward_attempt.c.job_id == job_id)
        .order_by(forward_attempt.c.no.desc())
        .limit(ATTEMPTS_LIMIT)
    )
    return [dict(row) for row in connection.execute(statement).mappings()][::-1]


def _attempts_of_message(connection: Connection, tenant_id: Id, message_id: Id) -> Mapping[Id, Sequence[Row]]:
    owned = (forward_job.c.tenant_id == tenant_id, forward_job.c.message_id == message_id)
    statement = (
        select(forward_attempt)
        .where(
            forward_attempt.c.tenant_id == tenant_id,
            forward_attempt.c.job_id.in_(select(forward_job.c.id).where(*owned)),
        )
        .order_by(forward_attempt.c.at.desc(), forward_attempt.c.job_id.desc(), forward_attempt.c.no.desc())
        .limit(ATTEMPTS_LIMIT)
    )
    found: dict[Id, list[Row]] = defaultdict(list)
    for row in reversed(connection.execute(statement).mappings().all()):
        found[row["job_id"]].append(dict(row))
    return found


def _tests(only: HandoverFilter) -> list[ColumnElement[bool] | Any]:
    tests: list[ColumnElement[bool] | Any] = []
    if only.kind is not None:
        tests.append(forward_job.c.kind == _spelled(only.kind))
    if only.rule_id is not None:
        tests.append(forward_job.c.rule_id == only.rule_id)
    if only.state == "failed":
        tests.append(ONLY_GIVEN_UP)
    elif only.state is not None:
        tests.append(forward_job.c.state == _spelled(only.state))
    return tests


def _spelled(word: str) -> BindParameter[str]:
    """The word stands in the statement itself: only so does a database know which partial index covers it."""
    return bindparam(None, word, literal_execute=True)
