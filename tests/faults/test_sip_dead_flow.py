"""A phone whose network vanishes without a word: the connection is given up in time, and what waits on it ends."""

import asyncio
import time

import pytest

from support.fakes import START, FakeClock
from support.namespace import Elsewhere
from support.sip_engine import message
from support.sip_raw import RawTcp
from support.sip_service import Service, registration, signed
from voip_sms.core.failures import Temporary
from voip_sms.core.model import ForwardJob
from voip_sms.net.sip import flows


async def _registered(service: Service, there: Elsewhere) -> RawTcp:
    phone = RawTcp("", 0)
    sock = await asyncio.to_thread(there.connect, service.tcp[1])
    phone.reader, phone.writer = await asyncio.open_connection(sock=sock)
    assert (await signed(phone, registration())).status == 200
    return phone


async def _died(service: Service, within: float) -> None:
    async with asyncio.timeout(within):
        while not service.engine.died:
            await asyncio.sleep(0.05)


async def test_by_what_is_sent_to_it(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "VANISHED", 1)
    with Elsewhere() as there:
        service = await Service(clock, tcp=f"{there.here}:0").start()
        phone = await _registered(service, there)
        there.pull()
        inbound = message(sender="+48601123456", text="hi", created_at=START)
        bindings = tuple(service.engine.bound.values())
        job = ForwardJob(
            b"J" * 16, b"T" * 16, "sip", "101", "message.received", inbound, 0, START, bindings=bindings
        )
        began = time.monotonic()
        assert await service.forwarder.deliver(job) == Temporary("sip_unreachable")
        assert time.monotonic() - began < 10, "not half a minute of Timer F"
        await _died(service, 5)
        phone.writer.close()
        await service.stop()


async def test_by_the_kernel_s_own_probes(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VANISHED", "PROBE_AFTER", "PROBE_EVERY", "PROBES"):
        monkeypatch.setattr(flows, name, 1)
    with Elsewhere() as there:
        service = await Service(clock, tcp=f"{there.here}:0").start()
        began = time.monotonic()
        phone = await _registered(service, there)
        there.pull()
        await _died(service, 10)
        assert time.monotonic() - began > 1, "not before the first probe"
        assert not service.engine.bound, "nobody waits for a phone that isn't there"
        phone.writer.close()
        await service.stop()
