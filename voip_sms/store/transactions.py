"""The writing connection: one transaction at a time, repeated where that is safe, cut off when it hangs."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from voip_sms.store.batch import Batch, Decided
from voip_sms.store.database import cut_off
from voip_sms.store.errors import is_culprits, may_try_again
from voip_sms.store.memory import Memory
from voip_sms.store.units import Unit

STUCK_SECONDS = 1.7
"""A batch is milliseconds; a statement may wait 1.5 s for a lock. What takes longer: the server hangs.
Connecting has a bound of its own and does not count."""
RETRY_SECONDS = 1.5
"""A failure that came sooner is tried again, all within STUCK_SECONDS; a deadlock shows after one second."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Transactions:
    """Used by the writer's thread alone, but for `cut_off_if_stuck`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._memory = Memory() if engine.dialect.name == "sqlite" else None
        self._connection: Connection | None = None
        self._lock = threading.Lock()  # guards what cut_off_if_stuck looks at
        self._driver: Any = None
        self._began: float | None = None
        self._committing = False

    def units(self, units: Sequence[Unit]) -> list[Decided]:
        """Commit one batch; what each unit came to. Raises what the database raised: nothing was written.

        One exception: a connection that breaks during COMMIT leaves open whether it happened. It raises too.
        """
        began = time.monotonic()
        self._note(began)
        try:
            return self._batch(units)
        except SQLAlchemyError as error:
            quick = time.monotonic() - began < RETRY_SECONDS
            if not (quick and may_try_again(error)) or self._committing:
                raise
            log.warning("transaction_repeated", error=type(error).__name__)
            return self._batch(units)
        finally:
            self._note(None)

    def administer(self, function: Callable[[Connection], T]) -> T:
        """Commit what one function does; what it raises comes out after a rollback."""
        try:
            return self._transact(function)
        finally:
            self._forget()

    def close(self) -> None:
        """Forget the connection; the next transaction opens a new one."""
        with self._lock:
            connection, self._connection, self._driver = self._connection, None, None
        if connection is not None:
            with suppress(SQLAlchemyError, OSError):
                connection.invalidate()
            with suppress(SQLAlchemyError, OSError):
                connection.close()

    def cut_off_if_stuck(self) -> None:
        """From another thread: break the connection under a batch that hangs, so that it fails."""
        with self._lock:
            if self._began is None or self._driver is None or time.monotonic() - self._began < STUCK_SECONDS:
                return
            self._began = None
            log.error("transaction_stuck", seconds=STUCK_SECONDS)
            cut_off(self._driver)

    def _batch(self, units: Sequence[Unit]) -> list[Decided]:
        def work(connection: Connection) -> tuple[Batch, list[Decided]]:
            if self._memory is not None:
                self._memory.check(connection)
            batch = Batch(connection, self._memory)
            decided = batch.run(units)
            batch.write()
            return batch, decided

        batch, decided = self._transact(work)
        batch.keep()
        return decided

    def _forget(self) -> None:
        if self._memory is not None:
            self._memory.forget()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        self._committing = False
        try:
            connection = self._connect()
            transaction = connection.begin()
            try:
                result = work(connection)
            except BaseException:
                transaction.rollback()
                raise
            self._committing = True
            transaction.commit()
        except Exception as error:
            self._forget()
            if isinstance(error, (SQLAlchemyError, OSError)) and not is_culprits(error):
                self.close()
            raise
        self._committing = False
        return result

    def _connect(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            with self._lock:
                if self._began is not None:
                    self._began = time.monotonic()
                self._connection = connection
                self._driver = connection.connection.driver_connection
        return self._connection

    def _note(self, began: float | None) -> None:
        with self._lock:
            self._began = began
