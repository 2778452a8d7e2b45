"""The shipped way into a flow when there is no service, and when there is one that says nothing any more."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from support.asterisk import (
    DIALPLAN,
    phone_on,
    running_asterisk,
    seconds_of_sound,
    seconds_of_tone,
    write_tone,
)
from support.waiting import eventually
from voip_sms.demo.asterisk import ARI_PASSWORD, ARI_USER, Asterisk

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("pjsua2")]

ENTRY = (DIALPLAN / "voip-sms-flow.conf").read_text(encoding="utf-8")
CALLS = """
[phones]
exten => 100,1,Answer()
 same => n,Gosub(voip-sms-flow,address,1)
 same => n,Set(DB(flow/status)=${SMS_FLOW_STATUS})
 same => n,Playback(tone)
 same => n,Wait(3)
 same => n,Hangup()
[messages]
"""


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    """Eleven minutes are two seconds here."""
    assert "TIMEOUT(absolute)=660" in ENTRY
    with running_asterisk(ENTRY.replace("TIMEOUT(absolute)=660", "TIMEOUT(absolute)=2") + CALLS) as asterisk:
        write_tone(asterisk.sounds / "tone.wav", 1000)
        yield asterisk


async def test_without_the_service_the_call_goes_on_and_is_not_cut_short(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    async with phone_on(asterisk, "101") as phone:
        call = await phone.call("100", tmp_path / "heard.wav")
        assert (await call.over()).status == 200
    assert "Value: failed\n" in asterisk.cli("database get flow status")
    assert seconds_of_tone(call.recording, 1000) > 0.4
    assert seconds_of_sound(call.recording) < 1, "the goodbye of the time limit was heard too"


async def test_nobody_is_left_in_silence_by_a_service_that_says_nothing(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    login = {"Authorization": aiohttp.encode_basic_auth(ARI_USER, ARI_PASSWORD)}
    async with (
        aiohttp.ClientSession(headers=login) as session,
        session.ws_connect(f"{asterisk.ari_url}/ari/events?app=voip-sms"),
        phone_on(asterisk, "101") as phone,
    ):
        call = await phone.call("100", tmp_path / "heard.wav")
        await call.up()
        await eventually(lambda: "T@voip-sms-flow" in asterisk.log_text())
        assert (await call.over()).status == 200
    assert seconds_of_sound(call.recording) > 0.4
