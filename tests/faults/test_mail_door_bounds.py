"""The mail door with clients that are too many, too slow, too big or in the way of a stop."""

import asyncio
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from support.mail_door import ADDRESS, Hosted, SmtpClient, hosted
from support.tls import Authority
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.demo.clients import until
from voip_sms.doors.mail import conversation

MEBI = 1_048_576


@pytest.fixture
async def host() -> AsyncIterator[Hosted]:
    async with hosted({"max_connections": 5, "max_per_address": 4, "idle_timeout": 0.5}) as running:
        yield running


async def test_a_flood_of_connections_is_told_to_come_again_and_others_are_served(host: Hosted) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(host.client()) for _ in range(20)]
        said = [(await client.reply())[0][:9] for client in clients]
        assert said == ["220 sms.t"] * 4 + ["421-4.7.0"] * 16
    async with asyncio.timeout(5):
        while True:
            async with host.client() as client:
                if (await client.reply())[0].startswith("220"):
                    break


async def test_who_only_connects_to_tls_counts_and_leaves_nothing_behind(tmp_path: Path) -> None:
    certified = Authority(tmp_path).issue()
    settings = {"listen": "", "tls_listen": "127.0.0.1:0", "max_per_address": 4}
    settings |= {"tls_cert": str(certified.cert), "tls_key": str(certified.key)}
    async with hosted(settings) as host:

        async def connected() -> int:
            return host.door.connected

        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(host.client()) for _ in range(5)]
            assert await clients[4].reader.read() == b"", "one too many"
            assert await connected() == 4
            clients[0].send(b"EHLO c.test\r\n")
            assert b"250" not in await clients[0].reader.read(), "no word in the clear"
            await until(lambda: _is(connected, 3), "plain text kept its place")
        await until(lambda: _is(connected, 0), "a place is never free again")
        async with asyncio.timeout(10):
            context = Authority(tmp_path).client()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            for _ in range(6):
                reader, writer = await asyncio.open_connection(*host.at, ssl=context)
                assert (await reader.readline()).startswith(b"220 ")
                writer.write(b"QUIT\r\n")
                assert (await reader.readline()).startswith(b"221 ")
                writer.close()
                await until(lambda: _is(connected, 0), "it stayed")


async def _is(count: Callable[[], Awaitable[int]], wanted: int) -> bool:
    return await count() == wanted


async def test_a_silent_client_is_told_and_dropped(host: Hosted) -> None:
    async with host.client() as client:
        assert (await client.reply())[0].startswith("220")
        assert (await client.reply())[0].startswith("421-4.4.2")
        assert await client.reply() == []


async def test_one_that_trickles_a_command_is_dropped_too(host: Hosted) -> None:
    async with host.client() as client:
        await client.reply()
        for _ in range(200):
            client.send(b"N")
            await asyncio.sleep(0.02)
            if host.door.connected == 0:
                break
        else:
            pytest.fail("as long as it trickles, it stays")
        assert (await client.reply())[0].startswith("421-4.4.2")


async def test_one_that_never_reads_its_replies_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "FLUSH_SECONDS", 0.3)
    async with hosted({"idle_timeout": 0.5}) as host, host.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        sock = client.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sending = asyncio.create_task(_chatter(client))

        async def gone() -> bool:
            return host.door.connected == 0 and sending.done()

        await until(gone, "it still hangs on", 20)


async def _chatter(client: SmtpClient) -> None:
    with suppress(ConnectionError):
        for _ in range(100_000):
            client.send(b"HELP\r\n" * 100)
            await client.writer.drain()


async def test_trouble_is_temporary_and_the_next_mail_is_taken() -> None:
    async with hosted() as host, host.client() as client:
        assert (await client.reply())[0].startswith("220")
        await client.say("EHLO c.test")
        said = []
        for trouble in (StoreUnavailableError(), ZeroDivisionError(), None):
            host.engine.trouble = trouble
            for line in ("MAIL FROM:<x@y.test>", "RCPT TO:<601123456@sms.test>", "DATA"):
                assert (await client.say(line))[-1][:3] in ("250", "354")
            client.send(b"Subject: proven\r\n\r\ntext\r\n.\r\n")
            said.append((await client.reply())[0][:9])
        assert said == ["451-4.3.0", "451-4.3.0", "250 2.0.0"]
        assert len(host.engine.letters) == 1


async def test_fifty_megabytes_are_refused_in_bounded_memory() -> None:
    async with hosted({"size": 10 * MEBI}) as host, host.client() as client:
        await client.envelope("601123456")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        line = b"x" * 998 + b"\r\n"
        for _ in range(50):
            client.send(line * 1000)
            await client.writer.drain()
        client.send(b".\r\n")
        assert (await client.reply(30))[0].startswith("552 5.3.4")
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        assert grown < 40, f"{grown:.0f} MiB for a mail that is not taken"
        assert (await client.say("NOOP"))[0].startswith("250")


async def test_a_mail_that_is_being_taken_is_answered_before_the_door_closes() -> None:
    async with hosted(stop=False) as host, host.client() as idle, host.client() as client:
        assert (await idle.reply())[0].startswith("220")
        host.engine.go_on.clear()
        await client.envelope("601123456")
        client.send(b"Subject: proven\r\n\r\ntext\r\n.\r\n")
        await host.engine.busy.wait()
        stopping = asyncio.create_task(host.door.stop(10))
        assert (await idle.reply())[0].startswith("421-4.3.2")
        assert not stopping.done()
        host.engine.go_on.set()
        assert (await client.reply())[0].startswith("250 2.0.0")
        await stopping
        assert (await client.reply())[0].startswith("421-4.3.2")
        assert host.engine.letters[0].sender.address == ADDRESS
        with pytest.raises(OSError):
            await asyncio.open_connection(*host.at)


async def test_a_client_that_goes_away_leaves_nothing_behind() -> None:
    async with hosted() as host:
        for octets in (
            b"",
            b"EHLO c",
            b"EHLO c\r\nMAIL FROM:<x@y.test>\r\nRCPT TO:<601123456@sms.test>\r\nDATA\r\nSub",
        ):
            async with host.client() as client:
                client.send(octets)
                await client.reply()

        async def gone() -> bool:
            return host.door.connected == 0

        await until(gone, "a connection stayed")
        assert host.engine.letters == []
