"""The one thread that writes: takes whatever waits, commits it as one transaction, then answers everybody.

`await writer.do(unit)` returns after the commit; see `store.jobs` for what fails with what.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Engine

from voip_sms.core.failures import StoreUnavailableError
from voip_sms.store.jobs import Administration, Batches, Done, Job, resolve, tell
from voip_sms.store.transactions import Transactions
from voip_sms.store.units import Unit

QUEUE_UNITS = 20_000
"""Units that may wait: some seconds of work. Beyond it the honest answer is `store_unavailable` at once."""
LOOK_SECONDS = 0.1
"""Between looks whether a batch hangs: then it is cut off in time for its callers."""

log = structlog.get_logger(__name__)


class Writer:
    """Owns the writing connection. Start it in the loop that will await its answers."""

    def __init__(self, engine: Engine, wake: Callable[[frozenset[str]], None]) -> None:
        """`wake` is called on the loop after each commit with the topics that its units named."""
        self._transactions = Transactions(engine)
        self._wake = wake
        self._batches = Batches(self._transactions)
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
        self._batches.waiting.put(None)
        await asyncio.to_thread(self._worker.join)
        if self._guard is not None:
            self._guard.cancel()
            with suppress(asyncio.CancelledError):
                await self._guard

    @property
    def waiting(self) -> int:
        """Units not yet begun."""
        return self._batches.waiting.qsize()

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
        self._put(Job(unit, done, unit.deadline))

    async def run(self, function: Administration) -> Any:
        """Carry out an administrative change in a transaction of its own, in turn with the units."""
        return await self._result(function, None)

    async def _result(self, work: Unit | Administration, deadline: float | None) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(Job(work, partial(resolve, future), deadline))
        return await future

    def _put(self, job: Job) -> None:
        if self._loop is None or self._stopping or self._batches.waiting.qsize() >= QUEUE_UNITS:
            raise StoreUnavailableError
        self._batches.waiting.put(job)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._transactions.cut_off_if_stuck()

    # --- the thread ---

    def _serve(self) -> None:
        while jobs := self._batches.take():
            self._batches.carry_out(jobs)
            self._answer(jobs)
        self._transactions.close()

    def _answer(self, jobs: list[Job]) -> None:
        done = [job for job in jobs if job.outcome is not None]
        if self._loop is None or not done:
            return
        try:
            self._loop.call_soon_threadsafe(tell, done, self._wake)
        except RuntimeError:  # the loop is closed: nobody waits any more
            log.warning("answers_dropped", units=len(done))
