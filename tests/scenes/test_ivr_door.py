"""Calls through the IVR door, at a PBX that can fail at every stage."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.ari import Channel
from support.ivr import FLOW, Exchange, FakeCalling, exchange
from support.waiting import eventually
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.doors.ivr import runner, shelf
from voip_sms.doors.ivr.events import Prompt, Sound
from voip_sms.doors.ivr.machine import Machine
from voip_sms.doors.ivr.prompts import Prompts

CALLER = "601234567"
OK, FAILED, REFUSED = "sound:sent", "sound:failed", "sound:refused"


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "LOOK", 0.05)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with exchange(tmp_path) as made:
        yield made


async def enter(house: Exchange, flow: str = "address", caller: str = CALLER, **fields: object) -> Channel:
    variables = {"SMS_VAR_OFFICE": "ul. Polna 3"}
    return await house.pbx.call("flow", flow, caller=caller, variables=variables, **fields)


async def at(channel: Channel, *sounds: str) -> None:
    """Until the caller has heard the beginning of these, and nothing else."""
    await eventually(lambda: channel.played == list(sounds), f"never heard {sounds} alone")


async def welcomed(house: Exchange, caller: str = CALLER) -> Channel:
    """A call at the menu."""
    channel = await enter(house, caller=caller)
    await at(channel, "sound:welcome")
    return channel


async def gone(channel: Channel) -> None:
    await eventually(lambda: channel.where == "gone", "the call never ended")


async def back(channel: Channel) -> None:
    await eventually(lambda: channel.where == "dialplan", "the call never went back")


# --- what a caller wants ------------------------------------------------------------------------------------


async def test_key_1_sends_one_sms_to_the_caller(house: Exchange) -> None:
    channel = await welcomed(house)
    await house.pbx.press(channel, "1")
    await gone(channel)
    assert channel.played == ["sound:welcome", OK]
    (order,) = house.calling.orders
    assert (order.to, order.text, order.step) == ("+48601234567", "Adres: ul. Polna 3", "send")
    assert order.call_id == f"02:00:00:00:00:01/{channel.id}/2026-11-22T10:00:00.123+0000"
    assert order.caller == CALLER
    assert [(line.step, line.decision) for line in order.trace] == [("ivr welcome", "send")]
    assert house.ended == [("address", "hung_up")]


async def test_key_2_sends_one_sms_to_the_entered_number(house: Exchange) -> None:
    channel = await welcomed(house)
    await house.pbx.press(channel, "2")
    await at(channel, "sound:welcome", "sound:ask")
    await house.pbx.press(channel, "602333444")
    await gone(channel)
    assert channel.played[-1] == OK
    assert [(order.to, order.step) for order in house.calling.orders] == [("+48602333444", "send2")]


async def test_a_hidden_caller_is_asked_for_a_number(house: Exchange) -> None:
    channel = await welcomed(house, caller="")
    await house.pbx.press(channel, "1")
    await at(channel, "sound:welcome", "sound:ask")
    assert not house.calling.orders


async def test_a_key_stops_the_prompt(house: Exchange) -> None:
    house.pbx.plays = None
    channel = await welcomed(house)
    await house.pbx.press(channel, "2")
    await at(channel, "sound:welcome", "sound:ask")
    assert channel.stopped == ["sound:welcome"]


async def test_a_sound_that_was_being_ordered_when_a_key_came_is_stopped(house: Exchange) -> None:
    """Or it would begin after all, and be heard before the prompt that the key asked for."""
    house.pbx.plays = None
    ordering = asyncio.Event()
    house.pbx.slow_play = ordering
    channel = await enter(house)
    await eventually(lambda: bool(house.pbx.asked("POST", "play")))
    await house.pbx.press(channel, "2")
    ordering.set()
    await at(channel, "sound:welcome", "sound:ask")
    assert channel.stopped == ["sound:welcome"]


async def test_a_key_before_the_first_prompt_counts(house: Exchange) -> None:
    channel = await enter(house)
    await house.pbx.press(channel, "1")
    await gone(channel)
    assert channel.played[-1] == OK
    assert len(house.calling.orders) == 1


async def test_prompts_follow_one_another(house: Exchange) -> None:
    house.pbx.plays = None
    channel = await welcomed(house)
    await house.pbx.press(channel, "*")
    await at(channel, "sound:welcome", "sound:first")
    await house.pbx.finish(channel)
    await at(channel, "sound:welcome", "sound:first", "sound:second")
    await house.pbx.finish(channel)
    await at(channel, "sound:welcome", "sound:first", "sound:second", "sound:welcome")


async def test_each_press_is_one_digit_though_it_is_told_twice(house: Exchange) -> None:
    """An application that is subscribed to the endpoint too hears everything twice."""
    channel = await welcomed(house)
    await house.pbx.press(channel, "2", times=2)
    await at(channel, "sound:welcome", "sound:ask")
    await house.pbx.press(channel, "602333444", times=2)
    await gone(channel)
    assert [order.to for order in house.calling.orders] == ["+48602333444"]


async def test_arguments_of_stasis_are_variables_too(house: Exchange) -> None:
    channel = await house.pbx.call("flow", "address", "office=Rynek 1", "caller=605111222", caller="22")
    await house.pbx.press(channel, "1")
    await gone(channel)
    (order,) = house.calling.orders
    assert (order.to, order.text) == ("+48605111222", "Adres: Rynek 1")


async def test_a_call_that_was_not_answered_is(house: Exchange) -> None:
    channel = await enter(house, state="Ring")
    await at(channel, "sound:welcome")
    assert channel.state == "Up"


async def test_a_transfer_goes_where_the_flow_says(house: Exchange) -> None:
    flow = FLOW.replace("timeout: 5, tries: 2", "timeout: 1, tries: 1")
    house.write("address", flow)
    await house.shelf[0].read()
    channel = await enter(house)
    await back(channel)
    assert channel.left_to == {"context": "office", "extension": "7", "priority": "1"}
    assert channel.variables["SMS_FLOW_STATUS"] == "none"
    assert house.ended == [("address", "left")]


async def test_who_hangs_up_while_it_is_sent_gets_it(tmp_path: Path) -> None:
    calling = FakeCalling(hold=asyncio.Event())
    async with exchange(tmp_path, calling=calling) as house:
        channel = await welcomed(house)
        await house.pbx.press(channel, "1")
        await eventually(lambda: bool(calling.orders))
        await house.pbx.hang_up(channel)
        await eventually(lambda: house.ended == [("address", "caller_gone")])
        assert calling.hold is not None
        calling.hold.set()
        await house.door.stop(2)
    assert len(calling.orders) == 1


# --- what the engine says -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "calling",
    [
        FakeCalling(fail=StoreUnavailableError()),
        FakeCalling(fail=Refusal("rate_limited")),
        FakeCalling(fail=RuntimeError("a fault")),
    ],
    ids=["store", "rate", "fault"],
)
async def test_an_engine_that_fails_is_never_heard_as_success(tmp_path: Path, calling: FakeCalling) -> None:
    async with exchange(tmp_path, calling=calling) as house:
        channel = await welcomed(house)
        await house.pbx.press(channel, "1")
        await gone(channel)
        assert channel.played == ["sound:welcome", FAILED]


async def test_a_refusal_is_heard_as_one(tmp_path: Path) -> None:
    async with exchange(tmp_path, calling=FakeCalling(refuse="limit_reached")) as house:
        channel = await welcomed(house)
        await house.pbx.press(channel, "1")
        await gone(channel)
        assert channel.played == ["sound:welcome", REFUSED]


async def test_an_engine_that_never_answers_is_heard_as_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SEND_SECONDS", 0.05)
    async with exchange(tmp_path, calling=FakeCalling(hold=asyncio.Event())) as house:
        channel = await welcomed(house)
        await house.pbx.press(channel, "1")
        await gone(channel)
        assert channel.played == ["sound:welcome", FAILED]


async def test_keys_pressed_while_it_is_sent_send_nothing_more(tmp_path: Path) -> None:
    calling = FakeCalling(hold=asyncio.Event())
    async with exchange(tmp_path, calling=calling) as house:
        channel = await welcomed(house)
        await house.pbx.press(channel, "1")
        await eventually(lambda: bool(calling.orders))
        await house.pbx.press(channel, "1" * 200)
        assert calling.hold is not None
        calling.hold.set()
        await gone(channel)
    assert len(calling.orders) == 1


# --- calls that are not for us ------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [("flow", "nosuch"), ("other",), (), ("flow",)])
async def test_what_nobody_knows_goes_on_in_the_dialplan(house: Exchange, args: tuple[str, ...]) -> None:
    channel = await house.pbx.call(*args)
    await back(channel)
    assert channel.variables == {"SMS_FLOW_STATUS": "failed", "SMS_FLOW_CODE": "unknown"}
    assert channel.left_to == {}


async def test_a_flow_that_is_off_goes_on_in_the_dialplan(tmp_path: Path) -> None:
    async with exchange(tmp_path, calling=FakeCalling(known=False)) as house:
        channel = await enter(house)
        await back(channel)
        assert channel.variables["SMS_FLOW_CODE"] == "off"


async def test_one_call_too_many_goes_on_in_the_dialplan(tmp_path: Path) -> None:
    async with exchange(tmp_path, most=1) as house:
        house.pbx.plays = None
        first = await enter(house)
        await at(first, "sound:welcome")
        second = await enter(house)
        await back(second)
        assert second.variables["SMS_FLOW_CODE"] == "busy"
        await house.pbx.hang_up(first)
        await eventually(lambda: house.door.calls == 0)
        await at(await enter(house), "sound:welcome")


# --- a PBX that fails ---------------------------------------------------------------------------------------


async def test_a_missing_sound_is_the_flows_failure(house: Exchange) -> None:
    channel = await welcomed(house)
    house.pbx.sounds.remove("ask")  # after it was checked
    await house.pbx.press(channel, "2")
    await gone(channel)
    assert channel.played == ["sound:welcome", "sound:ask", FAILED]


@pytest.mark.parametrize("how", [500, "drop"])
async def test_a_pbx_that_plays_nothing_gets_the_call_back(house: Exchange, how: int | str) -> None:
    house.pbx.fail("POST", "play", how)
    channel = await enter(house)
    await gone(channel)  # the failure prompt can't be played either: the flow ends by hanging up
    assert not channel.played


async def test_handing_back_is_tried_again(house: Exchange) -> None:
    house.pbx.fail("POST", "continue", 503, times=2)
    channel = await house.pbx.call("flow", "nosuch")
    await back(channel)
    assert len(house.pbx.asked("POST", "continue")) == 3


async def test_a_caller_who_hangs_up_at_once_leaves_nothing_behind(house: Exchange) -> None:
    for _ in range(20):
        channel = await enter(house)
        await house.pbx.hang_up(channel)
    await eventually(lambda: house.door.calls == 0)
    assert not house.calling.orders


async def test_a_fault_of_ours_hands_the_call_back(house: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = await welcomed(house)
    monkeypatch.setattr(Machine, "on", lambda *_: 1 / 0)
    await house.pbx.press(channel, "1")
    await back(channel)
    assert channel.variables["SMS_FLOW_CODE"] == "fault"
    assert house.ended == [("address", "failed")]


async def test_a_call_that_is_stuck_is_handed_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LONGEST", 0.2)
    async with exchange(tmp_path) as house:
        house.pbx.plays = None
        channel = await welcomed(house)
        await back(channel)
        assert channel.stopped == ["sound:welcome"]


async def test_a_prompt_that_cannot_be_made_is_the_flows_failure(
    house: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await welcomed(house)
    media = Prompts.media

    async def faulty(self: Prompts, prompt: Prompt) -> object:
        return 1 / 0 if prompt == Sound("ask") else await media(self, prompt)

    monkeypatch.setattr(Prompts, "media", faulty)
    await house.pbx.press(channel, "2")
    await gone(channel)
    assert channel.played[-1] == FAILED


async def test_variables_that_cannot_be_read_hand_the_call_back(house: Exchange) -> None:
    house.pbx.fail("GET", "variable", 500)
    channel = await enter(house)
    await back(channel)
    assert channel.variables["SMS_FLOW_CODE"] == "fault"


# --- the connection, and us, come and go --------------------------------------------------------------------


async def test_without_us_the_dialplan_goes_on(house: Exchange) -> None:
    await house.door.stop(0)
    await eventually(lambda: not house.pbx.streams)
    channel = await enter(house)
    assert channel.where == "dialplan"


async def test_orphans_go_on_in_the_dialplan(house: Exchange) -> None:
    """Calls of a process that was killed: nobody knows of them any more."""
    for name in ("a.1", "a.2"):
        house.pbx.channels[name] = Channel(name, "voip-sms", ("flow", "address"))
    house.pbx.channels["b.1"] = Channel("b.1", "other-app", ("x",))
    await house.pbx.cut()
    await house.pbx.connected(2)
    for name in ("a.1", "a.2"):
        await back(house.pbx.channels[name])
        assert house.pbx.channels[name].variables["SMS_FLOW_CODE"] == "lost"
    assert house.pbx.channels["b.1"].where == "stasis"


async def test_a_lost_connection_frees_the_caller_and_sends_nothing_twice(house: Exchange) -> None:
    house.calling.hold = asyncio.Event()
    channel = await welcomed(house)
    await house.pbx.press(channel, "1")
    await eventually(lambda: bool(house.calling.orders))
    await house.pbx.cut()
    await back(channel)
    house.calling.hold.set()
    assert channel.variables["SMS_FLOW_CODE"] == "lost"
    await at(await enter(house), "sound:welcome")
    assert len(house.calling.orders) == 1


async def test_orphans_are_looked_for_until_the_pbx_tells(house: Exchange) -> None:
    house.pbx.channels["a.1"] = Channel("a.1", "voip-sms", ("flow", "address"))
    house.pbx.fail("GET", "channels", 500, times=1)
    await house.pbx.cut()
    await back(house.pbx.channels["a.1"])


async def test_a_call_that_comes_while_orphans_are_looked_for_is_none(house: Exchange) -> None:
    house.pbx.channels["a.1"] = Channel("a.1", "voip-sms", ("flow", "address"))
    await house.pbx.cut()
    await house.pbx.connected(2)
    channel = await enter(house)
    await back(house.pbx.channels["a.1"])
    assert channel.where == "stasis"


async def test_two_restarts_of_the_pbx(house: Exchange) -> None:
    for restart in range(1, 3):
        channel = await welcomed(house)
        await house.pbx.stop()
        await eventually(lambda: house.door.calls == 0)
        await house.pbx.start()
        await house.pbx.connected(1 + restart)
    channel = await welcomed(house)
    await house.pbx.press(channel, "1")
    await gone(channel)
    assert len(house.calling.orders) == 1


async def test_a_stop_hands_calls_back(house: Exchange) -> None:
    house.pbx.plays = None
    channel = await welcomed(house)
    await house.door.stop(0)
    await back(channel)
    assert channel.variables["SMS_FLOW_CODE"] == "stopped"
    await eventually(lambda: not house.pbx.streams, "it still listens")


async def test_a_stop_while_a_key_waits_for_the_pbx_hands_the_call_back(house: Exchange) -> None:
    """What plays is being stopped for the key, and the PBX has not even said that it plays it."""
    house.pbx.plays = None
    house.pbx.slow_play = asyncio.Event()
    channel = await enter(house)
    await eventually(lambda: bool(channel.played))
    await house.pbx.press(channel, "2")
    await house.pbx.press(channel, "6")
    await asyncio.wait_for(house.door.stop(0), 4)
    assert channel.variables["SMS_FLOW_CODE"] == "stopped"
    assert channel.played == ["sound:welcome"]


async def test_a_stop_lets_last_words_be_heard(tmp_path: Path) -> None:
    calling = FakeCalling(hold=asyncio.Event())
    async with exchange(tmp_path, calling=calling) as house:
        channel = await welcomed(house)
        await house.pbx.press(channel, "1")
        await eventually(lambda: bool(calling.orders))
        stopping = asyncio.create_task(house.door.stop(10))
        assert calling.hold is not None
        calling.hold.set()
        await stopping
        assert channel.played[-1] == OK


async def test_a_channel_that_comes_again_is_a_new_call(house: Exchange) -> None:
    """The dialplan may have one Stasis() after another."""
    channel = await house.pbx.call("flow", "nosuch")
    await back(channel)
    channel.where, channel.args = "stasis", ("flow", "address")
    await house.pbx.tell("StasisStart", channel, args=["flow", "address"])
    await at(channel, "sound:welcome")


# --- flows come and go --------------------------------------------------------------------------------------


async def test_a_broken_file_leaves_the_running_flow(house: Exchange) -> None:
    house.write("address", FLOW.replace("next: welcome", "next: nowhere"))
    house.write("second", FLOW)
    await eventually(lambda: house.shelf[0].get("second") is not None)
    assert [problem.partition(": ")[0] for problem in house.shelf[0].problems] == [
        f"{house.folder / 'address.yaml'}:11"
    ]
    await at(await enter(house), "sound:welcome")
    (house.folder / "address.yaml").unlink()
    await eventually(lambda: house.shelf[0].get("address") is None)


async def test_a_flow_whose_sound_is_missing_is_refused(house: Exchange) -> None:
    house.write("second", FLOW.replace("sound: ask", "sound: nosuch"))
    await eventually(lambda: bool(house.shelf[0].problems))
    (problem,) = house.shelf[0].problems
    assert problem == f"{house.folder / 'second.yaml'}:13: steps.number.sound: the PBX has no sound nosuch"
    assert house.shelf[0].get("second") is None


async def test_a_flow_without_a_voice_is_refused(house: Exchange) -> None:
    house.speech.broken = "espeak-ng is not here"
    house.write("second", FLOW.replace("{sound: ask}", "{say: Numer}"))
    await eventually(lambda: bool(house.shelf[0].problems))
    assert "espeak-ng is not here" in house.shelf[0].problems[0]
    assert house.shelf[0].get("second") is None


async def test_texts_are_spoken_before_anybody_calls(house: Exchange) -> None:
    house.write("second", FLOW.replace("{sound: welcome}", "{say: Dzień dobry}"))
    await eventually(lambda: house.shelf[0].get("second") is not None)
    assert ("pl", "Dzień dobry") in house.speech.said
    before = len(house.speech.said)
    channel = await enter(house, "second")
    await eventually(lambda: bool(channel.played))
    assert channel.played[0].startswith("sound:/")
    assert Path(f"{channel.played[0].removeprefix('sound:')}.wav").read_bytes() == "RIFFDzień dobry".encode()
    assert len(house.speech.said) == before


async def test_a_text_of_several_lines_is_spoken_before_anybody_calls(house: Exchange) -> None:
    house.write("second", FLOW.replace("{sound: welcome}", '{say: "Dzień dobry,\n  tu Acme.\\n"}'))
    await eventually(lambda: house.shelf[0].get("second") is not None)
    before = len(house.speech.said)
    channel = await enter(house, "second")
    await eventually(lambda: bool(channel.played))
    assert house.speech.said[-1] == ("pl", "Dzień dobry, tu Acme.")
    assert len(house.speech.said) == before


async def test_a_voice_that_is_installed_later_is_heard(
    house: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "AGAIN", 0.05)
    house.speech.broken = "espeak-ng is not here"
    house.write("second", FLOW.replace("{sound: ask}", "{say: Numer}"))
    await eventually(lambda: bool(house.shelf[0].problems))
    house.speech.broken = ""
    await eventually(lambda: house.shelf[0].get("second") is not None)
    assert not house.shelf[0].problems
