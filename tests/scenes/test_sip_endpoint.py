"""The SIP endpoint on real loopback sockets: transactions, routing of replies, limits, deadlines."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import uvloop

from support.sip_raw import Ask, RawTcp, RawUdp, ok_to
from voip_sms.net.sip import connections, flows
from voip_sms.net.sip.endpoint import Endpoint, Listen
from voip_sms.net.sip.traffic import Ending, Incoming, Outgoing, Reply, Target
from voip_sms.wire.sip.messages import Request

KEY = bytes(32)


class Door:
    """Serves MESSAGE: records, and answers when told to."""

    def __init__(self) -> None:
        self.got: list[Incoming] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.reply: Reply | None = Reply(202)
        self.error: Exception | None = None
        self.cancelled = 0

    async def serve(self, incoming: Incoming) -> Reply | None:
        self.got.append(incoming)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return self.reply


class Edge:
    """An endpoint with its door and addresses."""

    def __init__(self, endpoint: Endpoint, door: Door, udp: tuple[str, int], tcp: tuple[str, int]) -> None:
        self.endpoint, self.door, self.udp, self.tcp = endpoint, door, udp, tcp


def make_endpoint(deadline: float = 2.8) -> Endpoint:
    numbers = itertools.count(1)
    return Endpoint(key=KEY, new_id=lambda: f"{next(numbers):016x}", deadline=deadline)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    endpoint, door = make_endpoint(), Door()
    endpoint.handle("MESSAGE", door.serve)
    udp, tcp = await endpoint.start([Listen("udp", "localhost", 0), Listen("tcp", "127.0.0.1", 0)])
    yield Edge(endpoint, door, (udp.host, udp.port), (tcp.host, tcp.port))
    await endpoint.close(0)


@pytest.fixture
async def udp(edge: Edge) -> AsyncIterator[RawUdp]:
    async with RawUdp(*edge.udp) as peer:
        yield peer


@pytest.fixture
async def tcp(edge: Edge) -> AsyncIterator[RawTcp]:
    async with RawTcp(*edge.tcp) as peer:
        yield peer


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


# --- in over UDP ----------------------------------------------------------------------------------------------


async def test_message_reaches_the_door_and_its_reply_the_sender(edge: Edge, udp: RawUdp) -> None:
    reply = await udp.ask(Ask(body="cześć"))
    assert (reply.status, reply.reason) == (202, "Accepted")
    assert "tag=" in reply.headers.get("to")
    assert edge.door.got[0].read.request.body.decode() == "cześć"
    assert edge.door.got[0].source == udp.address


async def test_copies_are_absorbed_while_the_door_works_and_answered_alike_afterwards(
    edge: Edge, udp: RawUdp
) -> None:
    edge.door.gate.clear()
    ask = Ask()
    for _ in range(3):
        udp.send(ask)
    assert await udp.quiet()
    edge.door.gate.set()
    first = await udp.octets()
    for _ in range(2):
        udp.send(ask)
        assert await udp.octets() == first
    assert await udp.quiet()
    assert len(edge.door.got) == 1


async def test_a_reply_sent_without_memory_is_made_anew(edge: Edge, udp: RawUdp) -> None:
    edge.door.reply = Reply(401, keep=False)
    ask = Ask()
    first, second = await udp.ask(ask), await udp.ask(ask)
    assert first == second, "same To-tag although nothing was kept"
    assert len(edge.door.got) == 2


async def test_next_cseq_with_the_same_branch_is_a_new_request(edge: Edge, udp: RawUdp) -> None:
    ask = Ask(via="SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKsame", call_id="c")
    await udp.ask(ask)
    await udp.ask(replace(ask, cseq=2))
    assert len(edge.door.got) == 2


async def test_an_old_style_request_without_cookie_is_matched_too(edge: Edge, udp: RawUdp) -> None:
    ask = Ask(via="SIP/2.0/UDP 127.0.0.1;rport")
    first = await udp.ask(ask)
    assert await udp.ask(ask) == first
    assert len(edge.door.got) == 1


async def test_rport_and_received_name_the_source(edge: Edge, udp: RawUdp) -> None:
    reply = await udp.ask(Ask(via="SIP/2.0/UDP 10.1.2.3:9;rport;branch=z9hG4bKr"))
    via = reply.headers.get("via")
    assert f"rport={udp.address[1]}" in via
    assert "received=127.0.0.1" in via


async def test_without_rport_the_reply_goes_to_the_port_of_sent_by(edge: Edge, udp: RawUdp) -> None:
    async with RawUdp(*edge.udp) as other:
        udp.send(Ask(via=f"SIP/2.0/UDP 127.0.0.1:{other.address[1]};branch=z9hG4bKo"))
        assert (await other.reply()).status == 202
        assert await udp.quiet()


async def test_a_phone_behind_nat_without_rport_is_still_reached(edge: Edge, udp: RawUdp) -> None:
    assert (await udp.ask(Ask(via="SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bKn"))).status == 202


async def test_the_door_may_stay_silent(edge: Edge, udp: RawUdp) -> None:
    edge.door.reply = None
    udp.send(Ask())
    assert await udp.quiet()
    assert len(edge.door.got) == 1


async def test_keep_alive_is_answered_and_noise_ignored(edge: Edge, udp: RawUdp) -> None:
    for noise in (b"\0\0\0\0", b"jaK", b"\r\n", b"x" * 40, b"\xff" * 900):
        udp.send(noise)
    assert await udp.quiet()
    udp.send(b"\r\n\r\n")
    assert await udp.octets() == b"\r\n"


async def test_short_body_is_400_and_octets_behind_the_length_are_ignored(edge: Edge, udp: RawUdp) -> None:
    octets = Ask(body="hello").octets()
    udp.send(octets[:-1])
    assert (await udp.reply()).status == 400
    udp.send(octets + b"\r\nmore")
    assert (await udp.reply()).status == 202
    assert edge.door.got[0].read.request.body == b"hello"


async def test_other_methods(edge: Edge, udp: RawUdp) -> None:
    options = await udp.ask(Ask("OPTIONS", uri="sip:sms.test", body=""))
    assert options.status == 200
    assert options.headers.get("allow") == "MESSAGE, OPTIONS"
    assert options.headers.get("accept").startswith("text/plain, message/cpim, ")
    invite = await udp.ask(Ask("INVITE"))
    assert (invite.status, invite.headers.get("allow")) == (405, "MESSAGE, OPTIONS")
    udp.send(Ask("ACK"))
    assert await udp.quiet()
    assert (await udp.ask(Ask("CANCEL", body=""))).status == 481


async def test_what_the_rules_refuse_never_reaches_the_door(edge: Edge, udp: RawUdp) -> None:
    assert (await udp.ask(Ask(uri="mailto:a@b.test", to="<sip:a@b>"))).status == 416
    bad = await udp.ask(Ask(headers=("Require: nonsense",)))
    assert (bad.status, bad.headers.get("unsupported")) == (420, "nonsense")
    assert edge.door.got == []


async def test_a_failing_door_is_500_and_the_next_request_works(edge: Edge, udp: RawUdp) -> None:
    edge.door.error = RuntimeError("boom")
    assert (await udp.ask(Ask())).status == 500
    edge.door.error = None
    assert (await udp.ask(Ask())).status == 202


async def test_a_slow_door_is_503_with_retry_after_and_stays_so() -> None:
    endpoint, door = make_endpoint(deadline=0.3), Door()
    endpoint.handle("MESSAGE", door.serve)
    [bound] = await endpoint.start([Listen("udp", "127.0.0.1", 0)])
    door.gate.clear()
    async with RawUdp(bound.host, bound.port) as peer:
        ask = Ask()
        first = await peer.ask(ask)
        assert (first.status, first.headers.get("retry-after")) == (503, "5")
        door.gate.set()
        assert await peer.ask(ask) == first
        await until(lambda: door.cancelled)
        assert len(door.got) == 1
    await endpoint.close(0)


async def test_closing_lets_the_door_finish_and_refuses_the_rest(edge: Edge, udp: RawUdp) -> None:
    edge.door.gate.clear()
    udp.send(Ask(call_id="early"))
    await until(lambda: edge.door.got)
    closing = asyncio.create_task(edge.endpoint.close(5))
    await asyncio.sleep(0)
    late = await udp.ask(Ask())
    assert late.status == 503
    edge.door.gate.set()
    early = await udp.reply()
    assert (early.status, early.headers.get("call-id")) == (202, "early")
    await closing


async def test_a_taken_port_is_an_error_and_nothing_stays_open(edge: Edge) -> None:
    other = make_endpoint()
    with pytest.raises(OSError, match="in use"):
        await other.start([Listen("tcp", "127.0.0.1", 0), Listen("tcp", *edge.tcp)])


# --- in over TCP ----------------------------------------------------------------------------------------------


async def test_split_and_pipelined_requests(edge: Edge, tcp: RawTcp) -> None:
    asks = [Ask(call_id=f"p{number}", body="x" * number) for number in range(5)]
    stream = b"\r\n".join(ask.octets("TCP") for ask in asks)
    for octet in stream[:700]:
        tcp.send(bytes([octet]))
    await tcp.writer.drain()
    tcp.send(stream[700:])
    replies = [await tcp.reply() for _ in asks]
    assert sorted(reply.headers.get("call-id") for reply in replies) == [ask.call_id for ask in asks]
    assert {reply.status for reply in replies} == {202}


async def test_ping_gets_pong(tcp: RawTcp) -> None:
    tcp.send(b"\r\n\r\n")
    assert await tcp.reader.readexactly(2) == b"\r\n"


@pytest.mark.parametrize(
    "length", [b"", b"Content-Length: -1\r\n", b"Content-Length: 5\r\nContent-Length: 7\r\n"]
)
async def test_unusable_length_is_400_and_the_end(edge: Edge, tcp: RawTcp, length: bytes) -> None:
    tcp.send(Ask(body="hello").octets("TCP").replace(b"Content-Length: 5\r\n", length))
    assert (await tcp.reply()).status == 400
    assert await tcp.closed()
    assert edge.door.got == []


async def test_garbage_ends_the_connection(tcp: RawTcp) -> None:
    tcp.send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert await tcp.closed()


async def test_spaces_before_the_colon(edge: Edge, tcp: RawTcp) -> None:
    tcp.send(Ask(body="hello").octets("TCP").replace(b"Content-Length: 5", b"Content-Length  : 5"))
    assert (await tcp.reply()).status == 202


async def test_deadlines_of_connections(edge: Edge, tcp: RawTcp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "PARTIAL_DEADLINE", 0.3)
    async with RawTcp(*edge.tcp) as silent:
        tcp.send(Ask().octets("TCP")[:50])
        assert await tcp.closed()
        monkeypatch.setattr(flows, "UNPROVEN_IDLE", 0.1)
        assert await silent.closed()


async def test_connections_are_limited_per_host(
    edge: Edge, tcp: RawTcp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tcp.ask(Ask())
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_SITE", 1)
    async with RawTcp(*edge.tcp) as second:
        assert await second.closed()
    assert (await tcp.ask(Ask())).status == 202, "whoever was there stays served"


async def test_a_lost_connection_is_reported(edge: Edge) -> None:
    lost: list[str] = []
    edge.endpoint.on_flow_lost(lost.append)
    async with RawTcp(*edge.tcp) as phone:
        await phone.ask(Ask())
        flow = edge.door.got[0].flow
        assert edge.endpoint.flow_alive(flow)
    await until(lambda: lost)
    assert lost == [flow]
    assert not edge.endpoint.flow_alive(flow)


# --- out ------------------------------------------------------------------------------------------------------


def outgoing(target: Target, body: bytes = b"hi", timeout: float = 5) -> Outgoing:
    return Outgoing(
        "MESSAGE",
        "sip:101@phone",
        "<sip:+48601123456@sms.test>;tag=1",
        "<sip:101@sms.test>",
        "out-1",
        7,
        target,
        (("content-type", "text/plain;charset=UTF-8"),),
        body,
        timeout,
    )


async def test_out_over_udp_is_repeated_until_answered(edge: Edge, udp: RawUdp) -> None:
    sending = asyncio.create_task(edge.endpoint.send(outgoing(Target("udp", *udp.address))))
    first = await udp.request()
    assert (first.uri, first.body, first.headers.get("cseq")) == ("sip:101@phone", b"hi", "7 MESSAGE")
    assert first.headers.get("content-type") == "text/plain;charset=UTF-8"
    assert first.headers.get("via").startswith(f"SIP/2.0/UDP 127.0.0.1:{edge.udp[1]};rport;branch=z9hG4bK")
    assert await udp.request() == first, "Timer E"
    udp.send(ok_to(first, 100))
    udp.send(ok_to(first, 486, "Busy"))
    result = await sending
    assert (result.ending, result.status, result.reason) == (Ending.ANSWERED, 486, "Busy")
    udp.send(ok_to(first))
    assert await udp.quiet(), "a late reply is dropped"


async def test_out_times_out(edge: Edge, udp: RawUdp) -> None:
    result = await edge.endpoint.send(outgoing(Target("udp", *udp.address), timeout=0.2))
    assert result.ending is Ending.TIMEOUT


async def test_a_reply_with_another_branch_is_not_ours(edge: Edge, udp: RawUdp) -> None:
    sending = asyncio.create_task(edge.endpoint.send(outgoing(Target("udp", *udp.address), timeout=0.4)))
    request = await udp.request()
    forged = ok_to(request).encode().replace(b"branch=z9hG4bK", b"branch=z9hG4bKf")
    udp.send(forged)
    assert (await sending).ending is Ending.TIMEOUT


async def test_a_large_request_never_leaves_over_udp(edge: Edge, udp: RawUdp) -> None:
    result = await edge.endpoint.send(outgoing(Target("udp", *udp.address), b"x" * 1200))
    assert result.ending is Ending.TOO_LARGE
    assert await udp.quiet()


async def test_out_over_the_phone_s_own_connection(edge: Edge, tcp: RawTcp) -> None:
    await tcp.ask(Ask())
    target = Target("tcp", "127.0.0.1", 1, edge.door.got[0].flow)
    sending = asyncio.create_task(edge.endpoint.send(outgoing(target, b"x" * 5000)))
    request = await tcp.request()
    assert "SIP/2.0/TCP" in request.headers.get("via")
    tcp.send(ok_to(request))
    assert (await sending).status == 200


async def test_a_connection_lost_while_waiting_ends_it_at_once(edge: Edge) -> None:
    async with RawTcp(*edge.tcp) as phone:
        await phone.ask(Ask())
        target = Target("tcp", "127.0.0.1", 1, edge.door.got[0].flow)
        sending = asyncio.create_task(edge.endpoint.send(outgoing(target)))
        await phone.request()
    assert (await sending).ending is Ending.UNREACHABLE
    assert (await edge.endpoint.send(outgoing(target))).ending is Ending.UNREACHABLE


async def test_out_over_a_new_connection_that_is_used_again(edge: Edge) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        peer = RawTcp("", 0)
        peer.reader, peer.writer = reader, writer
        try:
            while True:
                request = await peer.get()
                assert isinstance(request, Request)
                peer.send(ok_to(request, 202))
        except AssertionError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    target = Target("tcp", *server.sockets[0].getsockname()[:2])
    assert (await edge.endpoint.send(outgoing(target))).status == 202
    assert (await edge.endpoint.send(outgoing(target))).status == 202
    assert connections == 1
    server.close()
    assert (await edge.endpoint.send(outgoing(Target("tcp", "127.0.0.1", 1)))).ending is Ending.UNREACHABLE


async def test_keep_alive_reaches_the_phone(edge: Edge, udp: RawUdp, tcp: RawTcp) -> None:
    edge.endpoint.keep_alive(Target("udp", *udp.address))
    assert await udp.octets() == b"\r\n\r\n"
    await tcp.ask(Ask())
    edge.endpoint.keep_alive(Target("tcp", "127.0.0.1", 1, edge.door.got[0].flow))
    assert await tcp.reader.readexactly(4) == b"\r\n\r\n"


def test_the_same_on_uvloop() -> None:
    async def story() -> None:
        endpoint, door = make_endpoint(), Door()
        endpoint.handle("MESSAGE", door.serve)
        udp, tcp = await endpoint.start([Listen("udp", "localhost", 0), Listen("tcp", "localhost", 0)])
        async with RawUdp(udp.host, udp.port) as phone, RawTcp(tcp.host, tcp.port) as desk:
            assert (await phone.ask(Ask())).status == 202
            assert (await desk.ask(Ask())).status == 202
            for peer, incoming in zip((phone, desk), door.got, strict=True):
                target = Target(incoming.transport, *incoming.source, incoming.flow)
                sending = asyncio.create_task(endpoint.send(outgoing(target)))
                peer.send(ok_to(await peer.request()))
                assert (await sending).status == 200
        await endpoint.close(0)

    uvloop.run(story())
