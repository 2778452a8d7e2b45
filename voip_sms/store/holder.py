"""Holds the current Directory and replaces it as a whole when the configuration's generation has moved."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from sqlalchemy import Connection

from voip_sms.core.directory import Directory
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.store.config import current_generation
from voip_sms.store.reader import Reader
from voip_sms.store.snapshot import load

POLL_SECONDS = 1.0
"""A change made by another process is in force within two seconds of its commit: one poll and one load."""

log = structlog.get_logger(__name__)


class DirectoryHolder:
    """`current()` never waits. Start it in the loop; before `start` has returned the Directory is empty."""

    def __init__(self, reader: Reader, changed: Callable[[Directory], None] | None = None) -> None:
        """`changed` is called on the loop with each new Directory, the first one included."""
        self._reader = reader
        self._changed = changed
        self._directory = Directory(generation=-1)
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def current(self) -> Directory:
        """The configuration in force."""
        return self._directory

    async def start(self) -> None:
        """Load the first Directory (StoreUnavailableError if that fails), then watch for changes."""
        await self.refresh_now()
        self._task = asyncio.create_task(self._watch(), name="directory")

    async def stop(self) -> None:
        """Watch no more; the last Directory stays."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def refresh_now(self) -> Directory:
        """See every change committed before this call; the Directory then in force."""
        async with self._lock:  # loads come one after the other: an older picture never replaces a newer one
            newer = await self._reader.run(_load_if_moved, self._directory.generation)
            if newer is not None:
                self._directory = newer
                log.info("directory_loaded", generation=newer.generation)
                if self._changed is not None:
                    self._changed(newer)
            return self._directory

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh_now()
            except StoreUnavailableError:
                log.warning("directory_not_refreshed", generation=self._directory.generation)
            except Exception:  # the last good picture stays in force, and every poll says that it is old
                log.exception("directory_not_refreshed", generation=self._directory.generation)


def _load_if_moved(connection: Connection, known: int) -> Directory | None:
    return None if current_generation(connection) == known else load(connection)
