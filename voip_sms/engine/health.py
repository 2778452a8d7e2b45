"""How the service is, in one picture for the operator: doors, database, carriers, what waits, what fails."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import Connection

from voip_sms.core.clock import DAY, SECOND
from voip_sms.core.directory import Carrier
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.core.model import LinkState
from voip_sms.core.resources.handovers import shown_url
from voip_sms.engine.chores.backlog import backlog
from voip_sms.engine.context import Context
from voip_sms.engine.metrics import Backlog
from voip_sms.store.oversight import Failing, failing_webhooks, nodes, waiting_for_operator

State = Literal["ok", "warn", "fail", "skip"]
ALIVE: Final = 15 * SECOND
"""A process gives a sign of life every two seconds (`engine/pulse.py`); later than this it is gone."""
EXAMINING: Final = 3.0
"""Seconds for what is looked at on the machine: a disk that hangs must not hold up the page."""
_NOT_YET: Final = LinkState("connecting", 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at on this machine; `advice`: what to do about it."""

    state: State
    name: str
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One process on this database, and when it last gave a sign of life (epoch microseconds)."""

    name: str
    seen_at: int
    alive: bool


@dataclass(frozen=True, slots=True)
class Health:
    """`missing` as `/health/ready` says it; `doors` by name, where they listen (None: switched off).

    `stored`: the rest came of the database, which else doesn't answer. `waiting`: registrations, sender_names
    and quarantine that wait for the operator.
    """

    at: int
    node: str
    missing: Sequence[str]
    doors: Mapping[str, str | None]
    links: Sequence[tuple[Carrier, LinkState]]
    findings: Sequence[Finding]
    stored: bool
    nodes: Sequence[Node]
    backlog: Backlog
    failing: Sequence[Failing]
    waiting: Mapping[str, int]

    @property
    def well(self) -> bool:
        """Whether nothing needs anybody."""
        links = all(link.state == "bound" or link.node for carrier, link in self.links if carrier.enabled)
        alive = all(one.alive for one in self.nodes)
        fine = all(one.state in ("ok", "skip") for one in self.findings)
        return self.stored and not self.missing and links and alive and fine and not self.failing


class Examination:
    """Looks at everything at once; nothing that hangs holds it up for longer than a read of the database."""

    def __init__(
        self,
        context: Context,
        *,
        ready: Callable[[], Sequence[str]],
        doors: Callable[[], Mapping[str, str | None]],
        links: Callable[[], Mapping[str, LinkState]],
        machine: Callable[[], Sequence[Finding]],
    ) -> None:
        """`machine` blocks for a moment, and runs on a thread."""
        self._context = context
        self._ready = ready
        self._doors = doors
        self._links = links
        self._machine = machine
        self._looking: asyncio.Future[Sequence[Finding]] | None = None

    def links(self) -> Sequence[tuple[Carrier, LinkState]]:
        """Every carrier by name, with its connection as it is right now."""
        states = self._links()
        carriers = sorted(self._context.directory().carriers.items())
        return [(each, states.get(name, _NOT_YET)) for name, each in carriers]

    async def now(self) -> Health:
        """How it is at this moment."""
        context = self._context
        findings = asyncio.create_task(self._examined())
        try:
            found = await context.reader.run(_stored, context.clock.now())
        except StoreUnavailableError:
            return self._health(await findings)
        return self._health(await findings, found)

    def _health(self, findings: Sequence[Finding], found: "_Stored | None" = None) -> Health:
        now = self._context.clock.now()
        there = found or _NOTHING
        return Health(
            at=now,
            node=self._context.node,
            missing=list(self._ready()),
            doors=self._doors(),
            links=self.links(),
            findings=findings,
            stored=found is not None,
            nodes=[Node(name, at, now - at <= ALIVE) for name, at in there.nodes],
            backlog=there.backlog,
            failing=[one._replace(target=shown_url(one.target)) for one in there.failing],
            waiting=there.waiting,
        )

    async def _examined(self) -> Sequence[Finding]:
        """What the machine says; while one look hangs there is no second: threads are everybody's."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(asyncio.to_thread(self._machine))
        try:
            async with asyncio.timeout(EXAMINING):
                return await asyncio.shield(self._looking)
        except (TimeoutError, OSError) as error:
            why = str(error) or "it did not answer in time"
            return [Finding("fail", "machine", why, "is a disk or a mount hanging?")]


@dataclass(frozen=True, slots=True)
class _Stored:
    nodes: Sequence[tuple[str, int]] = ()
    backlog: Backlog = field(default_factory=Backlog)
    failing: Sequence[Failing] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)


_NOTHING: Final = _Stored()


def _stored(connection: Connection, now: int) -> _Stored:
    return _Stored(
        nodes(connection),
        backlog(connection, now),
        failing_webhooks(connection, now - DAY),
        waiting_for_operator(connection),
    )
