"""Writes a sign of life every few seconds: whether that can be stored is whether we can take messages.

Reading is not enough to know: a full disk, and a file that another program has locked, can be read.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from voip_sms.core.directory import Id
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.engine.context import Context
from voip_sms.store.units import Row, Rows, State, Unit, by_key

EVERY: Final = 2.0
"""Seconds between beats: with a beat's own bound a balancer learns of an outage within about five."""
TURN_SECONDS: Final = 1.4
"""How long a beat waits for its turn, as a submission does (`engine.submit`)."""
WITHIN: Final = TURN_SECONDS + 1.8
"""Seconds for all of a beat: its turn, and a batch that hangs until it is cut off (`STUCK_SECONDS`)."""

log = structlog.get_logger(__name__)


class Pulse:
    """One per process; `run` it until the end."""

    def __init__(self, context: Context, beats: Callable[[bool], None]) -> None:
        """`beats` is told after every beat, on the loop, whether it was stored."""
        self._context = context
        self._beats = beats
        self._boot = context.new_id()
        self._well = True

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._tell(well=await self._beat())
            await asyncio.sleep(EVERY)

    async def _beat(self) -> bool:
        now, deadline = self._context.clock.now(), time.monotonic() + TURN_SECONDS
        try:
            async with asyncio.timeout(WITHIN):
                await self._context.writer.do(beat_unit(self._context.node, self._boot, now, deadline))
        except (StoreUnavailableError, TimeoutError):
            return False
        except Exception:  # whatever it is, a message would fare no better
            log.exception("pulse_fault")
            return False
        return True

    def _tell(self, *, well: bool) -> None:
        if well is not self._well:
            log.warning("store_back" if well else "store_away")
        self._well = well
        self._beats(well)


def beat_unit(node: str, boot: Id, now: int, deadline: float | None = None) -> Unit:
    """Note in table `node` that this process lives; `boot` is its own id, new at every start."""

    def decide(state: State) -> Rows:
        row: Row = {"name": node, "boot": boot, "seen_at": now}
        if state.get("node", node) is None:
            return Rows(inserts=[("node", row)])
        return Rows(updates=[("node", (node,), {"boot": boot, "seen_at": now})])

    return Unit(decide, [by_key("node", node)], deadline=deadline)
