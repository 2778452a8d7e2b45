"""The phone that calls, on a real Asterisk: keys reach the dialplan, sounds reach the phone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.asterisk import phone_on, running_asterisk, seconds_of_sound, seconds_of_tone, write_tone
from support.waiting import eventually
from voip_sms.demo.asterisk import Asterisk
from voip_sms.demo.call import CallEndedError

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("pjsua2")]

DIALPLAN = """\
[phones]
exten => 100,1,Answer()
 same => n,Read(KEYS,tone,3,,1,10)
 same => n,Set(DB(calls/keys)=${KEYS})
 same => n,Playback(tone)
 same => n,Hangup()
exten => 486,1,Busy(1)
[messages]
"""


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    with running_asterisk(DIALPLAN) as asterisk:
        write_tone(asterisk.sounds / "tone.wav", 1000)
        yield asterisk


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_each_key_is_one_digit_and_what_is_played_is_heard(
    asterisk: Asterisk, tmp_path: Path, transport: str
) -> None:
    asterisk.cli("database del calls keys")
    async with phone_on(asterisk, "101", transport) as phone:
        call = await phone.call("100", tmp_path / "heard.wav")
        await call.up()
        await call.press("5*2")
        await eventually(lambda: "Value: 5*2\n" in asterisk.cli("database get calls keys"))
        assert (await call.over()).status == 200
    assert seconds_of_tone(call.recording, 1000) > 0.4
    assert seconds_of_tone(call.recording, 700) == 0


async def test_a_call_that_is_refused_says_so(asterisk: Asterisk, tmp_path: Path) -> None:
    async with phone_on(asterisk, "101") as phone:
        call = await phone.call("486", tmp_path / "heard.wav")
        with pytest.raises(CallEndedError, match="486"):
            await call.up()


async def test_a_phone_answers_whoever_calls(asterisk: Asterisk, tmp_path: Path) -> None:
    async with phone_on(asterisk, "102") as phone:
        await phone.answer_calls(tmp_path)
        asterisk.cli("channel originate PJSIP/102 application Playback tone")
        call = await phone.calls.first(lambda _: True, 10)
        await call.up()
        assert (await call.over()).status == 200
    assert seconds_of_sound(call.recording) > 0.4
