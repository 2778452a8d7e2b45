"""Our SIP edge against real stacks: PJSIP as the desk phone, sipp as a scripted one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.fakes import FakeClock
from support.sip_engine import DOMAIN, message
from support.sip_service import Service
from support.sipp import SIGNED, SippRun, run_sipp
from voip_sms.core.failures import Accepted
from voip_sms.core.model import ForwardJob
from voip_sms.demo.phone import Phone, PhoneAccount

TEXT = "Zażółć gęślą jaźń €"


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    running = await Service(clock).start()
    yield running
    await running.stop()


def account(service: Service, transport: str, password: str = "pw101") -> PhoneAccount:
    host, port = service.udp if transport == "udp" else service.tcp
    return PhoneAccount("101", password, DOMAIN, host, port, transport)


@pytest.mark.peer("pjsua2")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_pjsip_registers_sends_and_receives(service: Service, transport: str) -> None:
    async with Phone(account(service, transport)) as phone:
        assert (await phone.register()).status == 200
        [binding] = service.engine.bound.values()
        assert binding.transport == transport
        assert await phone.send("601123456", TEXT) == (202, "Accepted")
        assert service.engine.submissions[0].text == TEXT
        for number, text in enumerate([TEXT, "długi tekst " * 150]):
            inbound = message(number, text=text, created_at=service.clock.now())
            job = ForwardJob(
                number.to_bytes(16, "big"),
                b"T" * 16,
                "sip",
                "101",
                "message.received",
                inbound,
                0,
                0,
                bindings=(binding,),
            )
            assert isinstance(await service.forwarder.deliver(job), Accepted)
            got = await phone.next_message()
            assert "sip:+48601123456@sms.test" in got.sender
            if transport == "tcp" or not number:
                assert got.body == text
                assert got.header("Date") == "Sun, 22 Nov 2026 10:00:00 GMT"
        assert (await phone.unregister()).status == 200
        assert [b for b in service.engine.bound.values() if b.expires_at > service.clock.now()] == []


@pytest.mark.peer("pjsua2")
async def test_pjsip_shows_each_refusal(service: Service) -> None:
    async with Phone(account(service, "udp")) as phone:
        for code, status, reason in [
            ("recipient_invalid", 404, "Recipient invalid"),
            ("recipient_forbidden", 403, "Recipient forbidden"),
            ("credit_exhausted", 402, "No credit"),
        ]:
            service.engine.refuse_items = code
            assert (await phone.send("601123456", "x")).status == status, reason


@pytest.mark.peer("pjsua2")
async def test_pjsip_with_a_wrong_password_gets_nowhere(service: Service) -> None:
    async with Phone(account(service, "udp", "wrong")) as phone:
        assert (await phone.register()).status in {401, 403}
    assert service.engine.bound == {}


@pytest.mark.peer("sipp")
@pytest.mark.parametrize("transport", ["u1", "t1", "tn"])
async def test_sipp_sends_with_digest(service: Service, transport: str, tmp_path: Path) -> None:
    host, port = service.udp if transport == "u1" else service.tcp
    run = SippRun(
        SIGNED, f"{host}:{port}", calls=40, rate=200, transport=transport, extra=("-max_socket", "200")
    )
    result = await run_sipp(run, tmp_path)
    assert (result.exit_code, result.successful, result.failed) == (0, 40, 0), result.errors
    assert {s.text.strip() for s in service.engine.submissions} == {"hello from sipp"}
    assert len(service.engine.stored) == 40


@pytest.mark.peer("sipp")
async def test_sipp_repeats_into_a_slow_store_and_one_message_comes_of_it(
    service: Service, tmp_path: Path
) -> None:
    service.engine.gate.clear()
    running = asyncio.create_task(run_sipp(SippRun(SIGNED, "{}:{}".format(*service.udp)), tmp_path))
    async with asyncio.timeout(10):
        while not service.engine.submissions or service.endpoint.stats["absorbed"] < 1:
            await asyncio.sleep(0.05)
    service.engine.gate.set()
    result = await running
    assert (result.exit_code, result.successful) == (0, 1), result.errors
    assert result.retransmissions > 0
    assert len(service.engine.submissions) == 1
