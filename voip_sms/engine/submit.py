"""Takes submissions in: plans them, stores them in one transaction, and answers after the commit."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from sqlalchemy.exc import IntegrityError

from voip_sms.core.directory import Directory, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.identity import Rules
from voip_sms.core.model import Item, Message, OutboundPart, Plan, Submission, Submitted
from voip_sms.core.planning import Draft, Planner, Request
from voip_sms.core.screening import Rule
from voip_sms.engine.acceptance import Acceptance, Job, Replay, Stored, follow_of, reads_of, remembered
from voip_sms.engine.cancel import cancel_unit
from voip_sms.engine.context import Context
from voip_sms.engine.limits import NO_LIMITS, Limits
from voip_sms.engine.progress import Moment
from voip_sms.engine.rows import Ready, make_ready, pair_of
from voip_sms.store.jobs import resolve
from voip_sms.store.messages import get_message, messages_of_submission
from voip_sms.store.units import Rows, State, Unit

RECIPIENTS_MOST: Final = 10_000
"""Of one submission (`docs/contract.md`)."""
DOOR_SECONDS: Final = 1.4
"""How long a submission may wait for its turn. Its transaction ends within 1.8 s after that
(`store.transactions`), so that doors answer 503 within about three seconds, and never while it goes on."""
DRAFTS_AT_A_TIME: Final = 200
"""Recipients planned before others get their turn: some three milliseconds of work."""


class Ticket(Protocol):
    """The dispatcher's word on one carrier: with `fast`, a place in its window is kept.

    Exactly one of `committed` and `withdrawn` is called, once the unit has been carried out.
    """

    @property
    def fast(self) -> bool:
        """Whether the parts are to be stored as claimed and handed over by `committed`."""
        ...

    @property
    def local(self) -> bool:
        """Whether this process serves the carrier: then `committed` is all the wake-up it needs."""
        ...

    def committed(self, parts: Sequence[OutboundPart]) -> None:
        """The parts are stored: submit these, or look for them in the queue."""
        ...

    def withdrawn(self) -> None:
        """Nothing was stored."""
        ...


class Admission(Protocol):
    """What submitting needs of the dispatcher."""

    def admit(self, carrier: str, pair: str, parts: int) -> Ticket:
        """Ask for places in the carrier's window for parts of one message."""
        ...

    def announce(self, carrier: str) -> Ticket:
        """Say that parts are about to be queued: nothing may overtake them."""
        ...


