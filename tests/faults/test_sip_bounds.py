"""Hostile peers at the SIP edge: slow, silent, deaf, many and loud; and phones that notice nothing of it."""

import asyncio
import itertools
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.junk_load import junk
from support.fakes import FakeClock
from support.sip_raw import Ask, RawTcp, RawUdp
from support.sip_service import Service, registration, signed
from support.tls import Authority
from voip_sms.app import files
from voip_sms.net.sip import connections, flows, strangers
from voip_sms.wire.sip.messages import Response, parse_datagram

MANY = 10_000
SPARE_FILES = 1500
"""Of this process, for what tests leave open and the service's own sockets."""
OPTIONS = Ask("OPTIONS", body="")


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    running = await Service(clock).start()
    yield running
    await running.stop()


@pytest.fixture
async def secure(clock: FakeClock, tmp_path: Path) -> AsyncIterator[Service]:
    running = await Service(clock, tls="127.0.0.1:0", **Authority(tmp_path).issue().settings()).start()
    yield running
    await running.stop()


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def timely(phone: RawUdp | RawTcp) -> None:
    """The phone sends, and is served as if it were alone."""
    began = time.monotonic()
    assert (await signed(phone, Ask())).status == 202
    assert time.monotonic() - began < 1


# --- slow ----------------------------------------------------------------------------------------------------


async def test_a_message_octet_by_octet_ends_at_its_deadline(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "PARTIAL_DEADLINE", 0.7)
    octets = Ask().octets("TCP")
    async with RawTcp(*service.tcp) as phone:
        await signed(phone, registration())
        lorises = [await asyncio.open_connection(*service.tcp) for _ in range(100)]
        async with asyncio.timeout(5):
            for octet in octets:
                if all(writer.is_closing() or reader.at_eof() for reader, writer in lorises):
                    break
                for _, writer in lorises:
                    writer.write(bytes([octet]))
                await asyncio.sleep(0.05)
            else:
                pytest.fail("they were waited for to the end")
        assert len(octets) > 100, "there was more to come"
        await timely(phone)
        for _, writer in lorises:
            writer.close()


async def test_much_of_a_message_is_kept_only_for_who_is_known(service: Service) -> None:
    text = "x" * 60_000
    async with RawTcp(*service.tcp) as phone, RawTcp(*service.tcp) as stranger:
        await signed(phone, registration())
        for peer in (phone, stranger):
            peer.send(Ask(body=text).octets("TCP")[:-1])
        assert await stranger.closed()
        phone.send(text[-1:].encode())
        assert (await phone.reply()).status == 401, "the whole message was read"


async def test_keep_alives_alone_keep_no_stranger(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "UNPROVEN_IDLE", 0.5)
    async with RawTcp(*service.tcp) as phone, RawTcp(*service.tcp) as stranger:
        await signed(phone, registration())

        async def pings(peer: RawTcp, count: int) -> None:
            for _ in range(count):
                peer.send(b"\r\n\r\n")
                await asyncio.wait_for(peer.reader.readexactly(2), 2)
                await asyncio.sleep(0.1)

        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await pings(stranger, 50)
        await pings(phone, 3)
        await timely(phone)


# --- silent and many ------------------------------------------------------------------------------------------


def _room() -> int:
    """Half-open connections that one process can hold together with the service."""
    most = files.raise_limit() - SPARE_FILES - connections.MAX_CONNECTIONS
    if most < MANY // 10:
        pytest.skip("too few open files for any flood; `ulimit -n 20000` is enough")
    if most < MANY:
        print(f"note: {most} instead of {MANY} half-open connections: `ulimit -n` gives no more")
    return min(most, MANY)


async def _half_open(stack: ExitStack, address: tuple[str, int], count: int) -> None:
    """Connections from thirty addresses that never send anything."""
    loop = asyncio.get_running_loop()
    sources = itertools.cycle(range(2, 32))

    async def connect() -> None:
        peer = stack.enter_context(socket.socket())
        peer.setblocking(False)
        peer.bind((f"127.0.9.{next(sources)}", 0))
        await loop.sock_connect(peer, address)

    for start in range(0, count, 500):
        await asyncio.gather(*(connect() for _ in range(min(500, count - start))))


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_ten_thousand_half_open_connections(secure: Service, transport: str) -> None:
    """Those who are known stay, those who aren't make room for others, and everybody is served."""
    with ExitStack() as stack:
        async with RawTcp(*secure.tcp) as phone, asyncio.timeout(60):
            await signed(phone, registration())
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await _half_open(stack, dict(secure.bound)[transport], count := _room())
            stats = secure.endpoint.stats
            await until(lambda: stats["flow_evicted"] >= count - connections.MAX_CONNECTIONS, 30)
            assert len(secure.endpoint._connections._flows) == connections.MAX_CONNECTIONS
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            assert grown < 250, f"{grown:.0f} MB, both ends"
            await timely(phone)
            async with RawTcp(*secure.tcp) as late:
                await timely(late)


