"""Sees to what nobody asks for: ends, returns and removes what has had its time, a little at a time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from voip_sms.core.failures import StoreUnavailableError
from voip_sms.engine.chores.backlog import Backlogs
from voip_sms.engine.chores.chore import ROWS, Chore
from voip_sms.engine.chores.expiry import Expiry, NoReceipt
from voip_sms.engine.chores.lapsed import Holds, Lapsed, Own
from voip_sms.engine.chores.notices import Notices
from voip_sms.engine.chores.orphaned import Orphaned
from voip_sms.engine.chores.purge import KEPT, Purge
from voip_sms.engine.chores.seals import Seals
from voip_sms.engine.chores.secrets import Secrets
from voip_sms.engine.chores.tallies import PoolUse, Tallies
from voip_sms.engine.chores.texts import RECEIVED_DAYS, Texts
from voip_sms.engine.context import Context
from voip_sms.engine.outcomes import Policy, UncertainPolicy
from voip_sms.store.units import Unit

ROUNDS: Final = 20
"""Units of one chore in a row: 10,000 rows; then the others get their turn."""
RECOVER_ROUNDS: Final = 1_000
"""Half a million parts: more than all windows ever held."""
TICK_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Planned:
    chore: Chore
    every: float
    next_at: float = 0.0


class Housekeeping:
    """`recover` before anything is dispatched; then `start`."""

    def __init__(
        self,
        context: Context,
        holds: Holds,
        partial: Callable[[int], Unit],
        *,
        uncertain: UncertainPolicy = "resend",
        received_days: int = RECEIVED_DAYS,
        erased: Callable[[], None] | None = None,
    ) -> None:
        """`holds`: `Dispatch.holds`; `partial`: `Receiver.flush_partial`.

        `received_days`: how long received texts are kept. `erased`: called after texts were removed, so that
        they can be made unrecoverable (`store.database.erase_deleted`).
        """
        self._context = context
        policy = Policy(uncertain, context.chance)
        self._own = Own(policy)
        self._plan = [
            _Planned(Expiry(), 5),
            _Planned(Seals(), 5),
            _Planned(Lapsed(policy, holds), 10),
            _Planned(Partial(partial), 10),
            _Planned(Notices(), 10),
            _Planned(Backlogs(), 15),
            _Planned(Tallies(), 30),
            _Planned(Orphaned(), 60),
            _Planned(NoReceipt(), 60),
            _Planned(Secrets(), 600),
            _Planned(PoolUse(), 900),
            _Planned(Texts(received_days, erased or _nothing), 600),
            *(_Planned(Purge(kept), 600) for kept in KEPT),
        ]
        self._task: asyncio.Task[None] | None = None

    @property
    def chores(self) -> Sequence[str]:
        """Their names."""
        return [planned.chore.name for planned in self._plan]

    async def recover(self) -> int:
        """Take back what this node held when it died: how many parts. Raises StoreUnavailableError."""
        count = 0
        for _ in range(RECOVER_ROUNDS):
            found = await self._own.run(self._context)
            count += found
            if found == 0:
                break
        if count:
            log.warning("claims_recovered", parts=count)
        return count

    def start(self) -> None:
        """Begin, in the loop."""
        self._task = asyncio.create_task(self._serve(), name="housekeeping")

    async def stop(self) -> None:
        """End after the unit under way."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def run(self, name: str) -> int:
        """Do one chore now, as far as a turn goes; how many rows it looked at."""
        (chore,) = [planned.chore for planned in self._plan if planned.chore.name == name]
        return await self._turn(chore)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for planned in self._plan:
                if planned.next_at <= loop.time():
                    planned.next_at = loop.time() + planned.every
                    await self._safely(planned.chore)
            await asyncio.sleep(TICK_SECONDS)

    async def _safely(self, chore: Chore) -> None:
        result = "done"
        try:
            await self._turn(chore)
        except StoreUnavailableError:
            result = "put_off"
            log.warning("chore_put_off", chore=chore.name)
        except Exception:  # one chore's fault must not stop the others
            result = "failed"
            log.exception("chore_failed", chore=chore.name)
        self._context.metrics.chore(chore.name, result)

    async def _turn(self, chore: Chore) -> int:
        total = 0
        for _ in range(ROUNDS):
            looked = await chore.run(self._context)
            total += looked
            if looked < ROWS:
                break
        return total


class Partial:
    """Inbound messages whose missing parts didn't come."""

    name = "partial_inbound"

    def __init__(self, unit: Callable[[int], Unit]) -> None:
        self._unit = unit

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        made = await context.writer.do(self._unit(context.clock.now()))
        return ROWS if made else 0


def _nothing() -> None:
    """Nobody wants to know."""
