"""Records how a hand-over ended: done, failed, expired, or due again, with one row per attempt."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, select, text

from voip_sms.core import retry
from voip_sms.core.clock import SECOND
from voip_sms.core.directory import Fallback, ForwardKind, Id
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.mail import notices
from voip_sms.core.model import ForwardJob
from voip_sms.engine.events import job_row
from voip_sms.engine.fallback import FELL_BACK, Falling, jobs_of, take_back
from voip_sms.engine.generation import GENERATION, tell
from voip_sms.store.handovers import GIVEN_UP
from voip_sms.store.tables import forward_job
from voip_sms.store.units import Match, Read, Row, Rows, Scan, State, Unit, by_key

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
    fallback: Fallback | None = None
    falls_at: int | None = None
    """When the text goes to the fallback unless a phone took it; None: never."""

    @property
    def waits_for_phones(self) -> bool:
        """Whether a REGISTER here is what makes a try worth while."""
        return self.job.kind == "sip" and self.job.via == "direct"


@dataclass(frozen=True, slots=True)
class Ended:
    """How and when a try ended, at `node`. `chance` is random in [0, 1)."""

    outcome: Outcome
    node: str
    now: int
    chance: float
    new_id: Callable[[], Id]


def record_unit(claim: Claim, ended: Ended) -> Unit:
    """How a claimed job went: done, failed, expired, fell_back, or due again. The result is its new state.

    Recording twice, or after another has taken the job over, changes nothing.
    """
    recording = _Recording(claim, ended)
    return Unit(recording.decide, recording.reads())


class _Recording:
    """One try's end, decided in the writer."""

    def __init__(self, claim: Claim, ended: Ended) -> None:
        self._claim = claim
        self._ended = ended
        self._falling = _falling(claim, ended)
        self._following: Scan | None = None
        if claim.order_key is not None:
            self._following = next_in_order(claim.order_key, claim.job.id)
        outcome = ended.outcome
        self._disabled = outcome if isinstance(outcome, Permanent) and outcome.disable else None

    def reads(self) -> list[Read]:
        """Everything that `decide` looks at."""
        claim = self._claim
        whole = self._falling is not None or claim.job.instead_of is not None
        # All jobs of the message in one query, in order: two nodes that end two of them never block.
        reads: list[Read] = [jobs_of(claim.job.message.id) if whole else by_key("forward_job", claim.job.id)]
        if self._following is not None:
            reads.append(self._following)
        if claim.account_id is not None:
            reads.append(self._bindings())
        if self._falling is not None:
            reads += self._falling.reads()
        if self._disabled is not None and claim.rule_id is not None:
            reads += [by_key("forward", claim.rule_id), GENERATION]
        return reads

    def decide(self, state: State) -> Rows:
        """The rows; nothing where the job is no longer ours."""
        claim, ended = self._claim, self._ended
        job = state.get("forward_job", claim.job.id)
        rows = Rows()
        if job is None or not _still_ours(job, claim, ended.node):
            return rows
        if self._falling is not None and self._falling.fall(rows, state, ended.new_id):
            due_at: int | None = None
            _write(rows, job, ended, (FELL_BACK, _cause(ended.outcome)), due_at)
        else:
            due_at = self._again_at(state, job)
            _write(rows, job, ended, _state(job, ended.outcome, due_at, ended.now), due_at)
        if due_at is None:
            self._over(rows, state, job)
        return rows

    def _again_at(self, state: State, job: Mapping[str, Any]) -> int | None:
        due_at = _again_at(self._claim, job, self._ended)
        if due_at is not None and job["due_at"] > self._claim.claimed_at:
            return self._ended.now  # while we were trying, a phone was announced (`registrations.announced`)
        if due_at is None or self._claim.account_id is None:
            return due_at
        bindings = state.find(self._bindings())
        return self._ended.now if _registered_since(bindings, self._claim, self._ended.now) else due_at

    def _over(self, rows: Rows, state: State, job: Mapping[str, Any]) -> None:
        """What else the end of a job changes."""
        now, rule_id = self._ended.now, self._claim.rule_id
        if self._following is not None:
            wake_next(rows, state.scanned(self._following), now)
        if self._disabled is not None and rule_id is not None:
            _disable(rows, state, rule_id, self._disabled)
        if job["event"] in notices.WISHED and job["kind"] == "number" and rows.result in GIVEN_UP:
            rows.inserts.append(("forward_job", _by_mail(job, now, self._ended.new_id())))
            rows.wakes.add("forwards")
        if job["instead_of"] is not None and rows.result in GIVEN_UP:
            take_back(rows, state, job, now)

    def _bindings(self) -> Match:
        return Match("binding", ("account_id",), (self._claim.account_id,), lock=False)


def _still_ours(job: Mapping[str, Any], claim: Claim, node: str) -> bool:
    attempt: int = job["attempts"]
    return job["state"] == "sending" and job["claimed_by"] == node and attempt == claim.job.attempt


