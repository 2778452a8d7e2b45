"""The one thread that writes: takes whatever waits, commits it as one transaction, then answers everybody.

`await writer.do(unit)` returns after the commit. A unit that fails by its own decision or breaks a constraint
fails alone; when the database itself fails (locked, full, gone), every unit of the batch gets
StoreUnavailableError and nothing of it was written.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, Engine

from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.store.batch import Decided
from voip_sms.store.errors import brief, is_culprits
from voip_sms.store.transactions import Transactions
from voip_sms.store.units import Again, Rows, Unit

BATCH_UNITS = 256
"""More gains little (measured: 64 waiting 39k rows/s, 256 waiting 54k); the first waits for the last."""
QUEUE_UNITS = 20_000
"""Units that may wait: some seconds of work. Beyond it the honest answer is `store_unavailable` at once."""
AGAIN_LIMIT = 3
"""Batches a unit may be put off to before that is a fault of its decision."""
LOOK_SECONDS = 0.1
"""Between looks whether a batch hangs: then it is cut off in time for its callers."""

Administration = Callable[[Connection], Any]
Done = Callable[[Any, Exception | None], None]
"""Told on the loop what a unit came to: its result, or None and why it failed."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Job:
    """A unit (or an administrative function with its own transaction) and who waits for it."""

    work: Unit | Administration
    done: Done
    deadline: float | None = None
    put_off: int = 0
    outcome: Any = field(default=None)
    failed: bool = False

    def settle(self, outcome: object, *, failed: bool = False) -> None:
        self.outcome, self.failed = outcome, failed


class Writer:
    """Owns the writing connection. Start it in the loop that will await its answers."""

    def __init__(self, engine: Engine, wake: Callable[[frozenset[str]], None]) -> None:
        """`wake` is called on the loop after each commit with the topics that its units named."""
        self._transactions = Transactions(engine)
        self._wake = wake
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._serve, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        self._guard = self._loop.create_task(self._look(), name="writer-guard")
        self._worker.start()

    async def stop(self) -> None:
        """Write what waits, then end the thread."""
        self._stopping = True
        self._queue.put(None)
        await asyncio.to_thread(self._worker.join)
        if self._guard is not None:
            self._guard.cancel()
            with suppress(asyncio.CancelledError):
                await self._guard

    @property
    def waiting(self) -> int:
        """Units not yet begun."""
        return self._queue.qsize()

    async def do(self, unit: Unit) -> Any:
        """Carry out one unit; its `Rows.result` after the commit.

        Raises what its decision raised; StoreUnavailableError when the database can't; IntegrityError when
        the unit itself breaks a constraint. A caller who is cancelled meanwhile does not undo it.
        """
        return await self._result(unit, unit.deadline)

    def begin(self, unit: Unit, done: Done) -> None:
        """As `do`, for work that goes on when nobody waits any more: `done` is called once.

        StoreUnavailableError at once when too many units wait; then `done` is not called.
        """
        self._put(_Job(unit, done, unit.deadline))

    async def run(self, function: Administration) -> Any:
        """Carry out an administrative change in a transaction of its own, in turn with the units."""
        return await self._result(function, None)

    async def _result(self, work: Unit | Administration, deadline: float | None) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(_Job(work, partial(resolve, future), deadline))
        return await future

    def _put(self, job: _Job) -> None:
        if self._loop is None or self._stopping or self._queue.qsize() >= QUEUE_UNITS:
            raise StoreUnavailableError
        self._queue.put(job)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._transactions.cut_off_if_stuck()

    # --- the thread ---

    def _serve(self) -> None:
        while jobs := self._take():
            try:
                self._carry_out(jobs)
            except Exception:  # the thread must outlive every fault, and nobody may hang
                log.exception("writer_fault")
                _fail([job for job in jobs if job.outcome is None])
            self._answer(jobs)
        self._transactions.close()

    def _take(self) -> list[_Job]:
        """At least one job, waiting for it; none when the writer stops and nothing waits any more."""
        jobs: list[_Job] = []
        last = False
        while len(jobs) < BATCH_UNITS:
            try:
                job = self._queue.get(block=not jobs and not last)
            except queue.Empty:
                break
            if job is None:
                last = True
            else:
                jobs.append(job)
        if last and jobs:
            self._queue.put(None)  # behind what they may put off
        return jobs

    def _carry_out(self, jobs: list[_Job]) -> None:
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

    def _units(self, jobs: list[_Job]) -> None:
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

    def _settle(self, job: _Job, result: Decided) -> None:
        if isinstance(result, Again) and job.put_off < AGAIN_LIMIT:
            job.put_off += 1
            self._queue.put(job)
        elif isinstance(result, Exception):
            if not isinstance(result, Refusal):
                log.error("decision_fault", error=repr(result), exc_info=result)
            job.settle(result, failed=True)
        else:
            job.settle(result)

    def _administer(self, job: _Job, function: Administration) -> None:
        try:
            result = self._transactions.administer(function)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            if is_culprits(error):
                job.settle(error, failed=True)
            else:
                self._unavailable([job], error)
        else:
            job.settle(Rows(result=result, wakes={"directory"}))

    def _unavailable(self, jobs: Sequence[_Job], error: Exception) -> None:
        log.error("store_unavailable", error=brief(error), units=len(jobs))
        _fail(jobs)

    # --- back on the loop ---

    def _answer(self, jobs: list[_Job]) -> None:
        done = [job for job in jobs if job.outcome is not None]
        if self._loop is None or not done:
            return
        try:
            self._loop.call_soon_threadsafe(self._resolve, done)
        except RuntimeError:  # the loop is closed: nobody waits any more
            log.warning("answers_dropped", units=len(done))

    def _resolve(self, jobs: list[_Job]) -> None:
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
            self._wake(frozenset(wakes))


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


def _fail(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.settle(StoreUnavailableError(), failed=True)  # one each: a raised error keeps its own traceback
