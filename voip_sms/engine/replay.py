"""Queues webhook hand-overs once more: the same event under the same id, its schedule from the beginning."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, exists, select

from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.engine.events import LIFE
from voip_sms.store.handovers import GIVEN_UP, ONLY_GIVEN_UP
from voip_sms.store.tables import forward_job, message_text
from voip_sms.store.units import Match, Read, Rows, Scan, State, Unit, by_key

CHUNK: Final = 100
"""Hand-overs queued in one unit: a few milliseconds of the writer, so that doors hardly notice."""

_CANDIDATES: Final[Select[Any]] = (
    select(forward_job)
    .where(
        ONLY_GIVEN_UP,
        forward_job.c.tenant_id == bindparam("tenant"),
        forward_job.c.kind == "webhook",
        forward_job.c.id > bindparam("after"),
        forward_job.c.created_at >= bindparam("since"),
        forward_job.c.created_at < bindparam("until"),
        # What retention has taken can't be told again.
        exists(select(1).where(message_text.c.message_id == forward_job.c.message_id)),
    )
    .order_by(forward_job.c.id)
    .limit(CHUNK)
    .with_for_update(skip_locked=True, of=forward_job)
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Failed hand-overs of events from `since` up to `until` (epoch microseconds), of these rules."""

    tenant_id: Id
    rules: Sequence[Id]
    since: int
    until: int


def replay_one_unit(tenant_id: Id, job_id: Id, now: int) -> Unit:
    """Queue one webhook hand-over, whatever became of it; the result is its row then.

    Nothing changes while it is being tried; one that waits is tried at once. Refusals: `not_found`, also
    another tenant's; `conflict` when its rule is gone or off; `too_late` when its text is no longer kept.
    """
    job_read = by_key("forward_job", job_id)

    def follow(state: State) -> Iterable[Read]:
        job = _own(state, tenant_id, job_id)
        if job is not None:
            yield by_key("message_text", job["message_id"], lock=False)
            yield Match("forward", ("id",), (job["rule_id"] or b"",), lock=False)

    def decide(state: State) -> Rows:
        job = _own(state, tenant_id, job_id)
        if job is None:
            raise Refusal("not_found", "there is no such hand-over")
        if job["state"] == "sending":
            return Rows(result=dict(job))
        _check(state, job)
        rows = Rows()
        changes = _again(job, now)
        rows.update("forward_job", (job_id,), **changes)
        rows.wakes.add("forwards")
        rows.result = {**job, **changes}
        return rows

    return Unit(decide, [job_read], follow)


def replay_many_unit(selection: Selection, after: Id, now: int) -> Unit:
    """Queue the oldest `CHUNK` of a selection that come after the id `after`.

    The result: how many were queued, and the last id looked at; None when there are no more.
    """
    scan = Scan(
        "forward_job",
        _CANDIDATES,
        {
            "tenant": selection.tenant_id,
            "after": after,
            "since": selection.since,
            "until": selection.until,
        },
    )

    def decide(state: State) -> Rows:
        found = state.scanned(scan)
        # Replayed by an earlier unit of the batch: once is enough.
        failed = [job for job in found if job["state"] in GIVEN_UP and job["rule_id"] in selection.rules]
        rows = Rows(result=(len(failed), found[-1]["id"] if len(found) == CHUNK else None))
        for job in failed:
            rows.update("forward_job", (job["id"],), **_again(job, now))
        if failed:
            rows.wakes.add("forwards")
        return rows

    return Unit(decide, [scan])


def _own(state: State, tenant_id: Id, job_id: Id) -> Mapping[str, Any] | None:
    job = state.get("forward_job", job_id)
    return job if job is not None and (job["tenant_id"], job["kind"]) == (tenant_id, "webhook") else None


def _check(state: State, job: Mapping[str, Any]) -> None:
    rule = state.get("forward", job["rule_id"]) if job["rule_id"] else None
    if rule is None:
        raise Refusal("conflict", "the forward that caused it was removed")
    if not rule["enabled"]:
        raise Refusal("conflict", "the forward that caused it is switched off; switch it on first")
    if state.get("message_text", job["message_id"]) is None:
        raise Refusal("too_late", "the text of its message is no longer kept, so it can't be told again")


def _again(job: Mapping[str, Any], now: int) -> dict[str, Any]:
    return {
        "state": "queued",
        "cause": "",
        "due_at": now,
        "expires_at": now + LIFE["webhook"],
        "tries_before": job["attempts"],
    }
