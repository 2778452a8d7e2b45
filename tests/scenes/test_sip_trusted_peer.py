"""A peer that authenticates for us: whose word is believed, what a REGISTER that it passes on means, who it answers for."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from support.fakes import FakeClock
from support.sip_engine import message, sip_account
from support.sip_raw import Ask, RawUdp, authorized, ok_to
from support.sip_service import Service, registration, signed
from voip_sms.core.directory import Via
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.forwards.sip import MOVING
from voip_sms.net.sip.traffic import Target

PEER = "127.0.0.2"
TEXT = "Zażółć gęślą jaźń 🙂 " * 50
"""A thousand characters, 1,500 octets."""


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    """101 is at the proxy, 102 registers here, 103 is on a PBX."""
    running = Service(clock, trusted_peers=[PEER])
    running.engine.accounts["101"] = replace(sip_account("101", "pw101"), via="proxy")
    running.engine.accounts["103"] = replace(sip_account("103", "pw103"), via="asterisk")
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def peer(service: Service) -> AsyncIterator[RawUdp]:
    async with RawUdp(*service.udp, PEER) as made:
        yield made


def told(user: str, contact: str = "<sip:101@192.168.7.7>", *headers: str) -> Ask:
    """A REGISTER as the peer passes it on."""
    return registration(user, contact, f"X-Auth-User: {user}", *headers)


# --- whose word is believed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        ("X-Auth-User: 101",),
        ("x-auth-user:101 ",),
        ("X-Auth-User: 101", "P-Asserted-Identity: <sip:102@sms.test>"),
        ("P-Asserted-Identity: <sip:101@sms.test>",),
        ('P-Asserted-Identity: "Anna" <sip:101@sms.test>, <tel:+48601000001>',),
        ("P-Asserted-Identity: <tel:+48601000001>", "P-Asserted-Identity: <sip:101@sms.test>"),
    ],
)
async def test_the_peer_names_the_sender(service: Service, peer: RawUdp, headers: tuple[str, ...]) -> None:
    assert (await peer.ask(Ask(headers=headers))).status == 202
    assert service.engine.submissions[0].account.name == "101"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("X-Auth-User:",),
        ("X-Auth-User: 999",),
        ("X-Auth-User: 102",),  # From is 101
        ("X-Auth-User: 101, 102",),
        ("X-Auth-User: 101", "X-Auth-User: 101"),
        ("X-Auth-User: 101", "X-Auth-User: 102"),
        ("X-Auth-User: 999", "P-Asserted-Identity: <sip:101@sms.test>"),
        ("P-Asserted-Identity: <sip:101@sms.test>, <sip:102@sms.test>",),
        ("P-Asserted-Identity: <tel:+48601000001>",),
        ("P-Asserted-Identity: nonsense",),
        ("P-Preferred-Identity: <sip:101@sms.test>", "Remote-Party-ID: <sip:101@sms.test>"),
    ],
)
async def test_what_names_nobody_or_two_is_refused(
    service: Service, peer: RawUdp, headers: tuple[str, ...]
) -> None:
    assert (await peer.ask(Ask(headers=headers))).status == 403
    assert service.engine.submissions == []


async def test_nobody_else_is_believed(service: Service) -> None:
    forged = ("X-Auth-User: 101", "P-Asserted-Identity: <sip:101@sms.test>")
    async with RawUdp(*service.udp) as stranger:
        assert (await stranger.ask(Ask(headers=forged))).status == 401
        challenge = await stranger.ask(Ask(headers=("X-Auth-User: 102",)))
        proven = authorized(Ask(headers=("X-Auth-User: 102",)), challenge, "101", "pw101")
        assert (await stranger.ask(proven)).status == 202
    assert [one.account.name for one in service.engine.submissions] == ["101"], "who proved it"


async def test_the_header_has_the_name_that_was_chosen(clock: FakeClock) -> None:
    service = await Service(clock, trusted_peers=[PEER], peer_header="X-SBC-User").start()
    async with RawUdp(*service.udp, PEER) as peer:
        assert (await peer.ask(Ask(headers=("X-SBC-User: 101", "X-Auth-User: 102")))).status == 202
        assert (await peer.ask(Ask(headers=("X-Auth-User: 101",)))).status == 403
    await service.stop()


# --- registrations --------------------------------------------------------------------------------------------


async def test_a_phone_at_the_proxy_is_announced_and_nothing_is_kept(service: Service, peer: RawUdp) -> None:
    assert (await peer.ask(told("101"))).status == 200
    assert service.engine.announcements == ["101"]
    for gone in (told("101", "*", "Expires: 0"), told("101", "<sip:101@192.168.7.7>;expires=0")):
        assert (await peer.ask(gone)).status == 200
    assert (await peer.ask(told("101", "<tel:101>"))).status == 400
    assert (service.engine.announcements, service.engine.bound) == (["101"], {})
    service.engine.refuse_registrations = "store_unavailable"
    assert (await peer.ask(told("101"))).status == 503


async def test_a_phone_that_registers_at_the_wrong_place_is_told(service: Service, peer: RawUdp) -> None:
    async with RawUdp(*service.udp) as phone:
        for user in ("101", "103"):
            refused = await signed(phone, registration(user), user)
            assert (refused.status, refused.reason) == (403, "Registers Elsewhere")
        assert (await signed(phone, Ask())).status == 202, "it may send all the same"
    assert (await peer.ask(told("103"))).status == 403
    assert (service.engine.bound, service.engine.announcements) == ({}, [])


async def test_a_peer_that_passes_registers_of_ours_on_is_a_way_to_the_phone(
    service: Service, peer: RawUdp
) -> None:
    """As a session border controller does: its own address is the contact."""
    assert (await peer.ask(told("102", "<sip:102@127.0.0.2:5060>"))).status == 200
    [binding] = service.engine.bound.values()
    assert binding.source == f"127.0.0.2:{peer.address[1]}"


# --- texts out ------------------------------------------------------------------------------------------------


class Proxy:
    """A service with a raw peer as its outbound proxy."""

    def __init__(self, service: Service, peer: RawUdp) -> None:
        self.service, self.peer = service, peer

    async def deliver(self, text: str, *statuses: int) -> tuple[Outcome, list[str]]:
        """What comes of it, and the texts that the proxy got: it answers so, and the rest as the last one."""
        inbound = message(text=text, created_at=self.service.clock.now())
        job = ForwardJob(b"J" * 16, b"T" * 16, "sip", "101", "message.received", inbound, 0, 0, via="proxy")
        texts: list[str] = []
        answering = asyncio.create_task(self._answer(statuses, texts))
        outcome = await self.service.forwarder.deliver(job)
        answering.cancel()
        return outcome, texts

    async def _answer(self, statuses: tuple[int, ...], texts: list[str]) -> None:
        for status in itertools.chain(statuses, itertools.repeat(statuses[-1])):
            request = await self.peer.request()
            assert (request.uri, request.headers.get("to")) == ("sip:101@sms.test", "<sip:101@sms.test>")
            texts.append(request.body.decode())
            self.peer.send(ok_to(request, status))


@pytest.fixture
async def proxy(clock: FakeClock) -> AsyncIterator[Proxy]:
    async with RawUdp("127.0.0.1", 9) as peer:
        service = await Service(clock, outbound="{}:{}".format(*peer.address)).start()
        peer._to = service.udp
        yield Proxy(service, peer)
        await service.stop()


async def test_the_proxys_answer_is_the_outcome(proxy: Proxy) -> None:
    for status, outcome in (
        (200, Accepted("sip:101@sms.test")),
        (404, Temporary("sip_404")),
        (480, Temporary("sip_480")),
        (415, Permanent("sip_415")),
    ):
        assert await proxy.deliver("Hej", status) == (outcome, ["Hej"])
    assert proxy.service.engine.dropped == [], "there is nothing here to be dropped"


async def test_a_text_too_large_for_the_way_is_cut(proxy: Proxy) -> None:
    """513 of the proxy, or no TCP where only UDP is set up."""
    outcome, texts = await proxy.deliver(TEXT, 200)
    assert isinstance(outcome, Accepted)
    assert "".join(texts) == TEXT
    outcome, texts = await proxy.deliver("a" * 350 + " " + "b" * 100, 513, 200)
    assert isinstance(outcome, Accepted)
    assert [len(text) for text in texts] == [451, 351, 100]


async def test_over_tcp_it_goes_whole(clock: FakeClock) -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
        lower = {name.lower(): (name, value) for name, value in fields.items()}
        got.append(await reader.readexactly(int(lower["content-length"][1])))
        copied = "".join(f"{n}: {v}\r\n" for n, v in map(lower.get, ("via", "from", "to", "call-id", "cseq")))  # type: ignore[misc]
        writer.write(f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n".encode())
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    service = await Service(clock, outbound=f"127.0.0.1:{port};transport=tcp").start()
    try:
        outcome, _ = await Proxy(service, RawUdp("127.0.0.1", 9)).deliver(TEXT, 200)
        assert (isinstance(outcome, Accepted), got[0].decode()) == (True, TEXT)
    finally:
        await service.stop()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("via", ["proxy", "direct"])
async def test_a_phone_that_comes_ends_a_try_in_vain_and_one_that_leaves_does_not(
    proxy: Proxy, via: Via
) -> None:
    """`registered` without bindings: somebody at the proxy, or nobody any more here."""
    host, port = proxy.peer.address
    one = Binding("101", "sip:101@10.0.0.9", f"{host}:{port}", "udp", "udp0", "reg", 1, 2**62)
    job = ForwardJob(
        b"J" * 16, b"T" * 16, "sip", "101", "message.received", message(), 0, 0, bindings=(one,), via=via
    )
    delivering = asyncio.create_task(proxy.service.forwarder.deliver(job))
    request = await proxy.peer.request()
    proxy.service.forwarder.registered("101", ())
    done, _ = await asyncio.wait({delivering}, timeout=MOVING + 0.5)
    assert bool(done) == (via == "proxy")
    proxy.peer.send(ok_to(request))
    assert await delivering == (Temporary("sip_moved") if done else Accepted(one.contact))


async def test_without_a_proxy_it_waits_for_one(clock: FakeClock) -> None:
    service = await Service(clock).start()
    try:
        assert await Proxy(service, RawUdp("127.0.0.1", 9)).deliver("Hej", 200) == (Temporary("no_proxy"), [])
    finally:
        await service.stop()


# --- settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("", None),
        ("10.0.0.2:5080", Target("udp", "10.0.0.2", 5080)),
        ("10.0.0.2:5080;transport=tcp", Target("tcp", "10.0.0.2", 5080)),
        ("[2001:db8::2]:5081;transport=tls", Target("tls", "2001:db8::2", 5081)),
        ("sip.example.com:5060", Target("udp", "sip.example.com", 5060)),
    ],
)
def test_outbound(text: str, target: Target | None) -> None:
    assert SipSettings.model_validate({"outbound": text}).proxy() == target


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"outbound": "10.0.0.2"}, "host:port"),
        ({"outbound": "10.0.0.2:0"}, "host:port"),
        ({"outbound": "10.0.0.2:5080;transport=sctp"}, "udp, tcp or tls"),
        ({"outbound": "10.0.0.2:5080;lr"}, "udp, tcp or tls"),
        ({"peer_header": "X Auth"}, "X-Auth-User"),
        ({"peer_header": ""}, "X-Auth-User"),
        ({"subscribers": "/etc/kamailio/users"}, "called subscriber"),
    ],
)
def test_settings_say_what_is_wrong(bad: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SipSettings.model_validate(bad)
