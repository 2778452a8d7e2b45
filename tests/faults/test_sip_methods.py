"""Calls, subscriptions and nonsense at a door for texts: refused as the RFC says, and hardly told of."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from support.fakes import FakeClock
from support.sip_raw import Ask, RawTcp, RawUdp
from support.sip_service import Service

ALLOW = "MESSAGE, OPTIONS, REGISTER"


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    running = await Service(clock).start()
    yield running
    await running.stop()


@pytest.mark.parametrize(
    ("method", "status"),
    [
        *(
            (known, 405)
            for known in ("INVITE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "INFO", "UPDATE", "PRACK")
        ),
        *((unknown, 501) for unknown in ("FOO", "invite", "GET", "NEWMETHOD!%")),
        *((ending, 481) for ending in ("BYE", "CANCEL")),
    ],
)
async def test_what_is_not_served(service: Service, method: str, status: int) -> None:
    async with RawUdp(*service.udp) as phone:
        reply = await phone.ask(Ask(method, body=""))
        assert reply.status == status
        assert reply.headers.get("allow") == ("" if status == 481 else ALLOW)
        assert "tag=" in reply.headers.get("to")


async def test_an_invite_is_refused_alike_each_time_and_its_ack_is_absorbed(service: Service) -> None:
    async with RawUdp(*service.udp) as phone, RawTcp(*service.tcp) as desk:
        invite = Ask("INVITE", body="v=0", headers=("Content-Type: application/sdp",))
        first = await phone.ask(invite)
        assert first == await phone.ask(invite)
        phone.send(Ask("ACK", body="", call_id=invite.call_id, number=invite.number))
        assert await phone.quiet()
        assert (await desk.ask(Ask("INVITE"))).status == 405
        desk.send(Ask("ACK", body=""))
        assert (await desk.ask(Ask("OPTIONS", body=""))).status == 200, "the ACK got no answer"


async def test_it_is_told_once_per_source_not_per_request(service: Service) -> None:
    with capture_logs() as logs:
        async with RawUdp(*service.udp) as one, RawUdp(*service.udp) as two:
            for number in range(50):
                await one.ask(Ask("INVITE", body=""))
                await two.ask(Ask(f"FOO{number}", body=""))
    told = [one for one in logs if one["event"] == "sip_method_not_served"]
    assert told == [
        {"event": "sip_method_not_served", "log_level": "info", "source": "127.0.0.1", "method": "INVITE"}
    ]
