"""SIP over TLS on real sockets: phones by TLS, certificates that are renewed or broken, and who we trust."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop
from structlog.testing import capture_logs

from support.fakes import START, FakeClock
from support.sip_engine import message
from support.sip_raw import Ask, RawTcp, RawUdp, ok_to
from support.sip_service import Service, registration, signed
from support.tls import Authority, Certified, RawTls
from voip_sms.core.failures import Accepted, Temporary
from voip_sms.core.model import ForwardJob
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip import flows
from voip_sms.net.sip.tls import TlsContexts, TlsFileError, TlsFiles, TlsLayer
from voip_sms.net.sip.traffic import Ending, Outgoing, Target

LONG = "Ala ma kota, a kot ma Alę 🐈. " * 60


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def certified(authority: Authority) -> Certified:
    return authority.issue()


@pytest.fixture
async def service(clock: FakeClock, certified: Certified) -> AsyncIterator[Service]:
    running = await Service(clock, tls="127.0.0.1:0", **certified.settings()).start()
    yield running
    await running.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def outgoing(target: Target) -> Outgoing:
    return Outgoing("MESSAGE", "sip:x@peer", "<sip:1@sms.test>;tag=1", "<sip:x@peer>", "out", 1, target)


# --- phones -------------------------------------------------------------------------------------------------


async def test_a_phone_registers_sends_and_gets_texts_over_its_connection(
    service: Service, authority: Authority
) -> None:
    async with RawTls(*service.tls, authority.client()) as phone:
        reply = await signed(phone, registration(contact="<sip:101@192.168.7.7:5061;transport=tls>"))
        assert reply.status == 200
        assert reply.headers.get("via").startswith("SIP/2.0/TLS")
        [binding] = service.engine.bound.values()
        assert (binding.transport, binding.flow[:4]) == ("tls", "tls-")
        assert (await signed(phone, Ask(body="Zażółć"))).status == 202
        assert service.engine.submissions[0].text == "Zażółć"

        job = _job(service, LONG)
        sending = asyncio.create_task(service.forwarder.deliver(job))
        request = await phone.request()
        assert request.headers.get("via").startswith(
            f"SIP/2.0/TLS 127.0.0.1:{service.tls[1]};rport;branch=z9hG4bK"
        )
        assert request.body.decode() == LONG
        phone.send(ok_to(request))
        assert await sending == Accepted(binding.contact)
    await until(lambda: not service.engine.bound)
    assert await service.forwarder.deliver(job) == Temporary("sip_unreachable")


def _job(service: Service, text: str) -> ForwardJob:
    inbound = message(sender="+48601123456", text=text, created_at=START)
    bindings = tuple(service.engine.bound.values())
    return ForwardJob(
        b"J" * 16, b"T" * 16, "sip", "101", "message.received", inbound, 0, START, bindings=bindings
    )


async def test_one_octet_at_a_time_and_pipelined(service: Service, authority: Authority) -> None:
    async with RawTls(*service.tls, authority.client()) as phone:
        for octet in Ask("OPTIONS", body="").octets("TLS"):
            phone.send(bytes([octet]))
        assert (await phone.reply()).status == 200
        phone.send(b"".join(Ask("OPTIONS", body="", call_id=f"p{n}").octets("TLS") for n in range(100)))
        assert [(await phone.reply()).headers.get("call-id") for _ in range(100)] == [
            f"p{n}" for n in range(100)
        ]


async def test_a_ping_is_answered(service: Service, authority: Authority) -> None:
    async with RawTls(*service.tls, authority.client()) as phone:
        phone.send(b"\r\n\r\n")
        assert await phone.reader.readexactly(2) == b"\r\n"


async def test_old_tls_is_refused(service: Service, authority: Authority) -> None:
    old = authority.client()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):  # that they are deprecated is the point
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with RawTls(*service.tls, old):
            pass
    older = authority.client()
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    async with RawTls(*service.tls, older) as phone:
        assert (await phone.ask(Ask("OPTIONS", body=""))).status == 200


async def test_what_is_no_tls_ends_the_connection_and_nothing_else(
    service: Service, authority: Authority
) -> None:
    async with RawTls(*service.tls, authority.client()) as phone, RawTcp(*service.tls) as stranger:
        stranger.send(Ask("OPTIONS", body=""))
        assert await stranger.closed()
        assert (await phone.ask(Ask("OPTIONS", body=""))).status == 200


async def test_a_phone_that_does_not_trust_us_is_told_of_once(service: Service, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    with capture_logs() as logs:
        for _ in range(3):
            await _distrust(service.tls, TlsLayer(stranger.client(), server_side=False, host="sms.test"))
        await until(lambda: service.endpoint.stats["tls_failed"] == 3)
    told = [one for one in logs if one["event"] == "sip_tls_failed"]
    assert [(one["peer"], one["why"]) for one in told] == [("127.0.0.1", "TLSV1_ALERT_UNKNOWN_CA")]


async def _shaken(session: TlsLayer, phone: RawTcp) -> None:
    while not session.ready:
        phone.send(session.outgoing())
        session.receive(await asyncio.wait_for(phone.reader.read(65536), 5))


async def _distrust(address: tuple[str, int], session: TlsLayer) -> None:
    async with RawTcp(*address) as phone:
        session.begin()
        with pytest.raises(ssl.SSLCertVerificationError):
            await _shaken(session, phone)
        phone.send(session.outgoing())
        assert await phone.closed()


async def test_garbage_between_records_ends_that_connection_only(
    service: Service, authority: Authority
) -> None:
    async with RawTls(*service.tls, authority.client()) as phone, RawTcp(*service.tls) as raw:
        session = TlsLayer(authority.client(), server_side=False, host="sms.test")
        session.begin()
        await _shaken(session, raw)
        session.send(Ask("OPTIONS", body="").octets("TLS"))
        raw.send(session.outgoing())
        octets = b""
        while not octets:
            octets = session.receive(await asyncio.wait_for(raw.reader.read(65536), 5))
        assert octets.startswith(b"SIP/2.0 200")
        raw.send(b"\x17\x03\x03\x00\x20" + bytes(32))
        await asyncio.wait_for(raw.reader.read(), 5)
        assert (await phone.ask(Ask("OPTIONS", body=""))).status == 200


async def test_a_handshake_has_a_deadline(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "HANDSHAKE_DEADLINE", 0.2)
    async with RawTcp(*service.tls) as silent, RawTcp(*service.tls) as slow:
        slow.send(b"\x16\x03\x01")
        assert await silent.closed()
        assert await slow.closed()


def test_the_same_on_uvloop(certified: Certified, authority: Authority, clock: FakeClock) -> None:
    async def story() -> None:
        service = await Service(clock, tls="localhost:0", **certified.settings()).start()
        async with RawTls(*service.tls, authority.client()) as phone:
            assert (await signed(phone, registration())).status == 200
            assert (await signed(phone, Ask(body=LONG))).status == 202
        target = Target("tls", "localhost", service.tls[1])
        assert (await service.endpoint.send(outgoing(target))).status == 401
        await service.stop()

    uvloop.run(story())


# --- certificates -------------------------------------------------------------------------------------------


async def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(
    service: Service, authority: Authority, certified: Certified
) -> None:
    async with RawTls(*service.tls, authority.client()) as early:
        before = early.certificate
        authority.issue()

        async def shown() -> bytes:
            async with RawTls(*service.tls, authority.client()) as phone:
                return phone.certificate

        async with asyncio.timeout(5):
            while await shown() == before:
                await asyncio.sleep(0.05)
        renewed = await shown()
        with capture_logs() as logs:
            certified.cert.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
            await until(lambda: [one for one in logs if one["event"] == "sip_tls_files_not_taken"])
            assert await shown() == renewed
            await asyncio.sleep(1.2)
        told = [one for one in logs if one["event"] == "sip_tls_files_not_taken"]
        assert len(told) == 1
        assert "tls_cert" in told[0]["why"]
        assert (await early.ask(Ask("OPTIONS", body=""))).status == 200, "who was there stays"
        authority.issue()
        async with asyncio.timeout(5):
            while await shown() == renewed:
                await asyncio.sleep(0.05)


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    good, other = authority.issue("good"), authority.issue("other")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("hello")
    open_key = tmp_path / "open.key"
    open_key.write_bytes(good.key.read_bytes())
    open_key.chmod(0o644)
    for files, why in (
        (TlsFiles(str(tmp_path / "gone.pem"), str(good.key)), r"tls_cert: .*gone.pem: No such file"),
        (TlsFiles(str(good.cert), str(tmp_path / "gone.key")), r"tls_key: .*gone.key: No such file"),
        (TlsFiles(str(good.cert), str(open_key)), r"tls_key: .*open.key: everybody can read it; chmod 600"),
        (TlsFiles(str(good.cert), str(other.key)), "the key belongs to another certificate"),
        (TlsFiles(str(nothing), str(good.key)), "not PEM, or damaged"),
        (TlsFiles(str(good.cert), str(good.key), str(nothing)), r"tls_ca: .*not PEM, or damaged"),
    ):
        with pytest.raises(TlsFileError, match=why):
            TlsContexts(files)


@pytest.mark.parametrize("bad", [{"tls": "127.0.0.1:5061"}, {"tls_cert": "a.pem"}])
def test_settings_need_both_files(bad: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="tls_cert and tls_key"):
        SipSettings.model_validate(bad)


# --- connections that we make -------------------------------------------------------------------------------


async def test_we_connect_only_to_whom_our_authority_knows_by_that_name(
    service: Service, authority: Authority, certified: Certified, tmp_path: Path
) -> None:
    async def status(running: Service, host: str = "localhost") -> int | str:
        result = await running.endpoint.send(outgoing(Target("tls", host, service.tls[1])))
        return result.status or str(result.ending)

    assert await status(service) == 401
    assert await status(service, "127.0.0.1") == 401
    stranger = Authority(tmp_path).issue()
    distrustful = await Service(service.clock, tls_ca=str(stranger.ca)).start()
    assert await status(distrustful) == str(Ending.UNREACHABLE)
    await distrustful.stop()
    elsewhere = authority.issue("elsewhere", "other.test")
    misnamed = await Service(
        service.clock, tls="127.0.0.1:0", tls_cert=str(elsewhere.cert), tls_key=str(elsewhere.key)
    ).start()
    result = await service.endpoint.send(outgoing(Target("tls", "localhost", misnamed.tls[1])))
    assert result.ending is Ending.UNREACHABLE
    await misnamed.stop()


async def test_udp_tcp_and_tls_serve_the_same_account(service: Service, authority: Authority) -> None:
    async with (
        RawUdp(*service.udp) as one,
        RawTcp(*service.tcp) as two,
        RawTls(*service.tls, authority.client()) as three,
    ):
        phones: tuple[RawUdp | RawTcp, ...] = one, two, three
        for number, phone in enumerate(phones):
            assert (await signed(phone, registration(contact=f"<sip:101@10.0.0.{number}>"))).status == 200
        assert {binding.transport for binding in service.engine.bound.values()} == {"udp", "tcp", "tls"}
