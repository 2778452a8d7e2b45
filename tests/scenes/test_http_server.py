"""The shared listener: its bounds, its errors, its end."""

import asyncio
import io
import time

import aiohttp
import pytest
import uvloop
from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.net.http.addresses import read_listen, show_listen
from voip_sms.net.http.server import BODY_MOST, HttpServer, body_of
from voip_sms.net.http.settings import HttpSettings


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await body_of(request))


async def broken(_request: web.Request) -> web.Response:
    raise RuntimeError("the password is hunter2")


async def refusing(_request: web.Request) -> web.Response:
    raise Refusal("rate_limited", "slow down", {"retry_after": 17})


@pytest.fixture
async def server():
    made = HttpServer(HttpSettings(listen="127.0.0.1:0", idle_timeout=0.5, max_connections=5), drain=1.0)
    made.add("POST", "/echo", echo)
    made.add("GET", "/broken", broken)
    made.add("GET", "/refusing", refusing)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as made:
        yield made


async def raw(address: str, octets: bytes) -> bytes:
    """What the server says to these octets until it closes."""
    reader, writer = await asyncio.open_connection(*read_listen(address))
    writer.write(octets)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def test_an_unexpected_fault_is_a_500_that_tells_nothing(server, session) -> None:
    async with session.get(f"http://{server.address}/broken") as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["status"], problem["code"]) == (500, 500, "internal_server_error")
    assert "hunter2" not in str(problem)
    assert "Traceback" not in str(problem)
    assert response.headers["Server"] == "voip-sms"


async def test_a_refusal_is_a_problem_with_its_status_and_when_to_come_back(server, session) -> None:
    async with session.get(f"http://{server.address}/refusing") as response:
        problem = await response.json(content_type="application/problem+json")
    assert response.status == 429
    assert response.headers["Retry-After"] == "17"
    assert problem["code"] == "rate_limited"
    assert problem["detail"] == "slow down"


async def test_unknown_paths_and_methods_are_problems(server, session) -> None:
    async with session.get(f"http://{server.address}/nowhere") as response:
        assert response.status == 404
        assert (await response.json(content_type=None))["code"] == "not_found"
    async with session.delete(f"http://{server.address}/echo") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
        assert (await response.json(content_type=None))["code"] == "method_not_allowed"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_bound_is_413_and_one_at_the_bound_passes(server, session, announced) -> None:
    async def send(size: int) -> int:
        async def pieces():
            for _ in range(size // 1024):
                yield b"x" * 1024
            yield b"x" * (size % 1024)

        data = io.BytesIO(b"x" * size) if announced else pieces()
        async with session.post(f"http://{server.address}/echo", data=data) as response:
            return response.status

    assert await send(BODY_MOST) == 200
    assert await send(BODY_MOST + 1) == 413


async def test_what_is_not_http_gets_a_400_in_our_words(server) -> None:
    said = await raw(server.address, b"\x16\x03\x01<script>alert(1)</script>\r\n\r\n")
    assert said.startswith(b"HTTP/1.")
    assert b" 400 " in said.partition(b"\r\n")[0]
    assert b"script" not in said
    assert b'"code":"malformed"' in said
    said = await raw(server.address, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n")
    assert b" 400 " in said.partition(b"\r\n")[0]
    head = b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n"
    assert b" 400 " in (await raw(server.address, head)).partition(b"\r\n")[0]


async def test_who_says_nothing_or_trickles_a_head_is_hung_up_on(server) -> None:
    began = time.monotonic()
    assert await raw(server.address, b"") == b""
    assert await raw(server.address, b"POST /echo HTTP/1.1\r\nHost: x\r\n") == b""
    assert time.monotonic() - began < 5


async def test_a_body_that_never_ends_is_408_and_the_line_is_closed(server, monkeypatch) -> None:
    monkeypatch.setattr("voip_sms.net.http.server.BODY_SECONDS", 0.2)
    said = await raw(server.address, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert b" 408 " in said.partition(b"\r\n")[0]


async def test_a_wrongly_coded_body_is_400(server, session) -> None:
    headers = {"Content-Encoding": "gzip"}
    async with session.post(f"http://{server.address}/echo", data=b"no gzip", headers=headers) as response:
        assert response.status == 400


async def test_one_connection_too_many_is_told_so(server) -> None:
    host, port = read_listen(server.address)
    held = [await asyncio.open_connection(host, port) for _ in range(5)]
    said = await raw(server.address, b"")
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 5" in said
    for _, writer in held:
        writer.close()


async def test_stop_waits_for_the_request_at_work_and_takes_no_more(session) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        begun.set()
        await go.wait()
        return web.Response(text="done")

    server = HttpServer(HttpSettings(listen="127.0.0.1:0"), drain=5.0)
    server.add("GET", "/slow", slow)
    address = await server.start()
    asking = asyncio.create_task(_text(session, f"http://{address}/slow"))
    await asyncio.wait_for(begun.wait(), 5)
    stopping = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    with pytest.raises(OSError):
        await asyncio.open_connection(*read_listen(address))
    go.set()
    assert await asking == "done"
    await asyncio.wait_for(stopping, 5)


async def _text(session, url) -> str:
    async with session.get(url) as response:
        return await response.text()


async def test_a_port_in_use_is_an_oserror_for_the_second(server) -> None:
    second = HttpServer(HttpSettings(listen=server.address))
    with pytest.raises(OSError):
        await second.start()


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:0", "localhost:80"])
def test_listen_addresses_read_as_they_are_shown(text) -> None:
    assert show_listen(*read_listen(text)) == text


@pytest.mark.parametrize("text", ["8080", ":80", "::1:80", "127.0.0.1:", "127.0.0.1:70000", "a:٣", "[]:1"])
def test_other_listen_addresses_are_errors_that_say_what_to_write(text) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:8080"):
        HttpSettings(listen=text)


def test_the_loop_of_the_service_serves_and_refuses_alike() -> None:
    """The service runs on uvloop, whose transports are not asyncio's classes."""

    async def story() -> tuple[str, bytes]:
        server = HttpServer(HttpSettings(listen="127.0.0.1:0", max_connections=1), drain=1.0)
        server.add("POST", "/echo", echo)
        await server.start()
        async with aiohttp.ClientSession() as session:
            async with session.post(f"http://{server.address}/echo", data=b"hello") as response:
                said = await response.text()
            full = await raw(server.address, b"")
        await server.stop()
        return said, full

    said, full = uvloop.run(story())
    assert said == "hello"
    assert full.startswith(b"HTTP/1.1 503 ")
