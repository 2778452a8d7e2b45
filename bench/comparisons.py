"""The comparisons by name; each starts who takes part, runs its rounds, and says what came out."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import junk as junk_turns
from bench import panel as panel_pages
from bench import report, smpp_window
from bench import storm as storms
from bench.contestants import TRANSPORTS, Field
from bench.kannel import Kannel
from bench.report import Goal, Result
from bench.rounds import Rounds, Turn, alternate, ratio
from bench.service import Carrying, VoipSms
from bench.witness import Carrier
from support import peers
from support.postgres import PostgresServer
from voip_sms.demo import stage

MANY, FEW = 50, 8  # connections: a busy installation, and the few of a single customer
# MESSAGE requests under way: phones send one at a time, so as many phones.
PHONES = 50
WINDOWS, LATENCY_MS = (10, 100), 20.0
SQLITE, PLAIN, POSTGRES = "SQLite", "SQLite, no keys", "PostgreSQL"
BARE, OURS = "bare edge", "own edge, no store"
EMPTY_MAIL = "empty handler"
# Connections of mail servers and programs: as many as one address may have by default.
SERVERS = 50
KANNEL, EMPTY = "Kannel", "empty endpoint"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long and how often; `folder` is for everybody's files; `messages` lie in the panel's database."""

    folder: Path
    rounds: int
    seconds: float
    soak: float
    messages: int


Comparison = Callable[[Terms], Awaitable[list[Result]]]


def _skip(what: str, how: str) -> None:
    print(f"skip {what}: {how}", flush=True)


async def http(terms: Terms) -> list[Result]:
    """Accept and drain over HTTP: SQLite, PostgreSQL, Kannel, and an empty endpoint."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier(terms.folder))
        field = Field(stack, terms.folder, carrier)
        those = {SQLITE: await field.over_http("sqlite"), PLAIN: await field.over_http("plain", keyed=False)}
        if peers.postgres_folder() is None:
            _skip("PostgreSQL", "apt-get install postgresql")
        else:
            those[POSTGRES] = await field.over_http("postgresql", server=await field.postgres())
        if Kannel.available():
            those[KANNEL] = await field.kannel()
        else:
            _skip("Kannel", "apt-get install kannel")
        those[EMPTY] = await field.empty()
        results: list[Result] = []
        for connections in (MANY, FEW):
            turns: dict[str, Turn] = {
                name: functools.partial(one.turn, connections, terms.seconds) for name, one in those.items()
            }
            rounds = await alternate(turns, terms.rounds)
            print(report.figures(f"HTTP, {connections} connections", rounds), flush=True)
            results += _http_results(rounds, connections)
        return results


def _http_results(rounds: Rounds, connections: int) -> list[Result]:
    compared: list[tuple[Goal, str, str]] = [
        (report.ACCEPT, KANNEL, "accepted"),
        (report.DRAIN, KANNEL, "submitted"),
        (report.LATENCY, KANNEL, "p99"),
        (report.EMPTY, EMPTY, "accepted"),
    ]
    return [
        Result(goal, f"{mine}, {connections}", ratio(rounds, mine, theirs, figure))
        for goal, theirs, figure in compared
        for mine in (SQLITE, PLAIN, POSTGRES)
        if mine in rounds[0] and theirs in rounds[0]
    ]


async def receipts(terms: Terms) -> list[Result]:
    """Accept while the carrier sends a receipt for everything, against one that sends none."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier(terms.folder))
        field = Field(stack, terms.folder, carrier)
        without = await field.over_http("sqlite")
        with_them = await field.over_http("sqlite-receipts")
        turns: dict[str, Turn] = {
            "without receipts": functools.partial(without.turn, MANY, terms.seconds),
            "with receipts": functools.partial(with_them.turn, MANY, terms.seconds),
        }
        rounds = await alternate(turns, terms.rounds)
    print(report.figures(f"HTTP on SQLite, {MANY} connections", rounds), flush=True)
    found = ratio(rounds, "with receipts", "without receipts", "accepted")
    return [Result(report.RECEIPTS, f"SQLite, {MANY}", found)]


async def sip(terms: Terms) -> list[Result]:
    """MESSAGE with digest over UDP, TCP and TLS, stored before its 202, against edges that store nothing."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier(terms.folder))
        field = Field(stack, terms.folder, carrier)
        those = {
            SQLITE: await field.over_sip("sqlite"),
            BARE: await field.edge("sip_edge"),
            OURS: await field.edge("sip_door"),
        }
        results: list[Result] = []
        for transport in TRANSPORTS:
            turns: dict[str, Turn] = {
                name: functools.partial(one.turn, PHONES, terms.seconds, transport)
                for name, one in those.items()
                if transport in one.addresses
            }
            if SQLITE not in turns:
                _skip(f"SIP over {transport.upper()}", "apt-get install openssl")
                continue
            rounds = await alternate(turns, terms.rounds)
            print(report.figures(f"SIP over {transport.upper()}, {PHONES} under way", rounds), flush=True)
            results += [
                Result(report.SIP, f"{transport.upper()}, {them}", ratio(rounds, SQLITE, them, "accepted"))
                for them in (BARE, OURS)
                if them in turns
            ]
        return results


async def mail(terms: Terms) -> list[Result]:
    """Mails taken over SMTP, each stored before its 250, against aiosmtpd's empty handler."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier(terms.folder))
        field = Field(stack, terms.folder, carrier)
        those = {SQLITE: await field.over_mail("sqlite"), EMPTY_MAIL: await field.empty_mail()}
        turns: dict[str, Turn] = {
            name: functools.partial(one.turn, SERVERS, terms.seconds) for name, one in those.items()
        }
        rounds = await alternate(turns, terms.rounds)
    print(report.figures(f"SMTP, {SERVERS} connections", rounds), flush=True)
    return [Result(report.MAIL, SQLITE, ratio(rounds, SQLITE, EMPTY_MAIL, "accepted"))]


