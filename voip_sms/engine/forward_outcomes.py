"""Records how a hand-over ended: done, failed, expired, or due again, with one row per attempt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, select, text

from voip_sms.core import retry
from voip_sms.core.clock import SECOND
from voip_sms.core.directory import ForwardKind, Id
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.model import ForwardJob
from voip_sms.store.tables import forward_job
from voip_sms.store.units import Match, Read, Rows, Scan, State, Unit, by_key

_SCHEDULES: Final[Mapping[ForwardKind, retry.Schedule]] = {
    "sip": retry.PHONE,
    "mail": retry.MAIL,
    "webhook": retry.WEBHOOK,
    "number": retry.MAIL,  # what refuses for now is the database, or a pool that is used up
}

_NEXT: Final[Select[Any]] = (
    select(forward_job)
    .where(
        forward_job.c.order_key == bindparam("key"),
        forward_job.c.id > bindparam("after"),
        text("forward_job.state IN ('queued', 'sending')"),
    )
    .order_by(forward_job.c.id)
    .limit(1)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours until `claimed_at` + CLAIM. With `outcome` it is not to be tried, only recorded."""

    job: ForwardJob
    rule_id: Id | None
    order_key: str | None
    account_id: Id | None
    claimed_at: int
    outcome: Outcome | None = None


def record_unit(claim: Claim, outcome: Outcome, node: str, now: int, chance: float) -> Unit:
    """How a claimed job ended: done, failed, expired, or due again. The result is its new state.

    `chance` is random in [0, 1). Recording twice, or after another has taken the job over, changes nothing.
    """
    job_read = by_key("forward_job", claim.job.id)
    reads: list[Read] = [job_read]
    following: Scan | None = None
    if claim.order_key is not None:
        following = Scan("forward_job", _NEXT, {"key": claim.order_key, "after": claim.job.id})
        reads.append(following)
    bindings = Match("binding", ("account_id",), (claim.account_id,), lock=False)
    if claim.account_id is not None:
        reads.append(bindings)
    disables = isinstance(outcome, Permanent) and outcome.disable and claim.rule_id is not None
    if disables:
        reads += [by_key("forward", claim.rule_id), by_key("generation", 1)]

    def decide(state: State) -> Rows:
        job = state.get("forward_job", claim.job.id)
        rows = Rows()
        if job is None or not _still_ours(job, claim, node):
            return rows
        due_at = _again_at(claim, job, outcome, now, chance)
        if due_at is not None and _registered_since(state.find(bindings), claim):
            due_at = now
        _settle(rows, job, outcome, due_at, now)
        if due_at is None and following is not None:
            _wake_next(rows, state.scanned(following), now)
        if disables and isinstance(outcome, Permanent):
            _disable(rows, state, claim.rule_id, outcome)
        return rows

    return Unit(decide, reads)


def _still_ours(job: Mapping[str, Any], claim: Claim, node: str) -> bool:
    attempt: int = job["attempts"]
    return job["state"] == "sending" and job["claimed_by"] == node and attempt == claim.job.attempt


def _again_at(claim: Claim, job: Mapping[str, Any], outcome: Outcome, now: int, chance: float) -> int | None:
    """When to try again; None: never."""
    if isinstance(outcome, Accepted | Permanent) or job["expires_at"] <= now:
        return None
    asked = (outcome.retry_after or 0) * SECOND if isinstance(outcome, Temporary) else 0
    expires_at: int = job["expires_at"]
    failures = job["attempts"] - job["tries_before"]
    due_at = _SCHEDULES[claim.job.kind].next_at(failures, now, chance, expires_at=expires_at, asked=asked)
    # A REGISTER may still come, up to the last moment.
    return expires_at if due_at is None and claim.job.kind == "sip" else due_at


def _registered_since(bindings: Iterable[Mapping[str, Any]], claim: Claim) -> bool:
    """A phone registered while we were trying its old contact."""
    return any(row["updated_at"] > claim.claimed_at for row in bindings)


def _settle(rows: Rows, job: Mapping[str, Any], outcome: Outcome, due_at: int | None, now: int) -> None:
    state, cause = _state(job, outcome, due_at, now)
    rows.result = state
    changes: dict[str, Any] = {"state": state, "cause": cause, "claimed_by": None, "claimed_until": None}
    if due_at is not None:
        changes["due_at"] = due_at
        rows.wakes.add("forwards")
    rows.update("forward_job", (job["id"],), **changes)
    _attempt(rows, job, now, outcome)


def _state(job: Mapping[str, Any], outcome: Outcome, due_at: int | None, now: int) -> tuple[str, str]:
    if isinstance(outcome, Accepted):
        return "done", ""
    if due_at is not None:
        return "queued", outcome.cause
    if isinstance(outcome, Permanent) or job["expires_at"] > now:
        return "failed", outcome.cause
    return "expired", outcome.cause


def _attempt(rows: Rows, job: Mapping[str, Any], now: int, outcome: Outcome) -> None:
    rows.insert(
        "forward_attempt",
        job_id=job["id"],
        no=job["attempts"],
        tenant_id=job["tenant_id"],
        at=now,
        outcome=type(outcome).__name__.lower(),
        cause="" if isinstance(outcome, Accepted) else outcome.cause,
    )


def _wake_next(rows: Rows, following: Iterable[Mapping[str, Any]], now: int) -> None:
    for job in following:
        if job["state"] == "queued" and job["due_at"] > now:
            rows.update("forward_job", (job["id"],), due_at=now)
        rows.wakes.add("forwards")


def _disable(rows: Rows, state: State, rule_id: Id | None, outcome: Permanent) -> None:
    """The target asked to be left alone: its rule is off until somebody switches it on again."""
    rule = state.get("forward", rule_id)
    if rule is None or not rule["enabled"]:
        return
    rows.update("forward", (rule_id,), enabled=False, disabled_reason=outcome.cause)
    generation = state.get("generation", 1)
    if generation is None:
        rows.insert("generation", id=1, n=1)
    else:
        rows.update("generation", (1,), n=generation["n"] + 1)
    rows.wakes.add("directory")


def free(rows: Rows, job: Mapping[str, Any], now: int) -> None:
    """Whoever held it is gone: nobody knows how it ended."""
    rows.update("forward_job", (job["id"],), state="queued", due_at=now, claimed_by=None, claimed_until=None)
    _attempt(rows, job, now, Uncertain("lapsed"))
    rows.wakes.add("forwards")
