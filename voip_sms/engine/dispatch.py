"""Sends stored parts: one lane per carrier, following the configuration as carriers come, change and go."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from voip_sms.core.directory import Carrier, Id
from voip_sms.core.model import LinkState, OutboundPart
from voip_sms.core.ports import CarrierLink
from voip_sms.engine.binds import Binds
from voip_sms.engine.context import Context
from voip_sms.engine.lane import Lane, LaneTicket
from voip_sms.engine.outcomes import Policy, UncertainPolicy
from voip_sms.engine.signals import Signals

DRAIN_SECONDS = 10.0
"""How long a stop waits for responses (`docs/contract.md`)."""

log = structlog.get_logger(__name__)

LinkFactory = Callable[[Carrier], CarrierLink]


class Dispatch:
    """`submit.Admission`, and the owner of all carrier links.

    `link` makes the connection of a carrier's kind; what it raises concerns that carrier only.
    """

    def __init__(
        self,
        context: Context,
        signals: Signals,
        link: LinkFactory,
        *,
        uncertain: UncertainPolicy = "resend",
        binds: Binds | None = None,
    ) -> None:
        """`binds`: which carriers this node may connect to; None: all."""
        self._context = context
        self._signals = signals
        self._link = link
        self._policy = Policy(uncertain, context.chance)
        self._binds = binds
        self._lanes: dict[str, Lane] = {}
        self._lock = asyncio.Lock()
        self._stopped = False

    async def sync(self) -> None:
        """Bring the lanes to what Directory and binds say; call it at start and whenever those changed.

        A carrier that changed is drained and connected anew; the others are not touched.
        """
        async with self._lock:
            if self._stopped:
                return
            wanted = {name: each for name, each in self._enabled().items() if self._mine(name)}
            gone = [lane for name, lane in self._lanes.items() if wanted.get(name) != lane.carrier]
            for lane in gone:
                del self._lanes[lane.carrier.name]
            await asyncio.gather(*(lane.stop(DRAIN_SECONDS) for lane in gone))
            for name, carrier in wanted.items():
                if name not in self._lanes:
                    await self._open(carrier)

    async def stop(self, drain: float = DRAIN_SECONDS) -> None:
        """No new claims; wait for responses up to `drain` seconds; unbind."""
        async with self._lock:
            self._stopped = True
            lanes = list(self._lanes.values())
            await asyncio.gather(*(lane.stop(drain) for lane in lanes))
            self._lanes.clear()

    def states(self) -> Mapping[str, LinkState]:
        """How each connection is, by carrier."""
        return {name: lane.link.state() for name, lane in self._lanes.items()}

    def shown(self) -> Mapping[str, LinkState]:
        """The same, with those that another node has."""
        states = dict(self.states())
        for name in self._enabled():
            if self._binds is not None and not self._mine(name):
                states.setdefault(name, self._binds.elsewhere(name))
        return states

    def holds(self, message_id: Id, no: int) -> bool:
        """Whether a part is in this process's hands, so that nobody else may decide about it."""
        return any(lane.holds(message_id, no) for lane in self._lanes.values())

    def admit(self, carrier: str, pair: str, parts: int) -> "LaneTicket | Nowhere":
        """Ask for places in the carrier's window for the parts of one message; see `submit.Ticket`."""
        lane = self._lanes.get(carrier)
        return NOWHERE if lane is None else lane.admit(pair, parts)

    def announce(self, carrier: str) -> "LaneTicket | Nowhere":
        """Say that parts are about to be queued: nothing may overtake them."""
        lane = self._lanes.get(carrier)
        return NOWHERE if lane is None else lane.announce()

    def _enabled(self) -> Mapping[str, Carrier]:
        return {name: each for name, each in self._context.directory().carriers.items() if each.enabled}

    def _mine(self, carrier: str) -> bool:
        return self._binds is None or self._binds.mine(carrier)

    async def _open(self, carrier: Carrier) -> None:
        try:
            lane = Lane(self._context, self._signals, carrier, self._link(carrier), self._policy)
            await lane.start()
        except Exception:  # settings that its kind can't use: the other carriers go on
            log.exception("carrier_not_usable", carrier=carrier.name, kind=carrier.kind)
        else:
            self._lanes[carrier.name] = lane


class Nowhere:
    """The ticket for a carrier that this process doesn't serve: whoever does finds the parts in the queue."""

    fast = False
    local = False

    def committed(self, parts: Sequence[OutboundPart]) -> None:
        """Nothing to do."""

    def withdrawn(self) -> None:
        """Nothing to do."""


NOWHERE = Nowhere()