async def junk(terms: Terms) -> list[Result]:
    """A registered phone that sends while 2,000 junk requests a second come: its p95, and what junk costs."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier(terms.folder))
        service = await Field(stack, terms.folder, carrier).service("junk")
        worst = 0.0
        for number in range(terms.rounds):
            alone = await junk_turns.turn(service.sip, service.pids, terms.seconds)
            many = await junk_turns.turn(service.sip, service.pids, terms.seconds, junk_turns.SOURCES)
            one = await junk_turns.turn(service.sip, service.pids, terms.seconds, 1)
            worst = max(worst, many.p95, one.p95)
            print(f"  round {number + 1} alone                 {alone}")
            for name, felt in ((f"{junk_turns.SOURCES} sources of junk", many), ("one source of junk", one)):
                each = 1e6 * (felt.processor - alone.processor * felt.sent / alone.sent) / felt.junk
                rate = felt.junk / terms.seconds
                print(f"  round {number + 1} {name:21} {felt}  {rate:.0f} junk/s, {each:.0f} CPU µs each")
        return [Result(report.JUNK, "50 ms, worst round", worst / 50)]


async def storm(terms: Terms) -> list[Result]:
    """2,000 phones that register at once after a crash, each with a text waiting: how long, and how much."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier(terms.folder))
        carrying = Carrying(carrier.host, carrier.port, "storm")
        service = VoipSms(carrying, terms.folder / "storm", accounts=storms.PHONES)
        await stack.enter_async_context(service)
        for number in range(terms.rounds):
            print(f"  round {number + 1} {await storms.turn(service)}", flush=True)
    return []


async def window(terms: Terms) -> list[Result]:
    """The SMPP client alone against window/RTT, with a carrier 20 ms away."""
    results = []
    for size in WINDOWS:
        one = await asyncio.to_thread(smpp_window.measure, size, LATENCY_MS, terms.seconds, terms.rounds)
        print(
            f"window {size}: {one.rate:.0f} parts/s, RTT {1000 * one.rtt:.2f} ms, {one.each:.1f} CPU µs each"
        )
        results.append(Result(report.WINDOW, f"window {size}", one.ratio))
    return results


async def memory(terms: Terms) -> list[Result]:
    """Resident memory at half the capacity, from quarter to quarter."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(Carrier(terms.folder))
        field = Field(stack, terms.folder, carrier)
        service = await field.over_http("sqlite-receipts")
        full = await service.turn(MANY, terms.seconds)
        print(f"memory: {full.accepted:.0f}/s at full load, {full.memory:.0f} MB", flush=True)
        for quarter in range(1, 5):
            now = await service.turn(MANY, terms.soak / 4, rate=full.accepted / 2)
            print(
                f"memory: quarter {quarter} of {terms.soak:.0f} s at {now.accepted:.0f}/s:"
                f" {now.memory:.1f} MB, {service.first} messages so far, p99 {now.p99:.1f} ms",
                flush=True,
            )
    return []


async def panel(terms: Terms) -> list[Result]:
    """Pages of the panel over a month of messages, beside one with nothing in it: SQLite, PostgreSQL."""
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        databases: dict[str, tuple[str, Sequence[int]]] = {SQLITE: (stage.SQLITE, ())}
        if peers.postgres_folder() is None:
            _skip("PostgreSQL", "apt-get install postgresql")
        else:
            server = await asyncio.to_thread(PostgresServer(durable=True).start)
            stack.callback(server.stop)
            databases[POSTGRES] = (server.fresh_database(), [server.pid])
        for name, (database, pids) in databases.items():
            found = await panel_pages.pages(database, terms.messages, terms.seconds, pids)
            print(panel_pages.table(f"{name}, {terms.messages} messages", found), flush=True)
            slowest = max(page.p95 for page in found)
            results.append(Result(report.PANEL, f"{name}, {terms.messages}", slowest / panel_pages.BOUND_MS))
    return results


COMPARISONS: Mapping[str, Comparison] = {
    "http": http,
    "receipts": receipts,
    "sip": sip,
    "mail": mail,
    "junk": junk,
    "storm": storm,
    "window": window,
    "memory": memory,
    "panel": panel,
}
