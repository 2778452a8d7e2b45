"""Which of the keys that a PBX tells of were pressed."""

import asyncio
from pathlib import Path

import pytest

from support.ivr import FakeSpeech
from voip_sms.doors.ivr import line
from voip_sms.doors.ivr.events import Digit, Event, HungUp, Played, Sent, TimedOut
from voip_sms.doors.ivr.line import Line
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.net.ari import Ari, AsteriskSettings

# As Asterisk 22.10 told of a phone that dials 3344556677 with 100 ms a key and 40 ms between them: key, and
# milliseconds since the one told before. From the third on it tells of each press again when it can repeat it.
DIALLED = [
    ("3", 1000), ("3", 140), ("4", 140), ("4", 21), ("4", 120), ("4", 25), ("5", 115), ("5", 32), ("5", 108),
    ("5", 37), ("6", 102), ("6", 44), ("6", 96), ("6", 54), ("7", 86), ("7", 60), ("7", 81), ("7", 64),
]  # fmt: skip


@pytest.fixture
def one(tmp_path: Path) -> Line:
    prompts = Prompts(FakeSpeech(), tmp_path, "", b"k" * 32)
    settings = AsteriskSettings.model_validate({"url": "http://127.0.0.1:9", "user": "u", "password": "p"})
    return Line("1795.1", Ari(settings), prompts, lambda: "playback")


async def told(of: Line) -> list[Event]:
    of.gone()
    events: list[Event] = []
    while not isinstance(event := await of.next(), HungUp):
        events.append(event)
    return events


def keys(events: list[Event]) -> str:
    return "".join(event.key for event in events if isinstance(event, Digit))


async def test_keys_of_a_fast_dialler_count_once(one: Line) -> None:
    at = 1_795_341_600.0
    for key, after in DIALLED:
        at += after / 1000
        one.key(key, at, 0.1)
    assert keys(await told(one)) == "3344556677"


async def test_keys_of_a_person_all_count(one: Line) -> None:
    for place, key in enumerate("0012333*#"):
        one.key(key, 1000 + place * 0.16, 0.12)
    assert keys(await told(one)) == "0012333*#"


async def test_one_press_told_twice_counts_once(one: Line) -> None:
    for place, key in enumerate("1122"):
        for _ in range(2):
            one.key(key, 1000 + place * 0.2, 0.0)
    assert keys(await told(one)) == "1122"


async def test_a_flood_of_keys_leaves_room_for_all_else(one: Line) -> None:
    """A call that never heard what became of its SMS would wait for it in silence."""
    for place in range(10 * line.EVENTS):
        one.key("1", 1000 + place, 0.1)
    one.put(Sent("accepted"))
    events = await told(one)
    assert events[-1] == Sent("accepted")
    assert len(events) == line.EVENTS + 1


async def test_keys_count_after_the_clock_of_the_pbx_was_set_back(one: Line) -> None:
    for at in (1000.0, 1000.3, 400.0, 400.3):
        one.key("1", at, 0.1)
    assert keys(await told(one)) == "1111"


async def test_only_the_last_timer_rings(one: Line) -> None:
    one.wait(0.001)
    await asyncio.sleep(0.01)  # it has rung, and nobody has looked yet
    one.wait(0.001)
    assert isinstance(await one.next(), TimedOut)
    one.wait(0)
    assert await told(one) == []


async def test_the_end_of_a_prompt_that_was_cut_off_is_no_news(one: Line) -> None:
    one.put_for(0, Played())
    await one.silence()
    one.put_for(0, Played())
    assert await told(one) == []
