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
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.store.batch import Batch, Decided
from voip_sms.store.units import Again, Rows, Unit

BATCH_UNITS = 256
"""More gains little (measured: 64 waiting 39k rows/s, 256 waiting 54k); the first waits for the last."""
QUEUE_UNITS = 20_000
"""Units that may wait: some seconds of work. Beyond it the honest answer is `store_unavailable` at once."""
AGAIN_LIMIT = 3
"""Batches a unit may be put off to before that is a fault of its decision."""

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Job:
    """A unit (or an administrative function with its own transaction) and who waits for it."""

    work: Unit | Callable[[Connection], Any]
    future: asyncio.Future[Any]
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
        self._engine = engine
        self._wake = wake
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._stopping = False

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Write what waits, then end the thread."""
        self._stopping = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    @property
    def waiting(self) -> int:
        """Units not yet begun."""
        return self._queue.qsize()

    async def do(self, unit: Unit) -> Any:
        """Carry out one unit; its `Rows.result` after the commit.

        Raises what its decision raised; StoreUnavailableError when the database can't; IntegrityError when
        the unit itself breaks a constraint.
        """
        return await self._put(unit, unit.deadline)

    def begin(self, unit: Unit) -> asyncio.Future[Any]:
        """As `do`, for work that goes on when nobody waits any more: hang a callback on the future.

        StoreUnavailableError at once when too many units wait.
        """
        return self._put(unit, unit.deadline)

    async def run(self, function: Callable[[Connection], Any]) -> Any:
        """Carry out an administrative change in a transaction of its own, in turn with the units."""
        return await self._put(function, None)

    def _put(self, work: Unit | Callable[[Connection], Any], deadline: float | None) -> asyncio.Future[Any]:
        if self._loop is None or self._stopping or self._queue.qsize() >= QUEUE_UNITS:
            raise StoreUnavailableError
        future = self._loop.create_future()
        self._queue.put(_Job(work, future, deadline))
        return future

    # --- the thread ---

    def _serve(self) -> None:
        while (jobs := self._take()) is not None:
            try:
                self._carry_out(jobs)
            except Exception:  # the thread must outlive every fault, and nobody may hang
                log.exception("writer_fault")
                _fail([job for job in jobs if job.outcome is None], StoreUnavailableError())
            self._answer(jobs)
        self._drop_connection()

    def _take(self) -> list[_Job] | None:
        first = self._queue.get()
        if first is None:
            return None
        jobs = [first]
        while len(jobs) < BATCH_UNITS:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            jobs.append(job)
        return jobs

    def _carry_out(self, jobs: list[_Job]) -> None:
        now = time.monotonic()
        for job in jobs:
            if job.deadline is not None and job.deadline < now:
                job.settle(StoreUnavailableError("too busy"), failed=True)
        live = [job for job in jobs if not job.failed]
        self._units([job for job in live if isinstance(job.work, Unit)])
        for job in live:
            if not isinstance(job.work, Unit):
                self._administer(job, job.work)

    def _units(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        try:
            self._transact(jobs)
        except IntegrityError:
            for job in jobs:  # one by one: only the culprit fails
                self._alone(job)
        except (SQLAlchemyError, OSError) as error:
            self._unavailable(jobs, error)

    def _alone(self, job: _Job) -> None:
        try:
            self._transact([job])
        except IntegrityError as error:
            job.settle(error, failed=True)
        except (SQLAlchemyError, OSError) as error:
            self._unavailable([job], error)

    def _transact(self, jobs: list[_Job]) -> None:
        connection = self._connect()
        with connection.begin():
            batch = Batch(connection)
            decided = batch.run([job.work for job in jobs if isinstance(job.work, Unit)])
            batch.write()
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

    def _administer(self, job: _Job, function: Callable[[Connection], Any]) -> None:
        try:
            connection = self._connect()
            with connection.begin():
                result = function(connection)
            job.settle(Rows(result=result, wakes={"directory"}))
        except (DBAPIError, OSError) as error:
            if isinstance(error, IntegrityError):
                job.settle(error, failed=True)
            else:
                self._unavailable([job], error)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits
            job.settle(error, failed=True)

    def _unavailable(self, jobs: Sequence[_Job], error: Exception) -> None:
        log.error("store_unavailable", error=str(getattr(error, "orig", error)), units=len(jobs))
        self._drop_connection()
        _fail(jobs, StoreUnavailableError())

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except (SQLAlchemyError, OSError) as error:
                log.warning("connection_close_failed", error=str(error))

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
            if not job.failed:
                wakes |= job.outcome.wakes
            if job.future.done():
                continue  # the one who waited was cancelled; what was committed stays committed
            if job.failed:
                job.future.set_exception(job.outcome)
            else:
                job.future.set_result(job.outcome.result)
        if wakes:
            self._wake(frozenset(wakes))


def _fail(jobs: Sequence[_Job], error: Exception) -> None:
    for job in jobs:
        job.settle(error, failed=True)
