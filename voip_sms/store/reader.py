"""Runs reading functions on a few threads with connections of their own; every wait for them is bounded."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from voip_sms.core.failures import StoreUnavailableError
from voip_sms.store.database import READERS, cut_off
from voip_sms.store.errors import brief, is_culprits, may_try_again

WAIT_SECONDS = 3.0
"""How long a caller waits for a read, queue and all: then it is told 503, as for a write."""
WAITING = 500
"""Reads that may wait for a thread: about what the threads serve in a second."""

CUT_OFF_AGAIN = 0.02
"""Seconds: SQLite forgets an interruption that comes between two statements."""

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Reader:
    """`await reader.run(function, *arguments)` calls `function(connection, *arguments)` on a thread."""

    def __init__(self, engine: Engine, threads: int = READERS) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self._places = threading.Semaphore(threads + WAITING)
        self._running: dict[Future[Any], _Call[Any]] = {}

    async def run(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The function's result, read at one moment of the database; what it raises comes out as it is.

        StoreUnavailableError when the database fails, is too slow, or too many reads wait.
        """
        call = _Call(self._engine, lambda connection: function(connection, *args, **kwargs))
        future = asyncio.wrap_future(self._begin(call))
        try:
            async with asyncio.timeout(WAIT_SECONDS):  # 3.11's wait_for may swallow a cancellation
                return await future
        except TimeoutError as error:
            log.warning("read_too_slow", function=getattr(function, "__name__", "?"))
            call.cut_off()
            raise StoreUnavailableError from error

    def close(self) -> None:
        """Take no more, cut off what runs, wait for it: a connection still out would never be closed."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        until = time.monotonic() + WAIT_SECONDS
        while (running := dict(self._running)) and time.monotonic() < until:
            for call in running.values():
                call.cut_off()
            wait(running, CUT_OFF_AGAIN)

    def _begin(self, call: "_Call[T]") -> Future[T]:
        if not self._places.acquire(blocking=False):
            raise StoreUnavailableError("too busy")
        try:
            future = self._threads.submit(call.run)
        except RuntimeError as error:  # closed
            self._places.release()
            raise StoreUnavailableError from error
        self._running[future] = call
        future.add_done_callback(self._over)
        return future

    def _over(self, future: Future[Any]) -> None:
        self._running.pop(future, None)
        self._places.release()


class _Call(Generic[T]):
    """One read: on the thread `run`, on the loop `cut_off` once nobody waits for it any more."""

    def __init__(self, engine: Engine, function: Callable[[Connection], T]) -> None:
        self._engine = engine
        self._function = function
        self._driver: Any = None
        self._over = False
        self._lock = threading.Lock()

    def run(self) -> T:
        try:
            try:
                return self._attempt()
            except DBAPIError as error:
                # A pooled connection may have died while it lay there.
                if self._over or not may_try_again(error):
                    raise
                return self._attempt()
        except (SQLAlchemyError, OSError) as error:
            if is_culprits(error):
                raise
            log.warning("read_failed", error=brief(error))
            raise StoreUnavailableError from error

    def cut_off(self) -> None:
        """End what runs, also on a server that hangs: its thread is needed. Nothing if it is over."""
        with self._lock:
            self._over = True
            cut_off(self._driver)

    def _attempt(self) -> T:
        with self._engine.connect() as connection:
            self._set(connection.connection.driver_connection)
            try:
                return self._function(connection)
            finally:
                self._set(None)  # before the connection goes to somebody else

    def _set(self, driver: Any) -> None:
        with self._lock:
            self._driver = driver
