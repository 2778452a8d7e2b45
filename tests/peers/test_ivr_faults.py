"""Calls in the middle of a flow when the service is killed or stopped, and when Asterisk restarts."""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ivr_pbx import Cable, calling, connected, messages, pbx, served
from support.tcp import tcp_server
from support.waiting import eventually
from voip_sms.demo.asterisk import Asterisk

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("pjsua2")]

FREED = 5.0
"""Seconds from our reconnecting to a freed caller."""


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    with pbx() as found:
        yield found


async def test_without_the_service_the_call_goes_on_in_the_dialplan(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    async with calling(asterisk, "9601000001", tmp_path) as caller:
        await caller.heard("sms-fallback")
    assert "after failed  FAILED" in asterisk.log_text()


async def test_killed_in_the_middle_of_a_call_and_back(asterisk: Asterisk, tmp_path: Path) -> None:
    """The caller sits in silence until we are back; then the dialplan goes on within five seconds."""
    async with served(asterisk, tmp_path / "flows") as stage:
        async with calling(asterisk, "9601000002", tmp_path) as caller:
            await caller.hears("sms-welcome")
            await stage.serve.kill()
            await stage.serve.start()
            await connected(stage)
            since = time.monotonic()
            await caller.hears("sms-fallback")
            assert time.monotonic() - since < FREED
            await caller.heard("sms-fallback")
        assert "after failed lost" in asterisk.log_text()
        async with calling(asterisk, "9601000003", tmp_path) as caller:
            await caller.hears("sms-welcome")
            await caller.press("1")
            await caller.heard("sms-sent")
        assert len(await messages(stage, "+48601000003")) == 1
        assert not await stage.handsets.messages("+48601000002")


async def test_a_stop_hands_the_caller_back(asterisk: Asterisk, tmp_path: Path) -> None:
    async with served(asterisk, tmp_path / "flows") as stage:
        async with calling(asterisk, "9601000004", tmp_path) as caller:
            await caller.hears("sms-welcome")
            assert await stage.serve.stop() == 0
            await caller.heard("sms-fallback")
        assert "after failed stopped" in asterisk.log_text()


async def test_killed_while_it_sends_and_asked_again_sends_once(asterisk: Asterisk, tmp_path: Path) -> None:
    """The SMS was stored, and its success never heard: the caller hears the fallback, and gets one SMS."""
    async with served(asterisk, tmp_path / "flows") as stage:
        async with calling(asterisk, "9601000005", tmp_path) as caller:
            await caller.hears("sms-welcome")
            await caller.press("1")
            await caller.hears("sms-sent")
            await stage.serve.kill()
            await stage.serve.start()
            await connected(stage)
            await caller.hears("sms-fallback")
        assert len(await messages(stage, "+48601000005")) == 1


async def test_a_cut_connection_frees_the_caller(asterisk: Asterisk, tmp_path: Path) -> None:
    """Service and Asterisk both live on. What was asked for is sent, once."""
    cable = Cable(asterisk.http_port)
    async with tcp_server(cable.carry) as port:
        url = {"VOIP_SMS_ASTERISK__URL": f"http://127.0.0.1:{port}"}
        async with served(asterisk, tmp_path / "flows", None, **url) as stage:
            async with calling(asterisk, "9601000006", tmp_path) as caller:
                await caller.hears("sms-welcome")
                await caller.press("1")
                await caller.hears("sms-sent")
                cable.cut()
                await eventually(lambda: "asterisk_not_connected" in stage.serve.log_text())
                cable.mend()
                await connected(stage)
                since = time.monotonic()
                await caller.hears("sms-fallback")
                assert time.monotonic() - since < FREED
            assert len(await messages(stage, "+48601000006")) == 1
            async with calling(asterisk, "9601000007", tmp_path) as caller:
                await caller.hears("sms-welcome")
                await caller.press("1")
                await caller.heard("sms-sent")


async def test_two_restarts_of_asterisk(asterisk: Asterisk, tmp_path: Path) -> None:
    async with served(asterisk, tmp_path / "flows") as stage:
        for restart in range(2):
            async with calling(asterisk, f"960100001{restart}", tmp_path, "102") as caller:
                await caller.hears("sms-welcome")
                await caller.press("1")
                await caller.hears("sms-sent")
                await asyncio.to_thread(asterisk.kill if restart else asterisk.end)
                await asyncio.to_thread(asterisk.start_again)
            await connected(stage)
        async with calling(asterisk, "9601000012", tmp_path) as caller:
            await caller.hears("sms-welcome")
            await caller.press("1")
            await caller.heard("sms-sent")
        for number in ("+48601000010", "+48601000011", "+48601000012"):
            assert len(await messages(stage, number)) == 1
        log = stage.serve.log_text()
        assert len(re.findall(r"asterisk_connected", log)) == 3
        assert "Authorization" not in log
        await eventually(lambda: "0 active channels" in asterisk.cli("core show channels count"))
