"""What waits to be written, taken batch by batch: one transaction each, and then everybody's answer.

A unit that fails by its own decision or breaks a constraint fails alone; when the database itself fails
(locked, full, gone), every unit of the batch gets StoreUnavailableError and nothing of it was written.
"""

import asyncio
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.store.batch import Decided
from voip_sms.store.errors import brief, is_culprits
from voip_sms.store.transactions import Transactions
from voip_sms.store.units import Again, Rows, Unit

BATCH_UNITS: Final = 256
"""More gains little (measured: 64 waiting 39k rows/s, 256 waiting 54k); the first waits for the last."""
AGAIN_LIMIT: Final = 3
"""Batches a unit may be put off to before that is a fault of its decision."""

Administration = Callable[[Connection], Any]
Done = Callable[[Any, Exception | None], None]
"""Told on the loop what a unit came to: its result, or None and why it failed."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Job:
    """A unit (or an administrative function with its own transaction) and who waits for it."""

    work: Unit | Administration
    done: Done
    deadline: float | None = None
    put_off: int = 0
    outcome: Any = field(default=None)
    failed: bool = False

    def settle(self, outcome: object, *, failed: bool = False) -> None:
        """How it ended."""
        self.outcome, self.failed = outcome, failed


class Batches:
    """Used by the writer's thread alone, but for what others put into `waiting`; None there ends it."""

    def __init__(self, transactions: Transactions) -> None:
        self.waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._transactions = transactions

    def take(self) -> list[Job]:
        """At least one job, waiting for it; none when the writer stops and nothing waits any more."""
        jobs: list[Job] = []
        last = False
        while len(jobs) < BATCH_UNITS:
            try:
                job = self.waiting.get(block=not jobs and not last)
            except queue.Empty:
                break
            if job is None:
                last = True
            else:
                jobs.append(job)
        if last and jobs:
            self.waiting.put(None)  # behind what they may put off
        return jobs

    def carry_out(self, jobs: list[Job]) -> None:
        """Settle every one of them, but for those that are put off."""
        try:
            self._carry_out(jobs)
        except Exception:  # the thread must outlive every fault, and nobody may hang
            log.exception("writer_fault")
            _fail([job for job in jobs if job.outcome is None])

    def _carry_out(self, jobs: list[Job]) -> None:
        now = time.monotonic()
        for job in jobs:
            if (job.deadline is not None and job.deadline < now) or _is_withdrawn(job.work):
                job.settle(StoreUnavailableError("too busy"), failed=True)
        live = [job for job in jobs if not job.failed]
        if len(live) < len(jobs):
            log.warning("units_too_late", units=len(jobs) - len(live))
        self._units([job for job in live if isinstance(job.work, Unit)])
        for job in live:
            if not isinstance(job.work, Unit):
                self._administer(job, job.work)

    def _units(self, jobs: list[Job]) -> None:
        """One transaction for all; when a unit's rows break it, its halves on their own, in order."""
        if not jobs:
            return
        try:
            decided = self._transactions.units([job.work for job in jobs if isinstance(job.work, Unit)])
        except Exception as error:  # noqa: BLE001 - sorted out here, nobody else would answer
            if not is_culprits(error):
                self._unavailable(jobs, error)
            elif len(jobs) == 1:
                log.warning("unit_refused", error=brief(error))
                jobs[0].settle(error, failed=True)
            else:
                half = len(jobs) // 2
                self._units(jobs[:half])
                self._units(jobs[half:])
            return
        for job, result in zip(jobs, decided, strict=True):
            self._settle(job, result)

    def _settle(self, job: Job, result: Decided) -> None:
        if isinstance(result, Again) and job.put_off < AGAIN_LIMIT:
            job.put_off += 1
            self.waiting.put(job)
        elif isinstance(result, Exception):
            if not isinstance(result, Refusal):
                log.error("decision_fault", error=repr(result), exc_info=result)
            job.settle(result, failed=True)
        else:
            job.settle(result)

    def _administer(self, job: Job, function: Administration) -> None:
        try:
            result = self._transactions.administer(function)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            if is_culprits(error):
                job.settle(error, failed=True)
            else:
                self._unavailable([job], error)
        else:
            job.settle(Rows(result=result, wakes={"directory"}))

    def _unavailable(self, jobs: Sequence[Job], error: Exception) -> None:
        log.error("store_unavailable", error=brief(error), units=len(jobs))
        _fail(jobs)


def tell(jobs: Sequence[Job], wake: Callable[[frozenset[str]], None]) -> None:
    """On the loop: what each came to, and then which topics their units named."""
    wakes: set[str] = set()
    for job in jobs:
        try:
            if job.failed:
                job.done(None, job.outcome)
            else:
                wakes |= job.outcome.wakes
                job.done(job.outcome.result, None)
        except Exception:  # the others must have their answers
            log.exception("answer_fault")
    if wakes:
        wake(frozenset(wakes))


def resolve(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    """Pass on what a unit came to; whoever waited may be gone: what was committed stays committed."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _is_withdrawn(work: Unit | Administration) -> bool:
    return isinstance(work, Unit) and work.withdrawn is not None and work.withdrawn()


def _fail(jobs: Sequence[Job]) -> None:
    for job in jobs:
        job.settle(StoreUnavailableError(), failed=True)  # one each: a raised error keeps its own traceback
