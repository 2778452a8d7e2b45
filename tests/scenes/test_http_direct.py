"""Requests that are served past aiohttp: answered as aiohttp's, in order, in time, and never lost on the way."""

import asyncio
import re
from typing import Self

import pytest
from aiohttp import web

from support.waiting import eventually
from voip_sms.core.failures import Refusal
from voip_sms.net.http.addresses import read_listen
from voip_sms.net.http.direct import Direct, Reply
from voip_sms.net.http.server import HttpServer, body_of
from voip_sms.net.http.settings import HttpSettings

JSON = (("Content-Type", "application/json"), ("Server", "test"))


class Handler:
    """Echoes; by what the body says it refuses, breaks, or waits for `go`."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.direct: list[bytes] = []
        self.usual: list[bytes] = []

    async def directly(self, request: Direct) -> Reply:
        self.direct.append(request.body)
        return Reply(202, await self._echo(request.body), JSON)

    async def through_aiohttp(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        self.usual.append(body)
        return web.Response(status=202, body=await self._echo(body), headers=dict(JSON))

    async def _echo(self, body: bytes) -> bytes:
        if body == b"refuse":
            raise Refusal("rate_limited", "slow down", {"retry_after": 17})
        if body == b"break":
            raise RuntimeError("the password is hunter2")
        if body == b"wait":
            await self.go.wait()
        return b"<" + body + b">"


@pytest.fixture
async def handler():
    return Handler()


@pytest.fixture
async def server(handler: Handler):
    made = HttpServer(HttpSettings(listen="127.0.0.1:0", idle_timeout=0.5), drain=5.0)
    made.add("POST", "/echo", handler.through_aiohttp)
    made.add_direct("/echo", handler.directly, seconds=0.8)
    await made.start()
    yield made
    await made.stop()


class Client:
    def __init__(self, server: HttpServer) -> None:
        self._server = server

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection(*read_listen(self._server.address))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, *octets: bytes) -> None:
        self.writer.write(b"".join(octets))

    async def answer(self) -> tuple[int, bytes, bytes]:
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            assert length is not None
            return int(head.split()[1]), head, await self.reader.readexactly(int(length[1]))


def request(body: bytes, *more: bytes) -> bytes:
    lines = [b"POST /echo HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(body), *more, b"", body]
    return b"\r\n".join(lines)


@pytest.mark.parametrize("body", [b"hello", b"", b"refuse", b"break"])
async def test_both_ways_give_the_same_answer(server, handler: Handler, body: bytes) -> None:
    async with Client(server) as one, Client(server) as other:
        one.send(request(body))
        other.send(request(body, b"Transfer-Encoding-Not: x", b"X-Twice: 1", b"X-Twice: 2"))
        direct, usual = await one.answer(), await other.answer()
    assert (len(handler.direct), len(handler.usual)) == (1, 1)
    assert direct[0] == usual[0]
    assert direct[2] == usual[2]
    assert b"hunter2" not in direct[2]

    def fields(head: bytes) -> list[bytes]:
        return sorted(line for line in head.split(b"\r\n") if not line.startswith(b"Date:"))

    assert fields(direct[1]) == fields(usual[1])


async def test_one_connection_serves_many_and_is_hung_up_on_when_idle(server, handler: Handler) -> None:
    async with Client(server) as client:
        for n in range(3):
            client.send(request(b"%d" % n))
            assert (await client.answer())[2] == b"<%d>" % n
        assert handler.usual == []
        async with asyncio.timeout(5):
            assert await client.reader.read() == b""


async def test_requests_that_do_not_wait_for_answers_are_answered_in_order(server, handler: Handler) -> None:
    async with Client(server) as client:
        client.send(request(b"wait"))
        await eventually(lambda: bool(handler.direct))
        client.send(request(b"second"), request(b"third"))
        await asyncio.sleep(0.05)
        assert handler.usual == []
        handler.go.set()
        assert [(await client.answer())[2] for _ in range(3)] == [b"<wait>", b"<second>", b"<third>"]


async def test_a_request_in_pieces_is_read_by_aiohttp_and_so_is_what_follows(
    server, handler: Handler
) -> None:
    async with Client(server) as client:
        whole = request(b"hello")
        client.send(whole[:-2])
        await asyncio.sleep(0.05)
        client.send(whole[-2:])
        assert (await client.answer())[2] == b"<hello>"
        client.send(request(b"next"))
        assert (await client.answer())[2] == b"<next>"
    assert handler.direct == []


async def test_who_takes_too_long_is_503_and_idleness_is_not_counted_meanwhile(
    server, handler: Handler
) -> None:
    async with Client(server) as client:
        client.send(request(b"wait"))  # 0.8 s, beyond the 0.5 of an idle connection
        status, head, _ = await client.answer()
        assert status == 503
        assert b"Retry-After" in head
        client.send(request(b"next"))
        assert (await client.answer())[2] == b"<next>"


async def test_stop_waits_for_what_is_served_and_its_answer_arrives(server, handler: Handler) -> None:
    async with Client(server) as client:
        client.send(request(b"wait"))
        await eventually(lambda: bool(handler.direct))
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0.05)
        assert not stopping.done()
        handler.go.set()
        assert (await client.answer())[0] == 202
        await stopping


async def test_a_client_that_goes_away_leaves_its_request_running(server, handler: Handler) -> None:
    async with Client(server) as client:
        client.send(request(b"wait"))
        await eventually(lambda: bool(handler.direct))
    handler.go.set()
    async with Client(server) as client:
        client.send(request(b"next"))
        assert (await client.answer())[2] == b"<next>"


async def test_a_client_that_reads_no_answers_is_not_served_for_ever(server, handler: Handler) -> None:
    async with Client(server) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(2000):
            client.send(request(b"x" * 10_000))
        await eventually(
            lambda: bool(handler.usual)
        )  # its answers wait: aiohttp goes on only when they are gone