class Submit:
    """`ports.Submitter`."""

    def __init__(
        self,
        context: Context,
        admission: Admission,
        rules: Rules,
        screens: tuple[Rule, ...] = (),
        *,
        limits: Limits = NO_LIMITS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rules`: what the operator set for everybody; `screens`: reasons not to send, in order."""
        self._context = context
        self._admission = admission
        self._rules = rules
        self._screens = screens
        self._limits = limits
        self._monotonic = monotonic
        self._planner = Planner(Directory(), rules, screens)

    async def submit(self, submission: Submission) -> Submitted:
        """Store it and answer after the commit; see `ports.Submitter`."""
        self._limits.check(submission, self._monotonic())
        try:
            return await self._submitted(submission)
        except IntegrityError:  # another node took the pool number, began the day's count or stored the same
            return await self._submitted(submission)

    async def _submitted(self, submission: Submission) -> Submitted:
        job = await self._job(submission)
        if len(job.drafts) > 1:
            job.ready = await self._all_ready(job)
        tickets = self._tickets(job)  # from here to the writer's queue nothing waits
        if len(job.drafts) == 1:
            job.ready = [
                self._ready(job, job.drafts[0], fast=any(ticket.fast for ticket in tickets.values()))
            ]
        job.quiet = frozenset(carrier for carrier, ticket in tickets.items() if ticket.local)
        result = await self._carry_out(job, tickets)
        if isinstance(result, Replay):
            return await self._again(submission.tenant_id, result)
        return result.submitted

    async def explain(self, submission: Submission) -> Sequence[Plan]:
        """What `submit` would do, per recipient, with its trace. Stores nothing."""
        job = await self._job(submission)

        def decide(state: State) -> Rows:
            return Rows(result=Acceptance(job, state, self._context.new_id).explain())

        plans: list[Plan] = await self._context.writer.do(self._unit(job, decide))
        return plans

    async def cancel(self, tenant_id: Id, message_id: Id) -> Message:
        """Cancel what no carrier has got yet and release its money. Refusal `not_found` or `too_late`."""
        await self.withdraw(tenant_id, message_id)
        message = await self._context.reader.run(get_message, tenant_id, message_id)
        if message is None:
            raise Refusal("not_found")
        return message

    async def withdraw(self, tenant_id: Id, message_id: Id) -> None:
        """The same for one of many: nobody looks at it afterwards."""
        context = self._context
        moment = Moment(context.directory(), context.clock.now(), context.new_id)
        await context.writer.do(cancel_unit(moment, tenant_id, message_id))

    # --- planning ---

    async def _job(self, submission: Submission) -> Job:
        count = len(submission.recipients)
        if count > RECIPIENTS_MOST:
            raise Refusal("invalid", f"a submission has at most {RECIPIENTS_MOST} recipients")
        directory = self._context.directory()
        if self._planner.directory is not directory:
            self._planner = Planner(directory, self._rules, self._screens)
        planner = self._planner
        request = planner.request(submission, self._context.clock.now())
        if count == 1:
            drafts = [planner.draft(request, submission.recipients[0])]
        else:
            drafts = await _drafts(planner, request, submission.recipients)
        return Job(planner, request, drafts, self._context.new_id())

    def _ready(self, job: Job, draft: Draft, *, fast: bool = False) -> Ready | None:
        """The message of a draft, as it is expected; only the writer knows of conversations and money."""
        plan = draft.expected
        if plan is None or plan.refused is not None:
            return None
        message_id = job.submission_id if len(job.drafts) == 1 else self._context.new_id()
        node = self._context.node if fast else None
        return make_ready(plan, job.request, message_id, job.submission_id, claimed_by=node)

    async def _all_ready(self, job: Job) -> list[Ready | None]:
        ready: list[Ready | None] = []
        for start in range(0, len(job.drafts), DRAFTS_AT_A_TIME):
            ready += [self._ready(job, draft) for draft in job.drafts[start : start + DRAFTS_AT_A_TIME]]
            await asyncio.sleep(0)
        return ready

    def _tickets(self, job: Job) -> dict[str, Ticket]:
        """One for each carrier that is to be expected; a single message may go past the queue."""
        if job.request.send_at is not None:
            return {}
        plans = [plan for draft in job.drafts if (plan := draft.expected) is not None and plan.carrier]
        if len(job.drafts) == 1 and plans and plans[0].sender is not None:
            plan = plans[0]
            pair = pair_of(plans[0].sender.value, plan.to)
            return {plan.carrier: self._admission.admit(plan.carrier, pair, len(plan.pieces))}
        return {carrier: self._admission.announce(carrier) for carrier in {plan.carrier for plan in plans}}

    # --- storing ---

    def _unit(
        self, job: Job, decide: Callable[[State], Rows], withdrawn: Callable[[], bool] | None = None
    ) -> Unit:
        deadline = self._monotonic() + DOOR_SECONDS
        return Unit(decide, reads_of(job), follow_of(job), deadline, withdrawn)

    async def _carry_out(self, job: Job, tickets: dict[str, Ticket]) -> Stored | Replay:
        answer: asyncio.Future[Stored | Replay] = asyncio.get_running_loop().create_future()

        def decide(state: State) -> Rows:
            return Acceptance(job, state, self._context.new_id).store()

        def done(result: Stored | Replay | None, error: Exception | None) -> None:
            # The caller may have gone away; what is stored must reach the dispatcher all the same.
            _tell(tickets.values(), result)
            resolve(answer, result, error)

        try:
            # A caller who went away was told that it failed: what has not begun must not begin any more.
            self._context.writer.begin(self._unit(job, decide, answer.cancelled), done)
        except Refusal:
            _tell(tickets.values(), None)
            raise
        return await answer

    async def _again(self, tenant_id: Id, replay: Replay) -> Submitted:
        found = await self._context.reader.run(messages_of_submission, tenant_id, replay.submission_id)
        by_id = {message.id: message for message in found}
        items = [
            Item(to, by_id.get(bytes.fromhex(message_id)))
            if message_id
            else Item(to, refused=remembered(code, detail))
            for to, message_id, code, detail in replay.items
        ]
        return Submitted(replay.submission_id, items, replayed=True)


async def _drafts(planner: Planner, request: Request, recipients: Sequence[str]) -> list[Draft]:
    drafts: list[Draft] = []
    for start in range(0, len(recipients), DRAFTS_AT_A_TIME):
        some = recipients[start : start + DRAFTS_AT_A_TIME]
        drafts += [planner.draft(request, typed) for typed in some]
        await asyncio.sleep(0)
    return drafts


def _tell(tickets: Iterable[Ticket], result: Stored | Replay | None) -> None:
    for ticket in tickets:
        if isinstance(result, Stored) and result.anything:
            ticket.committed(result.parts)
        else:
            ticket.withdrawn()
