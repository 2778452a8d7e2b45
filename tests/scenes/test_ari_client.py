"""The client of Asterisk's REST interface against one that fails at every stage."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from pydantic import ValidationError

from support.ari import FakeAri, fake_ari
from support.waiting import eventually
from voip_sms.net.ari import (
    Ari,
    AriEvents,
    AriLostError,
    AriRefusedError,
    AriUnreachableError,
    AsteriskSettings,
)
from voip_sms.net.ari.events import REFUSED


@pytest.fixture
async def pbx() -> AsyncIterator[FakeAri]:
    async with fake_ari() as fake:
        yield fake


@pytest.fixture
async def ari(pbx: FakeAri) -> AsyncIterator[Ari]:
    client = Ari(pbx.settings(), deadline=0.5)
    yield client
    await client.close()


# --- requests -----------------------------------------------------------------------------------------------


async def test_names_of_a_path_may_hold_any_character(pbx: FakeAri, ari: Ari) -> None:
    assert await ari.get("sounds", "digits/1") == {"id": "digits"}
    with pytest.raises(AriRefusedError):
        await ari.get("channels", "../sounds?x=1#y")
    assert pbx.requests[-1] == ("GET", "channels/../sounds?x=1#y")


async def test_variables_arrive_as_they_are(pbx: FakeAri, ari: Ari) -> None:
    channel = await pbx.call("flow", "x", app="none")
    channel.where = "stasis"
    text = 'a,"b" ${SHELL(id)}\n€😀 ż&=+%'
    assert await ari.post("channels", channel.id, "variable", variable="SMS_TEXT", value=text) is None
    assert channel.variables == {"SMS_TEXT": text}


async def test_a_refusal_tells_what_asterisk_said(pbx: FakeAri, ari: Ari) -> None:
    with pytest.raises(AriRefusedError, match="404 Channel not found") as found:
        await ari.get("channels", "nobody")
    assert found.value.status == 404
    pbx.password = "changed"
    with pytest.raises(AriRefusedError, match="401 user or password is not"):
        await ari.get("asterisk", "info")


async def test_nothing_there_is_unreachable(pbx: FakeAri, ari: Ari) -> None:
    await pbx.stop()
    with pytest.raises(AriUnreachableError):
        await ari.get("asterisk", "info")


@pytest.mark.parametrize("how", ["hang", "drop"])
async def test_no_answer_is_lost(pbx: FakeAri, ari: Ari, how: str) -> None:
    pbx.fail("POST", "channels", how)
    with pytest.raises(AriLostError):
        await ari.post("channels", endpoint="PJSIP/101")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_what_may_have_been_done_is_not_asked_for_again(pbx: FakeAri, ari: Ari, method: str) -> None:
    """A text for a phone is a PUT: it would be there twice."""
    await ari.get("asterisk", "info")
    pbx.fail(method, "sendMessage", "drop")
    with pytest.raises(AriLostError):
        await ari.call(method, "endpoints", "PJSIP", "101", "sendMessage", body={"body": "Hello"})
    assert len(pbx.asked(method, "sendMessage")) == 1


async def test_a_password_is_nowhere_to_be_read(pbx: FakeAri, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = pbx.settings(password="very-secret-indeed")
    client = Ari(settings)
    with structlog.testing.capture_logs() as entries, pytest.raises(AriRefusedError) as found:
        await client.get("asterisk", "info")
    await client.close()
    for text in (repr(settings), str(found.value), caplog.text, json.dumps(entries, default=str)):
        assert "very-secret" not in text
        assert "dmVyeS1" not in text  # base64 of it
        assert "Basic" not in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url", "127.0.0.1:8088"),
        ("url", "http://u:p@127.0.0.1:8088"),
        ("url", "ws://127.0.0.1"),
        ("url", "http://[::1"),
        ("app", "two words"),
        ("app", "a,b"),
        ("endpoint", "PJSIP/101"),
        ("endpoint", "PJSIP/{user}\r\n"),
        ("user", "a:b"),
        ("port", "1"),
    ],
)
def test_settings_that_cannot_be_meant(key: str, value: str) -> None:
    with pytest.raises(ValidationError):
        AsteriskSettings.model_validate({key: value})


# --- the stream of events -----------------------------------------------------------------------------------


class Listener:
    def __init__(self) -> None:
        self.story: list[str] = []
        self.fail_on = ""

    def hear(self, event: dict[str, Any]) -> None:
        self.story.append(event.get("type", "?"))
        if event.get("type") == self.fail_on:
            raise RuntimeError("odd")

    async def opened(self) -> None:
        self.story.append("opened")

    def lost(self) -> None:
        self.story.append("lost")


@asynccontextmanager
async def listening(client: Ari, listener: Listener) -> AsyncIterator[AriEvents]:
    events = AriEvents(
        client, hear=listener.hear, opened=listener.opened, lost=listener.lost, random=lambda: 0.0
    )
    task = asyncio.create_task(events.run())
    try:
        yield events
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def heard(listener: Listener, kind: str, times: int = 1) -> Callable[[], bool]:
    return lambda: listener.story.count(kind) >= times


async def test_events_come_after_a_lost_connection_too(pbx: FakeAri, ari: Ari) -> None:
    listener = Listener()
    async with listening(ari, listener) as events:
        await pbx.connected()
        await pbx.call("flow", "a")
        await eventually(heard(listener, "StasisStart"))
        assert events.connected
        await pbx.cut()
        await eventually(heard(listener, "opened", 2))
        await pbx.call("flow", "a")
        await eventually(heard(listener, "StasisStart", 2))
    assert listener.story == ["opened", "StasisStart", "lost", "opened", "StasisStart", "lost"]
    await eventually(lambda: not pbx.streams, "the stream was left open")


async def test_a_restarted_pbx_is_found_again(pbx: FakeAri, ari: Ari) -> None:
    listener = Listener()
    async with listening(ari, listener) as events:
        for restart in range(1, 3):
            await pbx.connected(restart)
            await pbx.stop()
            await eventually(lambda: not events.connected)
            await pbx.start()
        await pbx.connected(3)
        await eventually(lambda: events.connected)


async def test_a_wrong_password_is_tried_slowly(pbx: FakeAri) -> None:
    client, listener = Ari(pbx.settings(password="wrong")), Listener()
    async with listening(client, listener) as events:
        await eventually(lambda: "401" in events.why)
        assert not events.connected
        assert not listener.story
    await client.close()


@pytest.mark.parametrize("status", [404, 503])
async def test_a_pbx_that_boots_is_tried_soon(pbx: FakeAri, ari: Ari, status: int) -> None:
    """Its web server is there before its ARI: callers would wait for a refusal's long pause."""
    pbx.refuse_stream = status
    listener = Listener()
    async with listening(ari, listener) as events:
        await eventually(lambda: str(status) in events.why)
        pbx.refuse_stream = 0
        async with asyncio.timeout(REFUSED.first / 2):  # the least that a refusal's pause lasts
            await pbx.connected()


async def test_of_two_with_one_name_the_first_gives_way(pbx: FakeAri, ari: Ari) -> None:
    """Else both would come again and again, each throwing the other out."""
    first, second, other = Listener(), Listener(), Ari(pbx.settings())
    async with listening(ari, first) as loser:
        await pbx.connected()
        async with listening(other, second) as winner:
            await eventually(lambda: "another program" in loser.why)
            assert winner.connected
            assert second.story == ["opened"]
    await other.close()


async def test_one_odd_event_ends_nothing(pbx: FakeAri, ari: Ari) -> None:
    listener = Listener()
    listener.fail_on = "StasisEnd"
    async with listening(ari, listener):
        await pbx.connected()
        channel = await pbx.call("flow", "a")
        await pbx.streams["voip-sms"].send_str("{not json")
        await pbx.streams["voip-sms"].send_str("[1]")
        await pbx.hang_up(channel)
        await eventually(heard(listener, "ChannelDestroyed"))
    assert listener.story.count("opened") == 1
