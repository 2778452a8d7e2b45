"""The carrier's count, seen from the bench: how many submits came in on whose bind, and when the last one."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.processes import module

# Between two looks at the carrier's count; each costs it some microseconds.
POLL = 0.05
# Without a single further submit for so long, what is missing will not come.
STALL = 30.0
# So long without a submit means that nothing is under way any more.
QUIET = 0.5


class StalledError(Exception):
    """The carrier did not get everything."""


@dataclass(frozen=True, slots=True)
class Count:
    """`last`: moment of the newest submit on the monotonic clock that all processes share."""

    submits: int = 0
    last: float = 0.0
    receipts: int = 0


class Carrier:
    """`async with Carrier(folder) as carrier`; `host`, `port` are where to bind."""

    def __init__(self, folder: Path) -> None:
        self._service = module("smsc", folder)

    async def __aenter__(self) -> Self:
        await self._service.start()
        self.host, self.port = self._service.address("smpp")
        self._reader, self._writer = await asyncio.open_connection(*self._service.address("control"))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        if self._service.running:
            await self._service.stop()

    async def count(self, system_id: str) -> Count:
        self._writer.write(b"\n")
        found = json.loads(await self._reader.readline())
        return Count(**found.get(system_id, {}))

    async def drained(self, system_id: str, wanted: int) -> float:
        """Wait until `wanted` submits have come in all; the moment of the last one. StalledError."""
        loop = asyncio.get_running_loop()
        before, since = -1, loop.time()
        while (count := await self.count(system_id)).submits < wanted:
            if count.submits != before:
                before, since = count.submits, loop.time()
            elif loop.time() - since > STALL:
                raise StalledError(f"{system_id}: {count.submits} of {wanted} reached the carrier")
            await asyncio.sleep(POLL)
        return count.last

    async def quiet(self, system_id: str) -> Count:
        """Wait until neither submits nor receipts come any more."""
        count = await self.count(system_id)
        while True:
            await asyncio.sleep(QUIET)
            before, count = count, await self.count(system_id)
            if before == count:
                return count
