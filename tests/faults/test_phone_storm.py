"""Thousands of phones come back at once, each with texts waiting: all get theirs, once, and others are served."""

import asyncio
import time
from collections import Counter, defaultdict
from functools import partial
from typing import cast

import pytest

from support.fakes import FakeClock
from support.phone_edge import MAILBOX, Edge, edge
from support.waiting import eventually
from voip_sms.engine.forwarding import LIMITS
from voip_sms.forwards import sip as forward_module
from voip_sms.net.sip.traffic import Outgoing
from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.messages import Request, Response, parse_datagram
from voip_sms.wire.sip.rules import reply_headers

PHONES = 2_000
DEAD = 100
"""Of them: registered, and gone."""
SEVERAL = 50
"""Of them have three texts each."""
MINUTES = 60.0
GIVES_UP = 6.0  # seconds, instead of Timer F: four copies, should a buffer run over


class Handsets(asyncio.DatagramProtocol):
    """All phones behind one socket; `deaf` ones never answer. What each got, by its Call-IDs."""

    def __init__(self, made: Edge) -> None:
        self._made = made
        self.deaf: set[str] = set()
        self.got: dict[str, list[str]] = defaultdict(list)
        self.branches: dict[str, set[str]] = defaultdict(set)
        self.most = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = parse_datagram(data)
        assert isinstance(request, Request)
        assert self._made.forwarding is not None
        self.most = max(self.most, self._made.forwarding.under_way)
        user = request.uri.removeprefix("sip:").partition("@")[0]
        if user in self.deaf:
            return
        call = request.headers.get("call-id")
        if call not in self.branches:
            self.got[user].append(request.body.decode())
        self.branches[call].add(request.headers.get("via"))
        self._transport.sendto(Response(200, "OK", Headers(reply_headers(request, "p"))).encode(), addr)

    @property
    def delivered(self) -> int:
        return len(self.branches)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "Outgoing", partial(Outgoing, timeout=GIVES_UP))


@pytest.mark.usefixtures("quick")
async def test_two_thousand_phones_register_at_once_after_a_restart(
    sqlite_url: str, clock: FakeClock
) -> None:
    users = [str(number) for number in range(100, 100 + PHONES)]
    several = users[-SEVERAL:]
    wanted = {user: [f"{user}-{n}" for n in range(3 if user in several else 1)] for user in users}
    async with edge(sqlite_url, clock, PHONES) as made:
        await made.texts(wanted)
        loop = asyncio.get_running_loop()
        transport, handsets = await loop.create_datagram_endpoint(
            lambda: Handsets(made), local_addr=("127.0.0.1", 0)
        )
        handsets.deaf.update(users[:DEAD])
        await made.start()
        source = transport.get_extra_info("sockname")
        busy = time.process_time()
        began = asyncio.gather(*(made.register(user, source) for user in users))
        await eventually(lambda: handsets.delivered > 0)
        await made.texts({MAILBOX: ["for somebody else"]}, kind="mail")
        await eventually(lambda: bool(made.mail.jobs))
        at_the_mail = handsets.delivered
        await began
        expected = sum(len(texts) for user, texts in wanted.items() if user not in handsets.deaf)
        await all_done(made, expected + 1)
        busy = time.process_time() - busy
        print(
            f"{expected} texts, registering and the phones included: {busy / expected * 1e3:.2f} ms of processor each"
        )
        assert {user: handsets.got[user] for user in users[DEAD:]} == {
            user: wanted[user] for user in users[DEAD:]
        }, "each text, in order, once"
        assert await unexplained(made) == [], "sent again only where no answer came through"
        assert handsets.most <= LIMITS["sip"], "no more in memory than that"
        assert at_the_mail < expected, "who has nothing to do with it is served meanwhile"
        assert set(await made.states()) <= {"done", "queued", "sending"}, "the dead phones' texts wait"
        transport.close()


async def all_done(made: Edge, wanted: int) -> None:
    """So many hand-overs have ended well. Time passes a little faster: a busy machine loses datagrams."""
    async with asyncio.timeout(MINUTES):
        while Counter(await made.states())["done"] < wanted:
            made.scene.clock.advance(0.5)
            made.scene.signals.wake(("forwards",))
            await asyncio.sleep(0.1)


async def unexplained(made: Edge) -> list[tuple[str, str]]:
    """Attempts that were neither the one that was taken nor without an answer."""
    kinds = Counter(
        (row["job_id"], row["outcome"], row["cause"]) for row in await made.scene.rows("forward_attempt")
    )
    return [
        (outcome, cause)
        for (_, outcome, cause), count in kinds.items()
        if (outcome, cause) not in {("accepted", ""), ("temporary", "sip_timeout"), ("uncertain", "lapsed")}
        or (outcome == "accepted" and count > 1)
    ]


async def test_a_crash_in_the_storm_loses_nothing_and_phones_know_what_comes_again(
    sqlite_url: str, clock: FakeClock
) -> None:
    users = [str(number) for number in range(100, 400)]
    wanted = {user: [f"{user}-1", f"{user}-2"] for user in users}
    async with edge(sqlite_url, clock, len(users)) as made:
        await made.texts(wanted)
        loop = asyncio.get_running_loop()
        transport, handsets = await loop.create_datagram_endpoint(
            lambda: Handsets(made), local_addr=("127.0.0.1", 0)
        )
        await made.start()
        source = transport.get_extra_info("sockname")
        await asyncio.gather(*(made.register(user, source) for user in users))
        for part in (1, 2, 3):
            async with asyncio.timeout(MINUTES):
                while handsets.delivered < part * 100:
                    await asyncio.sleep(0)
            assert made.forwarding is not None
            await made.forwarding.stop(0)  # nothing of what is under way is recorded
            await made.start()
        await all_done(made, 2 * len(users))
        assert dict(handsets.got) == wanted, "known by their Call-IDs: each once, in order"
        assert await unexplained(made) == []
        transport.close()
