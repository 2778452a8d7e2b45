"""Takes due hand-overs out of the queue of forward jobs.

Jobs with one order key (a phone's) go one after the other: only the first is ever claimed; those that fall
due behind it are put off until it has left the queue, so that looking for work costs what there is to do.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Select, bindparam, exists, select, text

from voip_sms.core.clock import HOUR, MINUTE, SECOND
from voip_sms.core.directory import Directory, ForwardKind, ForwardRule, Id, SipAccount
from voip_sms.core.dispositions import receipt_of
from voip_sms.core.failures import Outcome, Permanent, Temporary
from voip_sms.core.mail import notices
from voip_sms.core.model import Binding, Event, ForwardJob, Message
from voip_sms.core.notices import tells_of_failure
from voip_sms.core.status import Status
from voip_sms.engine.fallback import falls_at
from voip_sms.engine.forward_outcomes import Claim, free
from voip_sms.engine.mail_claims import about_nothing, answers_itself, is_ours, thread_for
from voip_sms.engine.notice_limit import slots, take_slot
from voip_sms.engine.registrations import live
from voip_sms.store.messages import as_message
from voip_sms.store.tables import forward_job
from voip_sms.store.units import Match, Read, Rows, Scan, State, Unit, by_key

CLAIM: Final = 180 * SECOND
"""How long a claimed job is its node's: longer than the slowest hand-over (a phone's) and a short outage of
the database."""
BEHIND: Final = 10 * MINUTE
"""A job behind another is woken when that one leaves; if nobody woke it (two nodes crossing), it looks."""
AT_ONCE: Final = 64
"""Jobs of one kind taken in one look: a few milliseconds of the writer and of the loop. After a restart
thousands are due together; between the looks everybody else has a turn."""
LOOK_BEYOND: Final = 64
"""Due jobs looked at beside those that can be taken: some will have to wait behind others."""
PARKED: Final = HOUR
"""How long a job waits for a phone without being looked at: its fallback may be set or changed meanwhile."""
_CANCELED: Final = Permanent("canceled")
_TOO_MANY: Final = Permanent("too_many_notices")
LAPSED_MOST: Final = 100
"""Claims of a dead process freed in one unit; what is left falls to the next."""


# --- statements (literal texts where a partial index must be seen to apply) ---------------------------------


def _is_first() -> Any:
    earlier = forward_job.alias("earlier")
    ahead = (
        select(1)
        .select_from(earlier)
        .where(
            earlier.c.order_key == forward_job.c.order_key,
            earlier.c.id < forward_job.c.id,
            text("earlier.state IN ('queued', 'sending')"),
        )
    )
    return ~exists(ahead.correlate(forward_job))


_DUE: Final[Select[Any]] = (
    select(forward_job, _is_first().label("first"))
    .where(
        text("forward_job.state = 'queued'"),
        forward_job.c.kind == bindparam("kind"),
        forward_job.c.due_at <= bindparam("now"),
        forward_job.c.target.not_in(bindparam("full", expanding=True)),
    )
    .order_by(forward_job.c.due_at, forward_job.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=forward_job)
)
_LAPSED: Final[Select[Any]] = (
    select(forward_job)
    .where(text("forward_job.state = 'sending'"), forward_job.c.claimed_until < bindparam("now"))
    .limit(LAPSED_MOST)
    .with_for_update(skip_locked=True)
)
_HELD: Final[Select[Any]] = (
    select(forward_job)
    .where(text("forward_job.state = 'sending'"), forward_job.c.claimed_by == bindparam("node"))
    .limit(LAPSED_MOST)
    .with_for_update(skip_locked=True)
)


# --- claiming -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """What one look brought; `more`: there may be others due that it did not reach."""

    claims: Sequence[Claim]
    more: bool


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be taken: free places per kind; `busy` hand-overs per target now, `per_target` at most.

    `mine` are the ids under way here: a clock that jumps must not make us take them twice.
    """

    free: Mapping[ForwardKind, int]
    busy: Mapping[tuple[str, str], int]
    per_target: int
    mine: frozenset[Id]

    def full(self, kind: ForwardKind) -> list[str]:
        """Targets that have as many hand-overs under way as one may have: a few, `free` bounds them."""
        return sorted(
            target for (of, target), count in self.busy.items() if of == kind and count >= self.per_target
        )


