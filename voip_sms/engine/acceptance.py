"""The writer's side of a submission: settles what must not race, and turns plans into rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import orjson

from voip_sms.core import leases
from voip_sms.core.directory import Id
from voip_sms.core.failures import CODES, Refusal
from voip_sms.core.model import Item, OutboundPart, Plan, Sender, Submitted
from voip_sms.core.planning import Draft, Facts, Planner, Request, goes_on, holder_of, refused_for, term_of
from voip_sms.engine import billing
from voip_sms.engine.counting import Counting, count_reads
from voip_sms.engine.mail_rows import MailShare, by_mail, mail_reads
from voip_sms.engine.news import limit_rows
from voip_sms.engine.receipt_jobs import disposition_rows
from voip_sms.engine.rows import Ready, make_ready
from voip_sms.engine.signals import changes_of
from voip_sms.store.units import Match, Read, Row, Rows, State, by_key


@dataclass(slots=True)
class Job:
    """One submission on its way into the database.

    `ready`: beside each draft its message, where only money is still open, or a conversation that is not
    expected. `quiet`: carriers whose lane is told by its ticket, and needs no wake-up.
    """

    planner: Planner
    request: Request
    drafts: Sequence[Draft]
    submission_id: Id
    ready: Sequence[Ready | None] = ()
    quiet: frozenset[str] = frozenset()


class Stored(NamedTuple):
    """What was stored (if `anything`): the answer, and the parts that the dispatcher submits at once."""

    submitted: Submitted
    parts: tuple[OutboundPart, ...] = ()
    anything: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """The request came before: `items` are [to, message id hex or None, code, detail]."""

    submission_id: Id
    items: list[tuple[str, str | None, str, str]]

    @classmethod
    def of(cls, submission_id: Id, items: str) -> Self:
        """As the record of requests has it, `items` as JSON."""
        return cls(submission_id, [(to, kept, code, why) for to, kept, code, why in orjson.loads(items)])


def remembered(code: str, detail: str) -> Refusal:
    """The refusal of a recipient, as the record of requests has it."""
    return Refusal(code if code in CODES else "invalid", detail)


# --- what must be read --------------------------------------------------------------------------------------


def reads_of(job: Job) -> list[Read]:
    """The rows that decide: the record of the request, the balance, leases and conversations."""
    submission = job.request.submission
    tenant_id = submission.tenant_id
    reads: list[Read] = [by_key("balance", tenant_id)]
    if submission.idempotency is not None:
        reads.append(by_key("idempotency", submission.idempotency.key))
    for draft in job.drafts:
        if draft.plan is None:
            if draft.pools:
                reads.append(_leases_with(draft.to))
            if draft.converses:
                reads.append(by_key("conversation", tenant_id, submission.account.ref, draft.to, lock=False))
    if by_mail(job.request):
        reads += mail_reads(job.planner.directory, job.request, [draft.to for draft in job.drafts])
    elif submission.counts:
        reads += count_reads(tenant_id, submission.counts)
    return reads


def _leases_with(peer: str) -> Match:
    """The leases of all pools: a number may have moved from one to another since it was leased."""
    return Match("lease", ("peer",), (peer,))


def follow_of(job: Job) -> Callable[[State], Iterable[Read]] | None:
    """The lease of a conversation's number, where that is a pool's."""
    if not any(draft.converses for draft in job.drafts):
        return None

    def follow(state: State) -> Iterable[Read]:
        for draft in job.drafts:
            number = _conversation(job.request, draft, state)
            if number is not None and number in job.planner.directory.pool_of:
                yield by_key("lease", number, draft.to)

    return follow


def _conversation(request: Request, draft: Draft, state: State) -> str | None:
    if draft.plan is not None or not draft.converses:
        return None
    submission = request.submission
    row = state.get("conversation", submission.tenant_id, submission.account.ref, draft.to)
    return row["number"] if row is not None and row["until"] >= request.now else None


# --- the decision -------------------------------------------------------------------------------------------


class Acceptance:
    """One decision over one submission; `rows` is what it comes to."""

    def __init__(self, job: Job, state: State, new_id: Callable[[], Id]) -> None:
        self._job = job
        self._request = job.request
        self._state = state
        self._new_id = new_id
        tenant_id = job.request.submission.tenant_id
        self._purse = billing.Purse(tenant_id, state.get("balance", tenant_id))
        self._leases: dict[tuple[str, str], Row] = {}
        self._share: MailShare | Counting | None = None
        if by_mail(job.request):
            self._share = MailShare(job.planner.directory, job.request, state, new_id)
        elif job.request.submission.counts:
            self._share = Counting(tenant_id, job.request.submission.counts, state)
        self._items: list[Item] = []
        self._parts: tuple[OutboundPart, ...] = ()
        self.rows = Rows()

    def store(self) -> Rows:
        """Accept what can be accepted. Refusal `idempotency_mismatch` concerns the whole request."""
        replay = self._replayed()
        if replay is not None:
            return Rows(result=replay)
        for draft, ready in zip(self._job.drafts, self._job.ready, strict=True):
            self._items.append(self._item(draft, ready))
        submitted = Submitted(self._job.submission_id, self._items)
        if not self.rows.inserts:
            return Rows(result=Stored(submitted))
        self._purse.flush(self.rows)
        self._write_leases()
        if self._share is not None:
            used_up = self._share.flush(self.rows)
            tenant_id = self._request.submission.tenant_id
            self.rows.inserts += limit_rows(tenant_id, used_up, self._request.now, self._new_id)
        self._remember()
        self.rows.wakes.add(changes_of(self._request.submission.tenant_id))
        self.rows.result = Stored(submitted, self._parts, anything=True)
        return self.rows

    def explain(self) -> list[Plan]:
        """What would happen; nothing of it is written."""
        return [self._plan(draft) for draft in self._job.drafts]

    def _replayed(self) -> Replay | None:
        idempotency = self._request.submission.idempotency
        row = self._state.get("idempotency", idempotency.key) if idempotency is not None else None
        if row is None or idempotency is None:
            return None
        if row["fingerprint"] != idempotency.fingerprint:
            raise Refusal("idempotency_mismatch")
        return Replay.of(row["submission_id"], row["items"])

    def _item(self, draft: Draft, ready: Ready | None) -> Item:
        plan = self._plan(draft)
        if plan.refused is not None:
            return Item(plan.to, refused=plan.refused)
        guessed = plan is draft.expected
        if ready is None or not guessed:
            ready = make_ready(plan, self._request, self._new_id(), self._job.submission_id)
        self.rows.inserts += ready.rows
        self.rows.inserts += disposition_rows(self._request.submission, ready.message.id)
        self._parts += ready.parts
        if isinstance(self._share, MailShare):
            self._share.thread(ready.message)
        if not ready.parts and not (guessed and plan.carrier in self._job.quiet):
            self.rows.wakes.add("forwards" if plan.internal else f"parts:{plan.carrier}")
        return Item(plan.to, ready.message)

    def _plan(self, draft: Draft) -> Plan:
        plan = draft.plan or self._job.planner.finish(self._request, draft, self._facts(draft))
        if plan.refused is None:
            try:
                if self._share is not None:
                    self._share.check()
                self._purse.reserve(plan.price, plan.currency)
            except Refusal as refusal:
                return refused_for(plan, refusal)
            if self._share is not None:
                self._share.take()
            if plan.sender is not None and plan.sender.pool:
                self._lease(plan, plan.sender)
        return plan

    # --- leases ---

    def _facts(self, draft: Draft) -> Facts:
        found: dict[str, Mapping[str, Any]] = {}
        if draft.pools:
            found = {row["number"]: row for row in self._state.find(_leases_with(draft.to))}
        conversation = _conversation(self._request, draft, self._state)
        held = self._state.get("lease", conversation, draft.to) if conversation else None
        if held is not None:
            found[held["number"]] = held
        for (number, peer), changed in self._leases.items():
            if peer == draft.to:
                found[number] = changed
        return Facts(found, conversation)

    def _lease(self, plan: Plan, sender: Sender) -> None:
        """Take or renew the pool number; in a list the next recipient with the same number sees it taken."""
        account = self._request.submission.account
        pool = self._job.planner.directory.pools[sender.pool]
        number, peer = key = (sender.value, plan.to)
        before = self._leases.get(key) or self._state.get("lease", *key)
        there = leases.holder(before, self._request.now)
        holder = there if there is not None and goes_on(account, there) else holder_of(account, sender.kind)
        term = term_of(sender.kind, before, holder, pool, self._request.expires_at)
        self._leases[key] = {"number": number, "peer": peer, **leases.values(pool, holder, term)}

    def _write_leases(self) -> None:
        for (number, peer), row in self._leases.items():
            if self._state.get("lease", number, peer) is None:
                self.rows.inserts.append(("lease", row))
            else:
                changes = {
                    name: row[name] for name in ("tenant_id", "account", "pool", "until", "rest_until")
                }
                self.rows.updates.append(("lease", (number, peer), changes))

    def _remember(self) -> None:
        idempotency = self._request.submission.idempotency
        if idempotency is None:
            return
        items = [
            (
                item.to,
                item.message.id.hex() if item.message else None,
                item.refused.code.name if item.refused else "",
                item.refused.detail if item.refused else "",
            )
            for item in self._items
        ]
        self.rows.insert(
            "idempotency",
            key=idempotency.key,
            tenant_id=self._request.submission.tenant_id,
            fingerprint=idempotency.fingerprint,
            submission_id=self._job.submission_id,
            created_at=self._request.now,
            items=orjson.dumps(items).decode(),
        )
