"""The world with forwarding running in it, and forwarders that do what a test says."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from support.fakes import FakeClock
from support.world import ACME, DIRECTORY, OWN, PHONE, World, world
from voip_sms.core.clock import HOUR
from voip_sms.core.directory import ForwardKind, ForwardRule, SipAccount
from voip_sms.core.failures import Accepted, Outcome
from voip_sms.core.model import Binding, ForwardJob, InboundPart
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.receive import Receiver
from voip_sms.engine.registrations import StoredRegistrations

HOOK = ForwardRule(b"rule-hook-000009", ACME, OWN, "webhook", ("http://h/1",), secret="whsec_x")
MAIL = ForwardRule(b"rule-mail-000009", ACME, OWN, "mail", ("a@example.test",), verified=True)
SIP = ForwardRule(b"rule-sip-0000009", ACME, OWN, "sip", ("101",))


@dataclass
class FakeForwarder:
    """Records what it was given; answers what is planned, or else `usual`; waits at the gate."""

    usual: Outcome = field(default_factory=Accepted)
    planned: list[Outcome | Exception] = field(default_factory=list)
    jobs: list[ForwardJob] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    now: int = 0
    most: int = 0
    on_deliver: Callable[[], Any] | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    async def deliver(self, job: ForwardJob) -> Outcome:
        self.jobs.append(job)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
            if self.on_deliver is not None:
                await self.on_deliver()
        finally:
            self.now -= 1
        outcome = self.planned.pop(0) if self.planned else self.usual
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @property
    def texts(self) -> list[str | None]:
        return [job.message.text for job in self.jobs]


@dataclass
class Stage:
    """The world with forwarding running in it."""

    scene: World
    clock: FakeClock
    out: Mapping[ForwardKind, FakeForwarder]
    running: list[Forwarding] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.receiver = Receiver(self.scene.context, "PL")
        self.registrations = StoredRegistrations(self.scene.context)

    def rules(self, *rules: ForwardRule) -> None:
        self.scene.directory = replace(self.scene.directory, forwards={OWN: rules})

    async def start(self) -> Forwarding:
        forwarding = Forwarding(self.scene.context, self.scene.signals, self.out)
        await forwarding.start()
        self.running.append(forwarding)
        return forwarding

    async def text(self, *texts: str) -> None:
        for text in texts:
            self.count += 1
            digest = self.count.to_bytes(32, "big")
            await self.receiver.receive("sim", InboundPart("+48777000001", OWN, text, "gsm7", digest))

    def at(self, moment: int) -> None:
        """Move the clock, and have the queue looked at now instead of within a second."""
        self.clock.moment = moment
        self.scene.signals.wake(("forwards",))

    async def register(self, cseq: int = 1, **changes: Any) -> None:
        one = Binding(
            "101", "sip:101@h", "192.0.2.1:5", "udp", "", "c", cseq, self.clock.now() + HOUR, **changes
        )
        await self.registrations.register(PHONE, [one])

    async def until(self, test: Callable[[], Any], within: float = 10.0) -> None:
        """Poll until it holds: what is waited for happens in the database and in tasks."""
        end = time.monotonic() + within
        while True:
            found = test()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            assert time.monotonic() < end, "it never came to that"
            await asyncio.sleep(0.01)

    async def job(self) -> dict[str, Any]:
        return await self.scene.row("forward_job")

    async def settled(self, state: str, attempts: int = 1) -> dict[str, Any]:
        async def reached() -> bool:
            job = await self.job()
            return bool(job["state"] == state and job["attempts"] == attempts)

        await self.until(reached)
        return await self.job()

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.scene.rows("forward_job")]

    async def all_done(self) -> bool:
        return set(await self.states()) == {"done"}


@asynccontextmanager
async def opened(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    """The stage, with SIP account 101 and no rules."""
    scene = world(database_url, clock)
    scene.directory = replace(DIRECTORY, sip={"101": SipAccount(PHONE, {})}, subscriptions={})
    await scene.start()
    await scene.update("generation", (1,), n=41)
    made = Stage(
        scene,
        clock,
        defaultdict(FakeForwarder, {k: FakeForwarder() for k in ("sip", "mail", "webhook", "number")}),
    )
    yield made
    for forwarding in made.running:
        await forwarding.stop(0.1)
    await scene.stop()
