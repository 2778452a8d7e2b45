"""Hands inbound messages and events over to customers: takes due jobs, tries each once, records the outcome.

At least once: what was handed over without an answer is tried again. A paid forward is made exactly-once by
its submission's idempotency; a webhook, a mail and a phone recognise a repeat by its id.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

import structlog

from voip_sms.core.directory import ForwardKind, Id, Via
from voip_sms.core.failures import Outcome, Permanent, StoreUnavailableError, Temporary, Uncertain
from voip_sms.core.model import ForwardJob
from voip_sms.core.ports import Forwarder
from voip_sms.engine.chores.chore import moment_of
from voip_sms.engine.context import Context
from voip_sms.engine.forward_claims import LAPSED_MOST, Room, Taken, claim_unit, resume_unit
from voip_sms.engine.forward_outcomes import Claim, Ended, record_unit
from voip_sms.engine.internal import with_message
from voip_sms.engine.signals import Signals

LIMITS: Final[Mapping[ForwardKind, int]] = {
    "sip": 512,  # each may wait half a minute for a phone that is gone: sixteen such a second
    "mail": 8,  # connections that a relay takes from one client without complaint
    "number": 16,
    "webhook": 32,
}
"""Hand-overs under way at once, by kind."""
PER_TARGET: Final = 4
"""Hand-overs to one target at once: a slow one can't keep the others waiting."""
DELIVERY_SECONDS: Final = 150.0
"""No hand-over takes longer: every forwarder has a shorter bound of its own, and the claim a longer one."""
POLL_SECONDS: Final = 1.0
"""Jobs whose retry has come, other nodes' jobs, and whatever a signal missed."""
RECORD_SECONDS: Final = 1.0
RECORD_TRIES: Final = 60
"""How often an outcome is written while the database is away; then the claim lapses and it is tried anew."""

_NOTHING: Final = Taken((), more=False)

log = structlog.get_logger(__name__)


class Forwarding:
    """One per process. `forwarders` by kind; jobs of other kinds wait. `elsewhere`: for phones that do not
    register here, by where they are.
    """

    def __init__(
        self,
        context: Context,
        signals: Signals,
        forwarders: Mapping[ForwardKind, Forwarder],
        limits: Mapping[ForwardKind, int] = LIMITS,
        elsewhere: Mapping[Via, Forwarder] | None = None,
    ) -> None:
        self._context = context
        self._signals = signals
        self._forwarders = forwarders
        self._limits = limits
        self._elsewhere = elsewhere or {}
        self._under_way: dict[Id, Claim] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Take up what this node left behind, then work. StoreUnavailableError if the database is away."""
        while await self._context.writer.do(resume_unit(self._context.node, self._now())) == LAPSED_MOST:
            pass
        self._loop = asyncio.create_task(self._run(), name="forwarding")

    async def stop(self, drain: float) -> None:
        """Take no more, and wait up to `drain` seconds for what is under way. The rest is taken up again."""
        self._stopping = True
        self._signals.wake(("forwards",))
        if self._loop is not None:
            await asyncio.wait({self._loop}, timeout=drain)
            self._tasks.add(self._loop)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def under_way(self) -> int:
        """Hand-overs in progress."""
        return len(self._under_way)

    # --- the loop -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._stopping:
            taken = await self._take()
            for claim in taken.claims:
                self._begin(claim)
            if not taken.claims and not taken.more:
                await self._signals.wait("forwards", POLL_SECONDS)

    async def _take(self) -> Taken:
        room = self._room()
        if not any(free > 0 for free in room.free.values()):
            return _NOTHING
        unit = claim_unit(self._context.directory(), room, self._context.node, self._now())
        try:
            taken: Taken = await self._context.writer.do(unit)
        except StoreUnavailableError:
            return _NOTHING
        except Exception:  # a fault in one look must not end all forwarding
            log.exception("forward_claim_fault")
            return _NOTHING
        return taken

    def _room(self) -> Room:
        jobs = [claim.job for claim in self._under_way.values()]
        taken = Counter(job.kind for job in jobs)
        return Room(
            free={kind: self._limits[kind] - taken[kind] for kind in self._forwarders},
            busy=Counter((job.kind, job.target) for job in jobs),
            per_target=PER_TARGET,
            mine=frozenset(self._under_way),
        )

    # --- one job --------------------------------------------------------------------------------------------

    def _begin(self, claim: Claim) -> None:
        self._under_way[claim.job.id] = claim
        task = asyncio.create_task(self._carry_out(claim))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, claim: Claim) -> None:
        try:
            outcome = claim.outcome or await self.deliver(claim.job)
            await self._record(claim, outcome)
        finally:
            self._under_way.pop(claim.job.id, None)
            self._signals.wake(("forwards",))  # its place is free

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Hand one job over, once, by the forwarder of its kind; also one that nobody stored (a test)."""
        forwarder = self._forwarders[job.kind] if job.via == "direct" else self._elsewhere.get(job.via)
        if forwarder is None:  # until somebody says where it is
            return Temporary(f"no_{job.via}")
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                return await forwarder.deliver(job)
        except TimeoutError:
            return Uncertain("timeout")
        except Exception:  # a fault with one target must not stop the others
            log.exception("forward_fault", kind=job.kind, job=job.id.hex())
            return Temporary("fault")

    async def _record(self, claim: Claim, outcome: Outcome) -> None:
        for _ in range(RECORD_TRIES):
            context = self._context
            ended = Ended(outcome, context.node, self._now(), context.chance(), context.new_id)
            unit = record_unit(claim, ended)
            unit = with_message(unit, claim.job, outcome, moment_of(context))
            try:
                state = await self._context.writer.do(unit)
            except StoreUnavailableError:
                await asyncio.sleep(RECORD_SECONDS)
                continue
            if state is not None:  # another node has not taken it over meanwhile
                self._context.metrics.forwarded(claim.job.kind, state)
            _log(claim.job, outcome, state)
            return
        log.error("forward_not_recorded", kind=claim.job.kind, job=claim.job.id.hex())

    def _now(self) -> int:
        return self._context.clock.now()


def _log(job: ForwardJob, outcome: Outcome, state: str | None) -> None:
    cause = getattr(outcome, "cause", "")
    level = log.warning if isinstance(outcome, Permanent) else log.info
    level("forward", kind=job.kind, job=job.id.hex(), attempt=job.attempt, state=state, cause=cause)
