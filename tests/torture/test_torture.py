"""Every torture case against the real endpoint and door: over UDP, over TCP, octet by octet, and in a pipeline.

What a case does to others is looked at too: a healthy request before and behind it must be served.
"""

import asyncio
import gc
import itertools
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from support.fakes import FakeClock
from support.sip_raw import Ask, RawTcp, RawUdp
from support.sip_service import Service
from support.torture import FOLDER, SETS, Case, Treatment, cases, every_case
from voip_sms.core.addresses import RecipientInvalidError, recipient
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.wire.sip.digest import answer, parse_challenge
from voip_sms.wire.sip.framing import StreamFramer
from voip_sms.wire.sip.messages import Request, Response

PASSWORDS = {"101": "pw101", "102": "pw102"}
FENCE = "fence"
HEALTHY = "healthy"
_numbers = itertools.count(1)

EVERY = pytest.mark.parametrize("case", every_case(), ids=lambda case: case.name)


@dataclass
class Bench:
    """One service, the credentials for it, and what the peer has got back so far."""

    service: Service
    challenge: Response | None = None
    count: int = 0

    async def prepare(self) -> None:
        async with RawUdp(*self.service.udp) as peer:
            self.challenge = await peer.ask(Ask(number=next(_numbers)))

    def auth(self, user: str, method: str) -> str:
        """Right credentials, each with a count of its own."""
        assert self.challenge is not None
        value = parse_challenge(self.challenge.headers.get("www-authenticate"))
        self.count += 1
        return str(answer(value, method, "sip:sms.test", user, PASSWORDS[user], cnonce="t", count=self.count))

    def octets(self, case: Case, peer: RawUdp | RawTcp) -> bytes:
        return case.octets(
            number=next(_numbers), transport=peer.transport, address=peer.address, auth=self.auth
        )

    def healthy(self) -> Ask:
        """A MESSAGE that must be stored."""
        credentials = f"Authorization: {self.auth('102', 'MESSAGE')}"
        number = next(_numbers)
        return Ask(
            sender="<sip:102@sms.test>;tag=h",
            body="fine",
            call_id=f"{HEALTHY}-{number}",
            headers=(credentials,),
            number=number,
        )

    def sent(self, text: str) -> list[str]:
        """Recipients of what was stored with that text, as the routing would read them."""
        found = [s for s in self.service.engine.submissions if s.text == text]
        return [_number(submission.recipients[0]) for submission in found]


def _number(text: str) -> str:
    try:
        return recipient(text, "PL").e164
    except RecipientInvalidError:
        return ""


