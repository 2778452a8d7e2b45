"""Open pages are told what changes, catch up after a lost connection or a restart, and end with their session."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest

from support.events import Event, Stream, listening
from support.html import Element, parsed
from support.panel import NAMES, OTHER_NUMBER, PanelStage, Visitor
from support.waiting import eventually
from voip_sms.demo.stage import OWN
from voip_sms.doors.panel.screens.live import LOOKED_AFTER, OF_SESSION

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS = "/panel/events/conversations"


def at(peer: str) -> str:
    return f"/panel/conversations/%2B{peer[1:]}"


def listen(
    stage: PanelStage, who: Visitor, peer: str = "", last: str = ""
) -> AbstractAsyncContextManager[Stream]:
    path = f"{EVENTS}?listed=1&peer=%2B{peer[1:]}" if peer else f"{EVENTS}?listed=1"
    return listening(stage.http_address, path, dict(who.cookies), last)


async def grown(stream: Stream, text: str) -> tuple[Event, list[Element]]:
    """The first event whose entries of the open conversation have this; the list may have it before."""
    while True:
        event = await stream.until(text)
        entries = [one for one in parsed(event.data).all("li") if one["data-append-to"] == "entries"]
        if any(text in one.text for one in entries):
            return event, entries


async def test_what_comes_in_is_told_and_the_conversation_grows(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48604000001"
    await stage.handsets.send(peer, OWN, "first")
    async with listen(stage, ann) as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert "default-src 'none'" in stream.headers["Content-Security-Policy"]
        await stream.until("first")
    async with listen(stage, ann, peer) as stream:
        await stream.until("first")
        await stage.handsets.send(peer, OWN, "<i>second</i>")
        event, entries = await grown(stream, "second")
    assert (event.name, event.id[:4]) == ("parts", "msg_")
    assert [one.all("p")[0].text for one in entries] == ["first", "<i>second</i>"]
    assert all(one["id"] for one in entries)


async def test_statuses_change_while_somebody_looks(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48604000002"
    await stage.api.post("/v1/messages", {"to": peer, "text": "watch me"})
    async with listen(stage, ann, peer) as stream:
        _, (entry,) = await grown(stream, "delivered")
    assert "watch me" in entry.text


async def test_claims_and_notes_of_colleagues_are_told(stage: PanelStage) -> None:
    ann, ben = await stage.visitor("admin"), await stage.visitor("user")
    peer = "+48604000003"
    await stage.api.post("/v1/messages", {"to": peer, "text": "hello"})
    page = await ann.get(at(peer))
    async with listen(stage, ben, peer) as stream:
        await stream.until("hello")
        await ann.send(page, f"{at(peer)}/claim")
        await stream.until(f"{NAMES['admin']['en']} looks after this conversation.")
        await ann.send(page, f"{at(peer)}/note", note="call them back")
        await stream.until("call them back")


async def test_a_lost_stream_catches_up(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48604000004"
    await stage.api.post("/v1/messages", {"to": peer, "text": "before"})
    async with listen(stage, ann, peer) as stream:
        last = (await stream.until("before")).id
    await stage.api.post("/v1/messages", {"to": peer, "text": "meanwhile"})
    async with listen(stage, ann, peer, last) as stream:
        event = await stream.next()
        assert event is not None
        assert "meanwhile" in event.data, "at once, not when something happens again"


async def test_the_service_restarts_under_an_open_page(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48604000005"
    await stage.api.post("/v1/messages", {"to": peer, "text": "before the restart"})
    async with listen(stage, ann, peer) as stream:
        last = (await stream.until("before the restart")).id
        assert await stage.serve.stop() == 0, "an open page does not hold it up"
        while await stream.next() is not None:
            pass
    await stage.serve.start()
    await stage.handsets.send(peer, OWN, "after the restart")
    async with listen(stage, ann, peer, last) as stream:
        await stream.until("after the restart")


async def test_who_signs_out_is_told_nothing_more(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48604000006"
    await stage.api.post("/v1/messages", {"to": peer, "text": "hello"})
    async with listen(stage, ann, peer) as stream:
        await stream.until("hello")
        await ann.send(await ann.get("/panel"), "/panel/sign-out")
        await asyncio.sleep(LOOKED_AFTER + 0.5)  # it is looked no sooner
        await stage.api.post("/v1/messages", {"to": peer, "text": "secret"})
        while (event := await stream.next()) is not None:
            assert "secret" not in event.data


async def test_the_other_customer_hears_nothing_of_it(stage: PanelStage) -> None:
    otto, peer = await stage.visitor("stranger"), "+48604000007"
    async with listen(stage, otto, peer) as stream:
        await stage.handsets.send(peer, OWN, "for acme alone")
        await stage.handsets.send("+48604000008", OTHER_NUMBER, "for otto")
        said = ""
        while "for otto" not in said:
            event = await stream.next()
            assert event is not None
            said = event.data
            assert "for acme alone" not in said


async def test_streams_are_counted_and_for_those_who_may(stage: PanelStage) -> None:
    ann, operator = await stage.visitor("admin"), await stage.visitor("operator")
    nobody = await stage.visitor()
    async with AsyncExitStack() as stack:
        for _ in range(OF_SESSION):
            assert (await stack.enter_async_context(listen(stage, ann))).status == 200
        assert (await stack.enter_async_context(listen(stage, ann))).status == 429
        assert (await stack.enter_async_context(listen(stage, operator))).status == 403
        assert (await stack.enter_async_context(listen(stage, nobody))).status == 401
    assert (await ann.get("/panel/events/nothing")).status == 404

    async def open_again() -> bool:
        async with listen(stage, ann) as stream:
            return stream.status == 200

    await eventually(open_again, "those that were closed still count")
