"""Queues webhook hand-overs once more: the same event under the same id, its schedule from the beginning."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from voip_sms.core.audit import Entry
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.mail import notices
from voip_sms.engine.events import LIFE
from voip_sms.store.audit import row_of
from voip_sms.store.handovers import GIVEN_UP
from voip_sms.store.units import Match, Read, Rows, State, Unit, by_key

CHUNK: Final = 100
"""Hand-overs queued in one unit: a few milliseconds of the writer, so that doors hardly notice."""


def replay_one_unit(tenant_id: Id, job_id: Id, now: int, entry: Entry) -> Unit:
    """Queue one webhook hand-over, whatever became of it; the result is its row then. `entry` tells of it.

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
        rows.insert("audit_entry", **row_of(entry))
        rows.wakes.add("forwards")
        rows.result = {**job, **changes}
        return rows

    return Unit(decide, [job_read], follow)


def replay_many_unit(tenant_id: Id, job_ids: Sequence[Id], now: int, entry: Entry) -> Unit:
    """Queue those of the hand-overs that are still given up; the result: how many. `entry` tells of them."""

    def decide(state: State) -> Rows:
        jobs = (_own(state, tenant_id, job_id) for job_id in job_ids)
        # Replayed meanwhile, by somebody else or an earlier unit of the batch: once is enough.
        failed = [job for job in jobs if job is not None and job["state"] in GIVEN_UP]
        rows = Rows(result=len(failed))
        for job in failed:
            rows.update("forward_job", (job["id"],), **_again(job, now))
        if failed:
            rows.insert("audit_entry", **row_of(replace(entry, after={"replayed": len(failed)})))
            rows.wakes.add("forwards")
        return rows

    return Unit(decide, [by_key("forward_job", job_id) for job_id in job_ids])


def _own(state: State, tenant_id: Id, job_id: Id) -> Mapping[str, Any] | None:
    job = state.get("forward_job", job_id)
    return job if job is not None and (job["tenant_id"], job["kind"]) == (tenant_id, "webhook") else None


def _check(state: State, job: Mapping[str, Any]) -> None:
    rule = state.get("forward", job["rule_id"]) if job["rule_id"] else None
    if rule is None:
        raise Refusal("conflict", "the forward that caused it was removed")
    if not rule["enabled"]:
        raise Refusal("conflict", "the forward that caused it is switched off; switch it on first")
    about_a_message = job["event"] not in notices.EVENTS
    if about_a_message and state.get("message_text", job["message_id"]) is None:
        raise Refusal("too_late", "the text of its message is no longer kept, so it can't be told again")


def _again(job: Mapping[str, Any], now: int) -> dict[str, Any]:
    return {
        "state": "queued",
        "cause": "",
        "due_at": now,
        "expires_at": now + LIFE["webhook"],
        "tries_before": job["attempts"],
    }