def claim_unit(directory: Directory, room: Room, node: str, now: int) -> Unit:
    """Take due jobs, oldest first; the result is Taken. What dead processes held falls due again."""
    scans = [
        Scan(
            "forward_job",
            _DUE,
            {"kind": kind, "now": now, "most": min(free, AT_ONCE) + LOOK_BEYOND, "full": room.full(kind)},
        )
        for kind, free in room.free.items()
        if free > 0
    ]
    lapsed = Scan("forward_job", _LAPSED, {"now": now})

    def follow(state: State) -> Iterator[Read]:
        for scan in scans:
            for job in state.scanned(scan):
                if job.get("first", False):  # of the others nothing needs to be known: they are put off
                    yield from _about(directory, job, state)

    def decide(state: State) -> Rows:
        taking = _Taking(directory, state, room, node, now)
        more = False
        for scan in scans:
            due = state.scanned(scan)
            more = more or len(due) == scan.values["most"]
            for job in due:
                taking.consider(job)
        for job in state.scanned(lapsed):
            if job["id"] not in room.mine and job["state"] == "sending" and job["claimed_until"] < now:
                free(taking.rows, job, now)
        taking.rows.result = Taken(taking.claims, more)
        return taking.rows

    return Unit(decide, [*scans, lapsed], follow)


def resume_unit(node: str, now: int) -> Unit:
    """At the start: what this node held when it ended falls due. The result is how many jobs that were."""
    held = Scan("forward_job", _HELD, {"node": node})

    def decide(state: State) -> Rows:
        jobs = state.scanned(held)
        rows = Rows(len(jobs))
        for job in jobs:
            if job["state"] == "sending":  # an earlier unit of the batch may have recorded its end
                free(rows, job, now)
        return rows

    return Unit(decide, [held])


def _about(directory: Directory, job: Mapping[str, Any], state: State) -> Iterator[Read]:
    yield by_key("message", job["message_id"], lock=False)
    yield by_key("message_text", job["message_id"], lock=False)
    if job["kind"] == "webhook":
        yield _history(job["message_id"])
    if receipt_of(job["event"]) is not None:
        yield by_key("disposition", job["message_id"], lock=False)
    account = _sip_account(directory, job)
    if account is not None and _registers(account):
        yield _bindings(account)
    message = state.get("message", job["message_id"])
    if message is not None and _wants_slot(job):
        yield from slots(message)


def _wants_slot(job: Mapping[str, Any]) -> bool:
    """A notice of failure takes its place when it is first tried."""
    return job["kind"] == "sip" and tells_of_failure(job["event"]) and job["attempts"] == 0


def _history(message_id: Id) -> Match:
    return Match("message_event", ("message_id",), (message_id,), lock=False)


def _bindings(account: SipAccount) -> Match:
    return Match("binding", ("account_id",), (account.account.id,), lock=False)


