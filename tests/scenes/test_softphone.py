"""The small phone of our own against the SIP door: registering, texts both ways, refusals, going away."""

import asyncio
from dataclasses import replace

import pytest
from click.testing import CliRunner

from support.fakes import FakeClock
from support.sip_engine import message
from support.sip_service import Service
from support.tls import Authority
from voip_sms.cli.main import main
from voip_sms.core.failures import Accepted
from voip_sms.core.model import ForwardJob
from voip_sms.demo.phone import Phone, PhoneAccount
from voip_sms.demo.softphone import SoftPhone
from voip_sms.demo.softphone import _free_port as free_port


@pytest.fixture
async def service(clock: FakeClock):
    # The same port for both, as in life: a long text goes over from UDP to TCP.
    for _ in range(10):
        address = f"127.0.0.1:{free_port('127.0.0.1')}"
        running = Service(clock, udp=address, tcp=address, min_expires=1)
        try:
            await running.start()
        except OSError:  # somebody was quicker
            continue
        yield running
        await running.stop()
        return


def account(service: Service, user="101", password=None, transport="udp") -> PhoneAccount:
    host, port = service.udp if transport == "udp" else service.tcp
    return PhoneAccount(user, password or f"pw{user}", "sms.test", host, port, transport)


def test_it_has_every_call_of_the_real_phone():
    """But those for voice: a phone of our own has no sound."""
    calls = {name for name in dir(Phone) if not name.startswith("_")} - {"available", "why_not"}
    assert calls - {"call", "answer_calls"} <= set(dir(SoftPhone))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_it_registers_sends_and_goes_away(service, transport):
    async with SoftPhone(account(service, transport=transport)) as phone:
        assert (await phone.register()).status == 200
        [binding] = service.engine.bound.values()
        assert (binding.transport, phone.address in binding.contact) == (transport, True)
        assert await phone.send("601123456", "Zażółć") == (202, "Accepted")
        assert await phone.send("tel:+48601123457", "x" * 2000) == (202, "Accepted")
    first, second = service.engine.submissions
    assert (first.text, first.recipients, first.account.name) == (
        "Zażółć",
        ("sip:601123456@sms.test",),
        "101",
    )
    assert (second.text, second.recipients) == ("x" * 2000, ("tel:+48601123457",))
    account_101 = service.engine.accounts["101"].account
    assert not await service.engine.bindings(account_101)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("text", ["Oddzwonię o piątej", "Zażółć gęślą jaźń. " * 100])
async def test_answers_arrive_whatever_their_length(service, clock, transport, text):
    async with SoftPhone(account(service, transport=transport)) as phone:
        await phone.register()
        inbound = message(sender="+48601123456", text=text, created_at=clock.now())
        job = ForwardJob(
            b"J" * 16, b"T" * 16, "sip", "101", "message.received", inbound, 0, clock.now(),
            bindings=tuple(service.engine.bound.values()),
        )  # fmt: skip
        assert isinstance(await service.forwarder.deliver(job), Accepted)
        seen = await phone.next_message()
        assert seen.body == text
        assert "+48601123456" in seen.sender
        assert await phone.message_with(text[:10]) == seen
        with pytest.raises(TimeoutError):
            await phone.next_message(within=0.05)


async def test_it_stays_registered_until_the_power_is_cut(service):
    phone = SoftPhone(replace(account(service), expires=1))
    assert (await phone.register()).status == 200
    first = next(iter(service.engine.bound.values()))
    async with asyncio.timeout(5):
        while next(iter(service.engine.bound.values())).cseq == first.cseq:
            await asyncio.sleep(0.02)
    await phone.kill()
    assert len(service.engine.bound) == 1


async def test_wrong_password_is_401_and_nothing_is_stored(service):
    async with SoftPhone(account(service, password="guess")) as phone:
        assert (await phone.register()).status == 401
        assert (await phone.send("601123456", "Hej")).status == 401
    assert not service.engine.submissions


async def test_nobody_there_is_a_time_out_or_unreachable(service):
    nobody = PhoneAccount("101", "pw101", "sms.test", "127.0.0.1", 9, "tcp")
    async with SoftPhone(nobody) as phone:
        assert (await phone.register()).status == 0
    async with SoftPhone(replace(nobody, transport="udp")) as phone:
        with pytest.raises(TimeoutError):
            await phone.register(within=0.3)


async def test_the_phone_command_takes_it_where_there_is_no_pjsip(service, monkeypatch):
    monkeypatch.setattr(Phone, "available", staticmethod(lambda: False))
    registrar = "{}:{}".format(*service.udp)
    arguments = ["phone", "--user", "101", "--password", "pw101", "--registrar", registrar]
    result = await asyncio.to_thread(CliRunner().invoke, main, arguments, "601123456 Zażółć\n")
    assert result.exit_code == 0, result.output
    assert "registered as 101@sms.test" in result.stdout
    assert "> 601123456: 202 Accepted" in result.stdout
    assert "a small phone of our own takes its place: no pjsua2 for Python" in result.stderr
    assert [one.text for one in service.engine.submissions] == ["Zażółć"]


async def test_over_tls_it_trusts_whom_it_is_told_to(clock: FakeClock, tmp_path):
    certified = Authority(tmp_path).issue()
    running = await Service(clock, tls="127.0.0.1:0", **certified.settings()).start()
    try:
        host, port = running.tls
        trusting = PhoneAccount("101", "pw101", "sms.test", host, port, "tls", root_ca=str(certified.ca))
        async with SoftPhone(trusting) as phone:
            assert (await phone.register()).status == 200
            assert await phone.send("601123456", "x" * 2000) == (202, "Accepted")
            [binding] = running.engine.bound.values()
            inbound = message(1, text="Odpowiedź", created_at=clock.now())
            job = ForwardJob(
                b"j" * 16, b"T" * 16, "sip", "101", "message.received", inbound, 0, 0, bindings=(binding,)
            )
            assert isinstance(await running.forwarder.deliver(job), Accepted)
            assert (await phone.next_message()).body == "Odpowiedź"
        stranger = Authority(_folder(tmp_path, "other")).file
        async with SoftPhone(replace(trusting, root_ca=str(stranger))) as phone:
            assert (await phone.register()).status != 200
    finally:
        await running.stop()


def _folder(parent, name):
    (parent / name).mkdir()
    return parent / name