async def test_one_address_gets_no_more_than_its_share(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_SITE", 20)
    with ExitStack() as stack:
        async with RawTcp(*service.tcp) as phone:
            await signed(phone, registration())
            await _half_open(stack, service.tcp, 30 * 25)
            await until(lambda: service.endpoint.stats["flow_refused"] == 30 * 5)
            await timely(phone)
            async with RawTcp(*service.tcp) as another:
                await timely(another)


# --- deaf -----------------------------------------------------------------------------------------------------


async def test_a_peer_that_does_not_read_is_cut_off(service: Service) -> None:
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(service.tcp)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        async with RawTcp(*service.tcp) as phone:
            await signed(phone, registration())
            octets = b"".join(Ask("OPTIONS", body="").octets("TCP") for _ in range(200))

            async def shout() -> None:
                while True:
                    await loop.sock_sendall(deaf, octets)

            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                await asyncio.wait_for(shout(), 20)
            await until(lambda: len(service.endpoint._connections._flows) == 1)
            await timely(phone)


# --- loud -----------------------------------------------------------------------------------------------------


async def test_many_messages_at_once_leave_the_others_their_turn(service: Service) -> None:
    async with RawTcp(*service.tcp) as loud, RawTcp(*service.tcp) as phone:
        await phone.ask(Ask("OPTIONS", body=""))
        loud.send(b"".join(Ask("OPTIONS", body="").octets("TCP") for _ in range(600)))
        assert (await phone.ask(Ask("OPTIONS", body=""))).status == 200
        assert service.endpoint.stats["reply_200"] < 500, "it did not wait for all of them"
        for _ in range(600):
            assert (await loud.reply()).status == 200


class _At:
    """A blocking UDP socket at some address of loopback."""

    def __init__(self, host: str, to: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._to = to

    def send(self, octets: bytes) -> None:
        self._socket.sendto(octets, self._to)

    async def reply(self, seconds: float = 0.3) -> Response | None:
        loop = asyncio.get_running_loop()
        try:
            octets = await asyncio.wait_for(loop.sock_recv(self._socket, 65536), seconds)
        except TimeoutError:
            return None
        message = parse_datagram(octets)
        assert isinstance(message, Response)
        return message

    async def replies(self) -> int:
        count = 0
        while await self.reply() is not None:
            count += 1
        return count

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize(
    "junk",
    [
        Ask("REGISTER", "sip:sms.test", "", "<sip:1000@sms.test>;tag=1").octets(),
        Ask("OPTIONS", "sip:100@1.1.1.1", "", "<sip:sipvicious@1.1.1.1>;tag=1").octets(),
        Ask("INVITE", "sip:9011972@1.1.1.1", "", "<sip:100@1.1.1.1>;tag=1").octets(),
        b"\x00\x01\x02 garbage that is no SIP at all\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\nCSeq: 1 OPTIONS\r\n\r\n",
    ],
    ids=["register", "options", "invite", "garbage", "reply"],
)
async def test_whoever_only_makes_work_is_not_heard_for_a_while(
    service: Service, monkeypatch: pytest.MonkeyPatch, junk: bytes
) -> None:
    monkeypatch.setattr(strangers, "BURST", 20.0)
    monkeypatch.setattr(strangers, "RATE", 1.0)
    monkeypatch.setattr(strangers, "SHUNNED", 1.0)
    scanner, neighbour = _At("127.0.9.1", service.udp), _At("127.0.9.2", service.udp)
    for _ in range(100):
        scanner.send(junk)
    assert await scanner.replies() <= 21
    assert service.endpoint.stats["shunned"] >= 70
    neighbour.send(OPTIONS.octets())
    assert (await neighbour.reply(2)) is not None, "others are heard"
    await asyncio.sleep(0.8)
    scanner.send(OPTIONS.octets())
    assert (await scanner.reply(2)) is not None, "and so is whoever comes later from that address"
    scanner.close()
    neighbour.close()


async def test_a_phone_beside_scanners_of_every_kind(service: Service) -> None:
    """A thousand datagrams of fifty addresses, none of which is too loud by itself."""
    scanners = [_At(f"127.0.16.{number}", service.udp) for number in range(1, 51)]
    async with RawUdp(*service.udp) as phone:
        await signed(phone, registration())
        for turn in range(20):
            for number, scanner in enumerate(scanners):
                scanner.send(junk(1000 * turn + number))
            await timely(phone)
    assert service.endpoint.stats["requests"] > 800
    assert len(service.engine.submissions) == 20
    for scanner in scanners:
        scanner.close()


async def test_where_a_phone_is_registered_everybody_is_heard(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "BURST", 20.0)
    monkeypatch.setattr(strangers, "RATE", 1.0)
    async with RawUdp(*service.udp) as phone, RawUdp(*service.udp) as scanner:
        await signed(phone, registration())
        for number in range(200):
            scanner.send(Ask("REGISTER", "sip:sms.test", "", f"<sip:{number}@sms.test>;tag=1"))
        await timely(phone)
        assert service.endpoint.stats["shunned"] == 0


async def test_a_program_that_sends_without_registering_is_somebody_we_know(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is challenged each time, and its first attempt comes to nothing each time."""
    monkeypatch.setattr(strangers, "BURST", 20.0)
    monkeypatch.setattr(strangers, "RATE", 1.0)
    async with RawUdp(*service.udp) as program:
        for _ in range(60):
            assert (await signed(program, Ask())).status == 202


async def test_an_office_of_phones_fits_behind_one_address(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_SITE", 3)
    phones = [RawTcp(*service.tcp) for _ in range(12)]
    for phone in phones:
        await phone.__aenter__()
        await timely(phone)
    for phone in phones:
        await timely(phone)
        await phone.__aexit__()


async def test_a_trusted_peer_is_always_heard(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "BURST", 5.0)
    service = await Service(clock, trusted_peers=["127.0.0.0/8"]).start()
    async with RawUdp(*service.udp) as proxy:
        for _ in range(50):
            assert (await proxy.ask(Ask("OPTIONS", body=""))).status == 200
    await service.stop()


async def test_a_shunned_address_is_not_heard_over_tcp_either(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "BURST", 20.0)
    monkeypatch.setattr(strangers, "RATE", 1.0)
    async with RawTcp(*service.tcp) as scanner:
        for _ in range(100):
            scanner.send(Ask("OPTIONS", body=""))
        assert await asyncio.wait_for(_to_the_end(scanner), 5) <= 21
    with pytest.raises((ConnectionError, AssertionError)):
        async with RawTcp(*service.tcp) as again:
            await again.ask(OPTIONS)


async def test_connections_that_come_and_go_are_not_taken_for_ever(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would cost a handshake."""
    monkeypatch.setattr(strangers, "BURST", 20.0)
    monkeypatch.setattr(strangers, "RATE", 1.0)
    for _ in range(30):
        async with RawTcp(*service.tcp):
            pass
    await until(lambda: service.endpoint.stats["shunned"] > 5)
    assert len(service.endpoint._connections._flows) == 0


async def _to_the_end(peer: RawTcp) -> int:
    """How many replies came before the end."""
    octets = b""
    try:
        while data := await peer.reader.read(65536):
            octets += data
    except ConnectionError:
        pass
    return octets.count(b"SIP/2.0 200")


# --- guessing -------------------------------------------------------------------------------------------------


async def test_phones_notice_nothing_of_a_guesser_behind_their_nat(service: Service) -> None:
    """Three hundred wrong passwords for many users of the same address: slowed, the registered phone isn't."""
    async with RawUdp(*service.udp) as phone, RawUdp(*service.udp) as guesser:
        await signed(phone, registration())
        statuses = [
            (await signed(guesser, registration(str(number)), str(number), "wrong")).status
            for number in range(200, 400)
        ]
        assert set(statuses) == {401}
        assert (await guesser.ask(registration("500"))).status == 503
        await timely(phone)
        assert (await signed(phone, registration())).status == 200
