"""Conversations at the panel, by HTTP: answered from the number that was texted, taken over, noted, blocked."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from support.panel import DATABASES, NAMES, OTHER_NUMBER, PanelStage, Seen, Visitor, panel_on
from support.waiting import eventually
from voip_sms.demo.stage import OWN, SECOND

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANN, BEN = NAMES["admin"]["en"], NAMES["user"]["en"]
HERE: Final = "/panel/conversations"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[PanelStage]:
    async with panel_on(request, _no_forwards) as stage:
        yield stage


def _no_forwards(document: dict[str, Any]) -> None:
    """Nobody else is told: what comes in is there for the panel alone."""
    for number in document["tenants"][0]["numbers"]:
        number.pop("forwards", None)


def at(peer: str) -> str:
    return f"{HERE}/%2B{peer[1:]}"


async def came(stage: PanelStage, who: Visitor, peer: str, text: str, to: str = OWN) -> Seen:
    """A handset writes; the conversation as soon as it is there."""
    await stage.handsets.send(peer, to, text)
    seen: list[Seen] = []

    async def there() -> bool:
        seen[:] = [await who.get(at(peer))]
        return seen[0].status == 200 and text in seen[0].page.text

    await eventually(there, f"{text!r} did not come in")
    return seen[0]


def said(seen: Seen) -> list[tuple[str, str]]:
    """The bubbles: kind and text."""
    return [
        (one["class"].split()[1], one.all("p")[0].text)
        for one in seen.page.all("li")
        if "bubble" in one["class"]
    ]


def listed(seen: Seen) -> list[str]:
    links = [one for talks in seen.page.all("ol", id="talks") for one in talks.all("a")]
    return [one["href"].split("?")[0].rpartition("/")[2].replace("%2B", "+") for one in links]


async def test_an_answer_leaves_from_the_number_that_was_texted(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48603000001"
    thread = await came(stage, ann, peer, "Is it open on Sunday?", to=SECOND)
    assert SECOND in (await ann.get(at(peer))).page.text.replace(" ", "").replace("\xa0", "")
    answered = await ann.send(thread, at(peer), text="Yes, from nine")
    assert answered.status == 200
    assert said(answered) == [("got", "Is it open on Sunday?"), ("own", "Yes, from nine")]
    assert (await stage.handsets.received(peer, "Yes, from nine", 30))["from"] == SECOND


async def test_a_double_click_answers_once_and_a_note_is_written_once(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48603000002"
    thread = await came(stage, ann, peer, "Hello?")
    for _ in range(2):
        await ann.send(thread, at(peer), text="Once")
        await ann.send(thread, f"{at(peer)}/note", note="Seen to")
    assert said(await ann.get(at(peer))) == [("got", "Hello?"), ("own", "Once"), ("note", "Seen to")]
    stored = await stage.api.get(f"/v1/messages?direction=outbound&to=%2B{peer[1:]}")
    assert [one["text"] for one in stored["data"]] == ["Once"], "a note is never sent"


async def test_an_answer_can_be_called_back(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48603000003"
    thread = await came(stage, ann, peer, "Your best price?")
    answered = await ann.send(thread, at(peer), text="Far too little")
    undone = await ann.send(answered, f"{at(peer)}/undo")
    assert "Called back" in undone.page.text
    (answer,) = [one for one in undone.page.all("li") if "own" in one["class"].split()]
    assert "canceled" in answer.text
    assert await stage.handsets.messages(peer) == []


async def test_an_empty_answer_and_an_empty_note_are_told_at_their_fields(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48603000004"
    thread = await came(stage, ann, peer, "Hm")
    nothing = await ann.send(thread, at(peer), text=" ")
    assert nothing.status >= 400
    assert "Write a text first" in nothing.page.text
    no_note = await ann.send(thread, f"{at(peer)}/note", note=" ")
    assert no_note.status == 422
    assert "A note has 1 to" in no_note.page.text
    assert said(await ann.get(at(peer))) == [("got", "Hm")]


async def test_who_comes_second_is_told_who_looks_after_it(stage: PanelStage) -> None:
    ann, ben = await stage.visitor("admin"), await stage.visitor("user")
    peer = "+48603000005"
    of_ann = await came(stage, ann, peer, "Who is there?")
    of_ben = await ben.get(at(peer))
    claimed = await ann.send(of_ann, f"{at(peer)}/claim")
    assert "You look after this conversation." in claimed.page.text
    late = await ben.send(of_ben, f"{at(peer)}/claim")
    assert f"{ANN} looks after this already." in late.page.text
    assert not [one for one in late.page.forms if one["action"].endswith("/release")], "it is not his to end"
    forced = await ben.post(f"{at(peer)}/release", late.form(f"{at(peer)}/note").posted())
    assert forced.status == 403
    assert listed(await ann.get(f"{HERE}?only=mine")) == [peer]
    assert listed(await ben.get(f"{HERE}?only=mine")) == []
    released = await ann.send(claimed, f"{at(peer)}/release")
    taken = await ben.send(await ben.get(at(peer)), f"{at(peer)}/claim")
    assert "Nobody looks after" in released.page.text
    assert "You look after this conversation." in taken.page.text
    ended = await ann.send(await ann.get(at(peer)), f"{at(peer)}/release")
    assert "Nobody looks after" in ended.page.text, "an administrator may"


async def test_lists_show_what_waits_for_whom(stage: PanelStage) -> None:
    ann, ben = await stage.visitor("admin"), await stage.visitor("user")
    peer = "+48603000006"
    thread = await came(stage, ann, peer, "I wait")
    for only in ("all", "unanswered", "unclaimed"):
        assert peer in listed(await ann.get(f"{HERE}?only={only}")), only
    assert peer not in listed(await ann.get(f"{HERE}?only=unread")), "she has looked"
    assert peer in listed(await ben.get(f"{HERE}?only=unread"))
    await ann.send(thread, at(peer), text="Here you are")
    assert peer not in listed(await ann.get(f"{HERE}?only=unanswered"))
    assert peer in listed(await ann.get(f"{HERE}?only=unclaimed"))
    assert listed(await ann.get(HERE))[0] == peer, "the newest word is on top"


async def test_a_sender_is_blocked_from_its_conversation_by_an_administrator(stage: PanelStage) -> None:
    ann, ben = await stage.visitor("admin"), await stage.visitor("user")
    peer = "+48603000007"
    thread = await came(stage, ann, peer, "Buy now")
    assert not [one for one in (await ben.get(at(peer))).page.forms if one["action"].endswith("/block")]
    blocked = await ann.send(thread, f"{at(peer)}/block")
    assert "Blocked" in blocked.page.text
    again = await ann.post(f"{at(peer)}/block", thread.form(f"{at(peer)}/block").posted())
    assert "on the blacklist already" in again.page.text
    await came(stage, ann, peer, "Buy twice")
    assert peer not in listed(await ben.get(f"{HERE}?only=unread")) or len(said(await ben.get(at(peer)))) == 2
    rules = await stage.api.get("/v1/blacklist")
    assert peer in [one["value"] for one in rules["data"]]


async def test_what_is_written_stays_text(stage: PanelStage) -> None:
    ann, peer = await stage.visitor("admin"), "+48603000008"
    evil = "<script>alert(1)</script><b>x</b>"
    thread = await came(stage, ann, peer, evil)
    noted = await ann.send(thread, f"{at(peer)}/note", note=f"note {evil}")
    assert said(noted) == [("got", evil), ("note", f"note {evil}")]
    assert evil in (await ann.get(HERE)).page.text
    assert not noted.page.all("b")


async def test_the_other_customers_conversations_are_not_there(stage: PanelStage) -> None:
    otto, ann = await stage.visitor("stranger"), await stage.visitor("admin")
    peer = "+48603000009"
    thread = await came(stage, otto, peer, "For Otto alone", to=OTHER_NUMBER)
    assert peer not in listed(await ann.get(HERE))
    assert (await ann.get(at(peer))).status == 404
    own = await came(stage, ann, "+48603000010", "Ours")
    fields = own.form(f"{at('+48603000010')}/note").posted()
    for act in ("claim", "note"):
        assert (await ann.post(f"{at(peer)}/{act}", [*fields, ("note", "x")])).status == 404, act
    assert said(await otto.get(at(peer))) == said(thread)


async def test_operators_and_strangers_see_none(stage: PanelStage) -> None:
    operator, nobody = await stage.visitor("operator"), await stage.visitor()
    assert (await operator.get(HERE)).status == 403
    assert (await nobody.get(HERE)).path.startswith("/panel/sign-in")
    for strange in ("%00", "a" * 300, "%F0%9F%98%80", ".."):
        ann = await stage.visitor("admin")
        assert (await ann.get(f"{HERE}/{strange}")).status in (200, 404)


async def test_pages_are_in_polish(stage: PanelStage) -> None:
    anna, peer = await stage.visitor("admin", "pl"), "+48603000011"
    thread = await came(stage, anna, peer, "Dzień dobry, czy jest otwarte?")
    for words in ("Rozmowy", "Twoja odpowiedź", "Nikt nie prowadzi tej rozmowy"):
        assert words in thread.page.text