@pytest.fixture
async def bench(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(
        SipSettings, "tls_contexts", lambda _: None
    )  # reading the system's authorities is dear
    bench = Bench(await Service(clock).start())
    await bench.prepare()
    yield bench
    await bench.service.stop()


async def until_fence(peer: RawUdp | RawTcp) -> list[Response]:
    """Ask something harmless; everything that comes before its answer."""
    number = next(_numbers)
    peer.send(Ask("OPTIONS", "sip:sms.test", "", call_id=f"{FENCE}-{number}", number=number))
    before: list[Response] = []
    while (reply := await peer.reply()).headers.get("call-id") != f"{FENCE}-{number}":
        before.append(reply)
    assert reply.status == 200
    return before


async def collected(peer: RawUdp | RawTcp, wanted: int) -> list[Response]:
    """At least `wanted` replies, and whatever else comes before a fence."""
    replies = [await peer.reply() for _ in range(wanted)]
    return replies + await until_fence(peer)


def judge(case: Case, treatment: Treatment, replies: list[Response]) -> None:
    """Answers may overtake each other: what is refused is refused at once, what is stored takes its time."""
    got = [(reply.status, reply.reason) for reply in replies]
    assert sorted(status for status, _ in got) == sorted(treatment.statuses), got
    if replies and case.headers:
        for name, pattern in case.headers.items():
            found = replies[0].headers.get(name)
            assert re.search(pattern, found), f"{name}: {found!r}"
    for reply in replies:
        assert reply.headers.get("via"), "a reply that finds nobody"


def look_behind(bench: Bench, case: Case, *, stored: bool) -> None:
    """What the engine was told."""
    engine = bench.service.engine
    wanted = [case.sends[0]] if case.sends and stored else []
    assert bench.sent(case.sends[1] if case.sends else "") == wanted
    foreign = [s for s in engine.submissions if s.text not in {"fine", case.sends[1] if case.sends else ""}]
    assert not foreign, "something else was sent"
    bound = [binding.contact for binding in engine.bound.values()]
    assert bound == (list(case.binds) if case.binds and stored else [])


def stores(treatment: Treatment) -> bool:
    return any(200 <= status < 300 for status in treatment.statuses)


async def stream_end(peer: RawTcp, treatment: Treatment) -> list[Response]:
    """Every reply of a connection that ends, or that waits for octets which never come."""
    replies = [await peer.reply() for _ in treatment.statuses]
    if treatment.closed:
        assert await peer.closed()
    return replies


# --- the four ways --------------------------------------------------------------------------------------------


@EVERY
async def test_over_udp(bench: Bench, case: Case) -> None:
    async with RawUdp(*bench.service.udp) as peer:
        peer.send(bench.octets(case, peer))
        judge(case, case.udp, await collected(peer, len(case.udp.statuses)))
    look_behind(bench, case, stored=stores(case.udp))


@EVERY
async def test_over_tcp(bench: Bench, case: Case) -> None:
    async with RawTcp(*bench.service.tcp) as peer:
        peer.send(bench.octets(case, peer))
        await judged_on_stream(case, peer)
        await healthy_elsewhere(bench)
        look_behind(bench, case, stored=stores(case.tcp))


@EVERY
async def test_octet_by_octet(bench: Bench, case: Case) -> None:
    async with RawTcp(*bench.service.tcp) as peer:
        for octet in bench.octets(case, peer):
            peer.writer.write(bytes([octet]))
            await asyncio.sleep(0)
        await judged_on_stream(case, peer)
        await healthy_elsewhere(bench)
        look_behind(bench, case, stored=stores(case.tcp))


@EVERY
async def test_in_a_pipeline(bench: Bench, case: Case) -> None:
    """In one write behind a healthy request and in front of one; where the stream ends, only the first counts."""
    ends = case.tcp.closed or case.tcp.waits
    async with RawTcp(*bench.service.tcp) as peer:
        ahead, behind = bench.healthy(), bench.healthy()
        octets = [ahead.octets("TCP"), bench.octets(case, peer), behind.octets("TCP")]
        peer.send(b"".join(octets[:2] if ends else octets))
        if case.tcp.closed:
            replies = await until_closed(peer)
        else:
            replies = await collected_healthy(peer, case, 1 if ends else 2, fence=not ends)
    served = [r.status for r in replies if r.headers.get("call-id").startswith(HEALTHY)]
    assert served == [202] * (1 if ends else 2), "a neighbour had no answer"
    own = [r for r in replies if not r.headers.get("call-id").startswith(HEALTHY)]
    judge(case, case.tcp, own)
    await healthy_elsewhere(bench)
    assert len(bench.sent("fine")) == (2 if ends else 3), "a neighbour was not served"


async def collected_healthy(peer: RawTcp, case: Case, healthy: int, *, fence: bool) -> list[Response]:
    replies = [await peer.reply() for _ in range(healthy + len(case.tcp.statuses))]
    return replies + (await until_fence(peer) if fence else [])


async def until_closed(peer: RawTcp) -> list[Response]:
    framer = StreamFramer()
    replies: list[Response] = []
    while data := await asyncio.wait_for(peer.reader.read(65536), 5):
        replies += [event for event in framer.feed(data) if isinstance(event, Response)]
    return replies


async def judged_on_stream(case: Case, peer: RawTcp) -> None:
    if case.tcp.closed or case.tcp.waits:
        replies = await stream_end(peer, case.tcp)
    else:
        replies = await collected(peer, len(case.tcp.statuses))
    judge(case, case.tcp, replies)


async def healthy_elsewhere(bench: Bench) -> None:
    """Another phone's message is stored; by then everything sent before has been looked at."""
    async with RawUdp(*bench.service.udp) as peer:
        reply = await peer.ask(bench.healthy())
        assert reply.status == 202


# --- all together ---------------------------------------------------------------------------------------------


async def test_after_all_of_it_nothing_is_left_and_nobody_complained(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = bench.service.endpoint
    with capture_logs() as logs:
        for case in every_case() * 2:
            async with RawUdp(*bench.service.udp) as udp, RawTcp(*bench.service.tcp) as tcp:
                udp.send(bench.octets(case, udp))
                tcp.send(bench.octets(case, tcp))
                await until_fence(udp)
        await healthy_elsewhere(bench)
        await until(lambda: not endpoint._connections._flows)
        assert not endpoint._server._pending
        assert len(endpoint._server._kept) < 4 * len(every_case())
    assert not [entry for entry in logs if entry["log_level"] in {"error", "critical"}]
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]


async def test_what_is_refused_leaves_nothing_behind(bench: Bench) -> None:
    """Memory after five rounds is what it was after four, when the window of nonce counts is full.

    Some refusals are kept for copies of their requests, for half a minute: they may take a hundred blocks each.
    """
    answers = bench.service.endpoint._server._kept
    refused = [case for case in every_case() if not stores(case.udp)]
    before = kept = 0
    for turn in range(5):
        for case in refused:
            async with RawUdp(*bench.service.udp) as peer:
                peer.send(bench.octets(case, peer))
                await until_fence(peer)
        gc.collect()
        if turn == 3:
            before, kept = sys.getallocatedblocks(), len(answers)
    assert sys.getallocatedblocks() - before < 100 * (len(answers) - kept) + len(refused)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


@EVERY
def test_a_stream_is_cut_alike_however_it_arrives(case: Case) -> None:
    octets = case.octets(number=1, transport="TCP", address=("127.0.0.1", 5060), auth=lambda *_: "Digest x")
    behind = Ask("OPTIONS", "sip:sms.test", "", number=1).octets("TCP")
    whole = list(StreamFramer().feed(octets + behind))
    framer = StreamFramer()
    single = [event for octet in octets + behind for event in framer.feed(bytes([octet]))]
    assert [_shape(event) for event in single] == [_shape(event) for event in whole]


def _shape(event: object) -> object:
    return event if isinstance(event, Request | Response) else type(event).__name__


def test_the_lists_and_the_folders_agree() -> None:
    for of in SETS:
        listed = [case.name for case in cases(of)]
        found = sorted(path.stem for path in (FOLDER / of).glob("*.msg"))
        assert sorted(listed) == found
        assert len(set(listed)) == len(listed)


@pytest.mark.parametrize(
    ("of", "sections"),
    [
        (
            "rfc4475",
            [f"3.1.1.{n}" for n in range(1, 14)]
            + [f"3.1.2.{n}" for n in range(1, 20)]
            + ["3.2.1", "3.4.1"]
            + [f"3.3.{n}" for n in range(1, 16)],
        ),
        ("rfc5118", [f"4.{n}" for n in range(1, 11)]),
    ],
)
def test_every_section_of_the_rfc_has_its_case(of: str, sections: list[str]) -> None:
    assert {case.section for case in cases(of)} == set(sections)