def _falling(claim: Claim, ended: Ended) -> Falling | None:
    """The text on its way elsewhere: its time is over, or the phones will never take it."""
    if claim.fallback is None or claim.falls_at is None or isinstance(ended.outcome, Accepted):
        return None
    hopeless = isinstance(ended.outcome, Permanent) and claim.outcome is None
    due = claim.falls_at <= ended.now or hopeless
    return Falling(claim.job, claim.fallback, ended.now) if due else None


def _again_at(claim: Claim, job: Mapping[str, Any], ended: Ended) -> int | None:
    """When to try again; None: never."""
    outcome, now = ended.outcome, ended.now
    expires_at: int = job["expires_at"]
    if isinstance(outcome, Accepted | Permanent) or expires_at <= now:
        return None
    asked = (outcome.retry_after or 0) * SECOND if isinstance(outcome, Temporary) else 0
    failures = job["attempts"] - job["tries_before"]
    due_at = _SCHEDULES[claim.job.kind].next_at(
        failures, now, ended.chance, expires_at=expires_at, asked=asked
    )
    if claim.waits_for_phones and (due_at is None or not claim.job.bindings):
        due_at = expires_at  # a REGISTER may still come, up to the last moment
    if claim.falls_at is None or claim.falls_at <= now:
        return due_at
    return claim.falls_at if due_at is None else min(due_at, claim.falls_at)


def _registered_since(bindings: Iterable[Mapping[str, Any]], claim: Claim, now: int) -> bool:
    """A phone registered while we were trying its old contact, or knew of none."""
    there = [row for row in bindings if row["expires_at"] > now]
    return any(not claim.job.bindings or row["updated_at"] > claim.claimed_at for row in there)


def _write(
    rows: Rows, job: Mapping[str, Any], ended: Ended, state: tuple[str, str], due_at: int | None
) -> None:
    rows.result, cause = state
    changes: dict[str, Any] = {"state": state[0], "cause": cause, "claimed_by": None, "claimed_until": None}
    if due_at is not None:
        changes["due_at"] = due_at
        rows.wakes.add("forwards")
    elif job["event"] in notices.PEOPLE:
        changes["payload"] = None  # the link in it opens a door
    taken = {one.contact: one.taken for one in ended.outcome.contacts if one.taken}
    if taken:
        changes["taken"] = {**(job["taken"] or {}), **taken}
    rows.update("forward_job", (job["id"],), **changes)
    _attempt(rows, job, ended.now, ended.outcome)


def _state(job: Mapping[str, Any], outcome: Outcome, due_at: int | None, now: int) -> tuple[str, str]:
    if isinstance(outcome, Accepted):
        return "done", _cause(outcome)
    if due_at is not None:
        return "queued", outcome.cause
    if isinstance(outcome, Permanent) or job["expires_at"] > now:
        return "failed", outcome.cause
    return "expired", outcome.cause


def _cause(outcome: Outcome) -> str:
    if isinstance(outcome, Accepted):
        return f"handed to {outcome.handed_to}" if outcome.handed_to else ""
    return outcome.cause


def _attempt(rows: Rows, job: Mapping[str, Any], now: int, outcome: Outcome) -> None:
    rows.insert(
        "forward_attempt",
        job_id=job["id"],
        no=job["attempts"],
        tenant_id=job["tenant_id"],
        at=now,
        outcome=type(outcome).__name__.lower(),
        cause=_cause(outcome),
        contacts=[[one.contact, one.cause] for one in outcome.contacts] or None,
    )


def _by_mail(job: Mapping[str, Any], now: int, job_id: Id) -> Row:
    """What an SMS was to tell somebody: it was refused (no credit, no route), and they wished to know."""
    nothing = {"tenant_id": job["tenant_id"], "id": job_id}
    told = job_row(nothing, "mail", job["payload"]["mail"], now, job_id, event=job["event"])
    return {**told, "payload": job["payload"]}


def _disable(rows: Rows, state: State, rule_id: Id | None, outcome: Permanent) -> None:
    """The target asked to be left alone: its rule is off until somebody switches it on again."""
    rule = state.get("forward", rule_id)
    if rule is None or not rule["enabled"]:
        return
    rows.update("forward", (rule_id,), enabled=False, disabled_reason=outcome.cause)
    tell(rows, state)


def next_in_order(key: str, after: Id) -> Scan:
    """The job that stands behind `after` (a job's id) under one order key."""
    return Scan("forward_job", _NEXT, {"key": key, "after": after})


def wake_next(rows: Rows, following: Iterable[Mapping[str, Any]], now: int) -> None:
    """One job has left: what stood behind it (found by `next_in_order`) is due."""
    for job in following:
        if job["state"] == "queued" and job["due_at"] > now:
            rows.update("forward_job", (job["id"],), due_at=now)
        rows.wakes.add("forwards")


def free(rows: Rows, job: Mapping[str, Any], now: int) -> None:
    """Whoever held it is gone: nobody knows how it ended."""
    rows.update("forward_job", (job["id"],), state="queued", due_at=now, claimed_by=None, claimed_until=None)
    _attempt(rows, job, now, Uncertain("lapsed"))
    rows.wakes.add("forwards")
