"""Which of several nodes on one database has the connection to a carrier: one at a time, by a lease.

A carrier allows so many binds, and order and pace hold within one. The others leave their parts in the queue,
where whoever has the connection finds them. A node that can't renew gives the connection up before another
may take it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import structlog
from sqlalchemy.exc import IntegrityError

from voip_sms.core.clock import SECOND
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.core.model import LinkState
from voip_sms.engine.context import Context
from voip_sms.store.units import Rows, State, Unit, by_key

LEASE: Final = 45
"""Seconds that a connection is a node's without renewal: what the others wait after it died."""
MARGIN: Final = 25
"""Seconds before its lease ends at which a node that can't renew begins to let go: seven to notice (EVERY and
WITHIN), three for a claim under way (`lane.RECORD_SECONDS`), ten to wait for answers
(`dispatch.DRAIN_SECONDS`), two to unbind, three to write down what was answered."""
SKEW: Final = 3
"""Seconds that clocks of nodes may differ, beside MARGIN."""
EVERY: Final = 5.0
"""Seconds between renewals: several may fail."""
WITHIN: Final = 2.0
"""Seconds that a renewal may take: a slow database must not keep a node from noticing that its lease ends.
One that is stored later still only makes the others wait longer."""

log = structlog.get_logger(__name__)

Owners = Mapping[str, str]
"""Node by carrier."""


class Binds:
    """One per process. Without it (SQLite has one process) every carrier is ours."""

    def __init__(self, context: Context, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._monotonic = monotonic
        self._until: dict[str, float] = {}
        self._owners: Owners = {}

    def mine(self, carrier: str) -> bool:
        """Whether this node may be connected now."""
        return self._monotonic() < self._until.get(carrier, 0.0) - MARGIN

    def elsewhere(self, carrier: str) -> LinkState:
        """What to show of a carrier that another node has."""
        owner = self._owners.get(carrier, "")
        detail = f"node {owner} has the connection" if owner else ""
        return LinkState("connecting", 0, detail, node=owner)

    async def renew(self) -> None:
        """Renew what is ours, take what is nobody's. StoreUnavailableError."""
        began = self._monotonic()
        directory, context = self._context.directory(), self._context
        carriers = [name for name, carrier in directory.carriers.items() if carrier.enabled]
        self._owners = await context.writer.do(renewing_unit(carriers, context.node, context.clock.now()))
        mine = [carrier for carrier, node in self._owners.items() if node == context.node]
        self._until = dict.fromkeys(mine, began + LEASE)

    async def run(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Renew until cancelled; `changed` is called when `mine` says something else than before."""
        before = self._held()
        while True:
            await asyncio.sleep(EVERY)
            await self.try_to_renew()
            if self._held() != before:
                before = self._held()
                log.warning("binds_changed", carriers=sorted(before))
                await changed()

    async def try_to_renew(self) -> None:
        """As `renew`; should that fail, the next time is soon."""
        try:
            async with asyncio.timeout(WITHIN):
                await self._renew_beside_others()
        except (StoreUnavailableError, TimeoutError):
            log.warning("binds_not_renewed")
        except Exception:  # what we have lapses in good time
            log.exception("binds_fault")

    async def _renew_beside_others(self) -> None:
        try:
            await self.renew()
        except IntegrityError:  # another node took a new carrier in the same moment: its row is there now
            await self.renew()

    async def release(self) -> None:
        """Let others have the connections at once, when ours are closed."""
        self._until = {}
        carriers, context = list(self._owners), self._context
        try:
            async with asyncio.timeout(WITHIN):
                await context.writer.do(releasing_unit(carriers, context.node, context.clock.now()))
        except (StoreUnavailableError, TimeoutError):
            log.warning("binds_not_released")  # they lapse

    def _held(self) -> frozenset[str]:
        return frozenset(carrier for carrier in self._until if self.mine(carrier))


def renewing_unit(carriers: Iterable[str], node: str, now: int) -> Unit:
    """Take or renew leases for `node`; the result is Owners. Two that take a new one at once: one fails."""
    wanted = sorted(carriers)

    def decide(state: State) -> Rows:
        rows, owners = Rows(), dict[str, str]()
        until = now + LEASE * SECOND
        for carrier in wanted:
            row = state.get("carrier_bind", carrier)
            if row is None:
                rows.insert("carrier_bind", carrier=carrier, node=node, until=until)
            elif not _theirs(row, node, now):
                rows.update("carrier_bind", (carrier,), node=node, until=until)
            else:
                owners[carrier] = row["node"]
                continue
            owners[carrier] = node
        rows.result = owners
        return rows

    return Unit(decide, [by_key("carrier_bind", carrier) for carrier in wanted])


def releasing_unit(carriers: Iterable[str], node: str, now: int) -> Unit:
    """End the leases of `node`."""
    wanted = sorted(carriers)

    def decide(state: State) -> Rows:
        rows = Rows()
        for carrier in wanted:
            row = state.get("carrier_bind", carrier)
            if row is not None and row["node"] == node:
                rows.update("carrier_bind", (carrier,), until=now - SKEW * SECOND)
        return rows

    return Unit(decide, [by_key("carrier_bind", carrier) for carrier in wanted])


def _theirs(row: Mapping[str, Any], node: str, now: int) -> bool:
    """Whether another node has it, as far as clocks can tell."""
    until: int = row["until"]
    return row["node"] != node and until + SKEW * SECOND > now
