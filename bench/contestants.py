"""Those who are compared, each able to take its turn under load."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.kannel import Kannel, Smsc
from bench.load import TEXT, Figures, Http, http_load, mail_load, sip_load
from bench.processes import Usage, module, usage
from bench.recipients import PLACE
from bench.rounds import Sample
from bench.service import TOKEN, WINDOW, Carrying, VoipSms
from bench.witness import Carrier, Count
from support.postgres import PostgresServer
from voip_sms.demo.process import Service

TRANSPORTS = ("udp", "tcp", "tls")


@dataclass(slots=True)
class HttpContestant:
    """Somebody who takes messages over HTTP; to the carrier, if there is one, it binds as `system_id`."""

    request: Http
    pids: Callable[[], Sequence[int]]
    carrier: Carrier | None = None
    system_id: str = ""
    first: int = 0

    async def turn(self, connections: int, seconds: float, rate: float = 0.0) -> Sample:
        """Load, then wait until the carrier has everything and nothing is under way any more."""
        before, count = usage(self.pids()), await self._count()
        figures = await http_load(self.request, connections, seconds, self.first, rate)
        self.first += figures.accepted + connections
        submitted = 0.0
        if self.carrier is not None:
            last = await self.carrier.drained(self.system_id, count.submits + figures.accepted)
            submitted = figures.accepted / (last - figures.began)
            await self.carrier.quiet(self.system_id)
        return sample(figures, before, usage(self.pids()), submitted)

    async def _count(self) -> Count:
        return Count() if self.carrier is None else await self.carrier.count(self.system_id)


@dataclass(slots=True)
class SipContestant:
    """Somebody who takes MESSAGE; `addresses` by transport."""

    addresses: Mapping[str, tuple[str, int]]
    pids: Callable[[], Sequence[int]]
    carrier: Carrier | None = None
    system_id: str = ""
    first: int = 0

    async def turn(self, waiting: int, seconds: float, transport: str = "udp") -> Sample:
        before = usage(self.pids())
        count = None if self.carrier is None else await self.carrier.count(self.system_id)
        figures = await sip_load(self.addresses[transport], waiting, seconds, self.first, transport)
        self.first += figures.accepted + figures.repeated + 2 * waiting
        submitted = 0.0
        if self.carrier is not None and count is not None:
            last = await self.carrier.drained(self.system_id, count.submits + figures.accepted)
            submitted = figures.accepted / (last - figures.began)
            await self.carrier.quiet(self.system_id)
        return sample(figures, before, usage(self.pids()), submitted)


@dataclass(slots=True)
class MailContestant:
    """Somebody who takes mails."""

    address: tuple[str, int]
    pids: Callable[[], Sequence[int]]
    carrier: Carrier | None = None
    system_id: str = ""
    first: int = 0

    async def turn(self, connections: int, seconds: float) -> Sample:
        before = usage(self.pids())
        count = None if self.carrier is None else await self.carrier.count(self.system_id)
        figures = await mail_load(self.address, connections, seconds, self.first)
        self.first += figures.accepted + connections
        submitted = 0.0
        if self.carrier is not None and count is not None:
            last = await self.carrier.drained(self.system_id, count.submits + figures.accepted)
            submitted = figures.accepted / (last - figures.began)
            await self.carrier.quiet(self.system_id)
        return sample(figures, before, usage(self.pids()), submitted)


def sample(figures: Figures, before: Usage, after: Usage, submitted: float) -> Sample:
    return Sample(
        accepted=figures.rate,
        p50=figures.p50,
        p99=figures.p99,
        submitted=submitted,
        processor=(after.seconds - before.seconds) / figures.accepted * 1e6,
        memory=after.memory / 1e6,
    )


class Field:
    """Starts contestants in `folder` and sees to their end; `stack` is the caller's."""

    def __init__(self, stack: AsyncExitStack, folder: Path, carrier: Carrier) -> None:
        self._stack = stack
        self._folder = folder
        self._carrier = carrier

    async def service(self, system_id: str, database: str = "") -> VoipSms:
        """The product; SQLite unless `database` says otherwise."""
        carrying = Carrying(self._carrier.host, self._carrier.port, system_id)
        folder = self._folder / system_id
        made = VoipSms(carrying, folder, database) if database else VoipSms(carrying, folder)
        return await self._stack.enter_async_context(made)

    async def over_http(
        self, system_id: str, *, keyed: bool = True, server: PostgresServer | None = None
    ) -> HttpContestant:
        """The product behind its HTTP door."""
        service = await self.service(system_id, server.fresh_database() if server else "")
        others = [server.pid] if server else []
        return HttpContestant(
            service.request(keyed=keyed), lambda: [*service.pids, *others], self._carrier, system_id
        )

    async def over_sip(self, system_id: str) -> SipContestant:
        """The product behind its SIP door."""
        service = await self.service(system_id)
        return SipContestant(_sip(service.service), lambda: service.pids, self._carrier, system_id)

    async def over_mail(self, system_id: str) -> MailContestant:
        """The product behind its mail door."""
        service = await self.service(system_id)
        return MailContestant(service.smtp, lambda: service.pids, self._carrier, system_id)

    async def empty_mail(self) -> MailContestant:
        """aiosmtpd on uvloop with nothing behind it."""
        process = await self._stack.enter_async_context(module("empty_mail", self._folder))
        return MailContestant(process.address("smtp"), lambda: [process.pid])

    async def postgres(self) -> PostgresServer:
        """A server that keeps what it has committed."""
        server = await asyncio.to_thread(PostgresServer(durable=True).start)
        self._stack.callback(server.stop)
        return server

    async def kannel(self) -> HttpContestant:
        """Kannel with its spool store."""
        smsc = Smsc(self._carrier.host, self._carrier.port, "kannel", "sim", WINDOW)
        kannel = await self._stack.enter_async_context(Kannel(smsc, self._folder / "kannel"))
        url = urlsplit(kannel.url(PLACE, TEXT))
        request = Http(url.netloc, "GET", f"{url.path}?{url.query}")
        return HttpContestant(request, lambda: kannel.pids, self._carrier, "kannel")

    async def empty(self) -> HttpContestant:
        """aiohttp on uvloop with nothing behind it."""
        process = await self._stack.enter_async_context(module("empty", self._folder))
        body = f'{{"to":"+{PLACE}","text":"{TEXT}"}}'
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"bench-{PLACE}",
        }
        request = Http(str(process.ready["http"]), "POST", "/v1/messages", body, headers)
        return HttpContestant(request, lambda: [process.pid])

    async def edge(self, name: str) -> SipContestant:
        """`sip_edge`: digest and 202, nothing else; `sip_door`: our own edge, with nothing behind it."""
        process = await self._stack.enter_async_context(module(name, self._folder))
        return SipContestant(_sip(process), lambda: [process.pid])


def _sip(process: Service) -> dict[str, tuple[str, int]]:
    """Where it listens, by transport."""
    return {name: process.address(f"sip_{name}") for name in TRANSPORTS if process.ready.get(f"sip_{name}")}