class _Taking:
    """One look at the due jobs."""

    def __init__(self, directory: Directory, state: State, room: Room, node: str, now: int) -> None:
        self._directory = directory
        self._state = state
        self._room = room
        self._node = node
        self._now = now
        self._free = Counter({kind: min(free, AT_ONCE) for kind, free in room.free.items()})
        self._busy = Counter(room.busy)
        self.claims: list[Claim] = []
        self.rows = Rows()

    def consider(self, job: Mapping[str, Any]) -> None:
        """Take it, leave it to a look that comes when its target is free, or put it off behind others."""
        target = (job["kind"], job["target"])
        if job["state"] != "queued" or job["due_at"] > self._now:
            return  # an earlier unit of the batch changed it
        if not job.get("first", False):
            self._change(job, due_at=self._now + BEHIND)
        elif self._free[job["kind"]] > 0 and self._busy[target] < self._room.per_target:
            self._take(job)

    def _take(self, job: Mapping[str, Any]) -> None:
        message = self._state.get("message", job["message_id"])
        if message is None and job["event"] in notices.EVENTS:
            message = about_nothing(job)
        if message is None:  # it was erased, and its hand-overs with it
            self._change(job, state="failed", cause="message_gone")
            return
        claim = self._claim(job, message)
        if claim.outcome is None and claim.waits_for_phones and not claim.job.bindings:
            if claim.falls_at is None or claim.falls_at > self._now:
                self._park(job, claim.falls_at)
                return
            claim = replace(claim, outcome=Temporary("not_registered"))
        counts = claim.outcome is None and _wants_slot(job)
        if counts and not take_slot(self.rows, self._state, message, self._now):
            claim = replace(claim, outcome=_TOO_MANY)
        self._free[job["kind"]] -= 1
        self._busy[job["kind"], job["target"]] += 1
        self.claims.append(claim)
        self._change(
            job,
            state="sending",
            claimed_by=self._node,
            claimed_until=self._now + CLAIM,
            attempts=job["attempts"] + 1,
        )

    def _park(self, job: Mapping[str, Any], falls_at: int | None) -> None:
        """A REGISTER makes it due, or the hour at which it goes elsewhere."""
        due_at = min(self._now + PARKED, job["expires_at"])
        due_at = due_at if falls_at is None else min(due_at, falls_at)
        self._change(job, due_at=due_at, cause="not_registered")

    def _change(self, job: Mapping[str, Any], **changes: Any) -> None:
        self.rows.update("forward_job", (job["id"],), **changes)

    def _claim(self, job: Mapping[str, Any], message: Mapping[str, Any]) -> Claim:
        account = _sip_account(self._directory, job)
        rule = _rule(self._directory, job, message)
        outcome = self._hopeless(job, rule, account)
        if message["status"] == Status.CANCELED:
            outcome = _CANCELED
        falls = not isinstance(outcome, Permanent) and account is not None
        return Claim(
            job=self._job(job, message, rule, account),
            rule_id=job["rule_id"],
            order_key=job["order_key"],
            account_id=account.account.id if account is not None and _registers(account) else None,
            claimed_at=self._now,
            outcome=outcome,
            fallback=account.fallback if falls and account is not None else None,
            falls_at=falls_at(job, account) if falls else None,
        )

    def _hopeless(
        self, job: Mapping[str, Any], rule: ForwardRule | None, account: SipAccount | None
    ) -> Outcome | None:
        if job["expires_at"] <= self._now:
            return Temporary(job["cause"] or "expired")
        if job["rule_id"] is not None and (rule is None or not rule.enabled):
            return Permanent("rule_gone" if rule is None else "rule_disabled")
        if job["kind"] == "sip" and account is None:
            return Permanent("account_gone")
        if job["kind"] == "mail" and not is_ours(self._directory, job):
            return Permanent("mailbox_gone")
        return None

    def _job(
        self,
        job: Mapping[str, Any],
        message: Mapping[str, Any],
        rule: ForwardRule | None,
        account: SipAccount | None,
    ) -> ForwardJob:
        tenant = self._directory.tenants.get(job["tenant_id"])
        language = "en" if tenant is None else tenant.language
        missed = _missed(self._directory, job)
        return ForwardJob(
            id=job["id"],
            tenant_id=job["tenant_id"],
            kind=job["kind"],
            target=job["target"],
            event=job["event"],
            message=_message(self._state, message),
            attempt=job["attempts"] + 1,
            created_at=job["created_at"],
            secret="" if rule is None else rule.secret,
            secret_before="" if rule is None else rule.secret_beside(self._now),
            mode="standard" if rule is None else rule.mode,
            verified=rule.verified if rule is not None else _agreed(self._directory, job),
            thread=thread_for(job, message),
            autoreply=answers_itself(self._directory, job),
            payload=job["payload"] or {},
            bindings=self._live(account),
            via="direct" if account is None else account.via,
            taken=job["taken"] or {},
            language=language if account is None else account.account.language,
            timezone="UTC" if tenant is None else tenant.timezone,
            instead_of=None if missed is None else missed.account,
            imdn_id=_asked(self._state, job, "imdn_id"),
            imdn_peer=_asked(self._state, job, "peer"),
        )

    def _live(self, account: SipAccount | None) -> tuple[Binding, ...]:
        if account is None or not _registers(account):
            return ()
        return live(self._state.find(_bindings(account)), self._now)


def _message(state: State, row: Mapping[str, Any]) -> Message:
    body = state.get("message_text", row["id"])
    history = state.find(_history(row["id"]))
    events = sorted((one for one in history if one["part"] == 0), key=lambda one: bytes(one["id"]))
    shown = [Event(one["at"], one["status"], one["cause"]) for one in events]
    return as_message(row, None if body is None else body["body"], shown)


def _asked(state: State, job: Mapping[str, Any], column: str) -> str:
    """What the sender of the message said when it asked for the receipt that the job is."""
    row = state.get("disposition", job["message_id"]) if receipt_of(job["event"]) is not None else None
    return "" if row is None else row[column]


def _registers(account: SipAccount) -> bool:
    """Whether its phones register here, so that we know where they are."""
    return account.via == "direct"


def _sip_account(directory: Directory, job: Mapping[str, Any]) -> SipAccount | None:
    return _account(directory, job, job["target"]) if job["kind"] == "sip" else None


def _account(directory: Directory, job: Mapping[str, Any], user: str) -> SipAccount | None:
    account = directory.sip.get(user)
    return account if account is not None and account.account.tenant_id == job["tenant_id"] else None


def _missed(directory: Directory, job: Mapping[str, Any]) -> SipAccount | None:
    """The account whose phones did not take it, where the text fell back."""
    return None if job["instead_of"] is None else _account(directory, job, job["instead_of"])


def _agreed(directory: Directory, job: Mapping[str, Any]) -> bool:
    """Whether the owner of a fallback's number agreed: the account still names it."""
    missed = _missed(directory, job)
    fallback = None if missed is None else missed.fallback
    return fallback is not None and (fallback.kind, fallback.to) == (job["kind"], job["target"])


def _rule(directory: Directory, job: Mapping[str, Any], message: Mapping[str, Any]) -> ForwardRule | None:
    rules = (
        *directory.forwards.get(message["recipient"], ()),
        *directory.subscriptions.get(job["tenant_id"], ()),
    )
    mine = (rule for rule in rules if rule.id == job["rule_id"] and rule.tenant_id == job["tenant_id"])
    return next(mine, None)
