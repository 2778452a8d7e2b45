"""Conversations in a browser: what comes in appears by itself, an answer goes out, colleagues share the work."""

from collections.abc import Mapping
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from support.accessibility import complaints
from support.panel import LANGUAGES, NAMES, PanelStage
from voip_sms.demo.stage import OWN, SECOND

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

HERE: Final = "/panel/conversations"
SAY: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Conversations", "answer": "Your answer", "send": "Send", "claim": "I look after it",
        "note": "Note", "write note": "Write a note for colleagues", "add": "Add the note",
        "looks after": "{name} looks after this conversation.", "late": "{name} looks after this already.",
        "delivered": "delivered", "undo": "Undo", "back": "Called back", "waiting": "Waiting for an answer",
    },
    "pl": {
        "title": "Rozmowy", "answer": "Twoja odpowiedź", "send": "Wyślij", "claim": "Biorę tę rozmowę",
        "note": "Notatka", "write note": "Napisz notatkę dla współpracowników", "add": "Dodaj notatkę",
        "looks after": "Tę rozmowę prowadzi {name}.", "late": "Tę rozmowę prowadzi już {name}.",
        "delivered": "doręczon", "undo": "Cofnij", "back": "Cofnięto", "waiting": "Czekają na odpowiedź",
    },
}  # fmt: skip
both = pytest.mark.parametrize("language", LANGUAGES)


def at(peer: str) -> str:
    return f"{HERE}/%2B{peer[1:]}"


def peer_of(language: str, n: int) -> str:
    return f"+486050000{LANGUAGES.index(language)}{n}"


def bubble(page: Page, text: str) -> Locator:
    return page.locator("#entries .bubble", has_text=text)


@both
async def test_an_sms_appears_in_the_open_page_and_is_answered_from_the_number_it_came_to(
    stage: PanelStage, language: str
) -> None:
    say, peer = SAY[language], peer_of(language, 1)
    async with stage.browser(language) as page:
        await page.goto(HERE)
        await stage.handsets.send(peer, SECOND, f"Anyone there? {language}")
        talk = page.locator("#talks a", has_text=f"Anyone there? {language}")
        await talk.click()
        await expect(bubble(page, "Anyone there?")).to_be_visible()
        await stage.handsets.send(peer, SECOND, "Hello?!")
        await expect(bubble(page, "Hello?!")).to_be_visible()
        await page.get_by_label(say["answer"]).fill("Here we are")
        await page.get_by_role("button", name=say["send"], exact=True).click()
        answer = bubble(page, "Here we are")
        await expect(answer).to_be_visible()
        assert (await stage.handsets.received(peer, "Here we are", 30))["from"] == SECOND
        await expect(answer).to_contain_text(say["delivered"], timeout=30_000)


@both
async def test_what_somebody_types_stays_while_the_page_changes_around_it(
    stage: PanelStage, language: str
) -> None:
    say, peer = SAY[language], peer_of(language, 2)
    async with stage.browser(language) as page:
        await stage.handsets.send(peer, OWN, "one")
        await page.goto(HERE)
        await page.locator("#talks a", has_text="one").first.click()
        field = page.get_by_label(say["answer"])
        await field.fill("half a sentence")
        await stage.handsets.send(peer, OWN, "two")
        await expect(bubble(page, "two")).to_be_visible()
        await expect(field).to_have_value("half a sentence")
        await expect(field).to_be_focused()


@both
async def test_colleagues_see_who_looks_after_it_and_what_was_noted(stage: PanelStage, language: str) -> None:
    say, peer = SAY[language], peer_of(language, 3)
    name = NAMES["admin"][language]
    await stage.api.post("/v1/messages", {"to": peer, "text": "Your order is ready"})
    async with stage.browser(language) as ann, stage.browser(language, as_="user") as ben:
        for page in (ann, ben):
            await page.goto(at(peer))
        await ann.get_by_role("button", name=say["claim"]).click()
        looks_after = say["looks after"].format(name=name)
        await expect(ben.locator("#talk")).to_contain_text(looks_after)
        await expect(ben.get_by_role("button", name=say["claim"])).to_have_count(0)
        await ann.get_by_text(say["write note"]).click()
        await ann.get_by_label(say["note"], exact=True).fill("Rings back at noon")
        await ann.get_by_role("button", name=say["add"]).click()
        await expect(ben.locator(".bubble.note")).to_contain_text("Rings back at noon")
    assert "Rings back at noon" not in [one["text"] for one in await stage.handsets.messages(peer)]


@both
async def test_a_second_claim_is_told_whose_it_is(stage: PanelStage, language: str) -> None:
    say, peer = SAY[language], peer_of(language, 4)
    await stage.api.post("/v1/messages", {"to": peer, "text": "Your order is ready"})
    async with (
        stage.browser(language) as ann,
        stage.browser(language, as_="user", java_script_enabled=False) as ben,
    ):
        await ben.goto(at(peer))
        await ann.goto(at(peer))
        await ann.get_by_role("button", name=say["claim"]).click()
        await ann.wait_for_load_state()
        await ben.get_by_role("button", name=say["claim"]).click()
        told = say["late"].format(name=NAMES["admin"][language])
        await expect(ben.get_by_role("status").filter(has_text=told)).to_be_visible()


async def test_a_narrow_page_shows_one_after_the_other_and_nothing_sticks_out(stage: PanelStage) -> None:
    peer = peer_of("en", 5)
    await stage.handsets.send(peer, OWN, "Look at https://example.test/" + "a-very-long-address/" * 8)
    async with stage.browser("en", viewport={"width": 360, "height": 740}) as page:
        await page.goto(HERE)
        await page.locator(f"#talks a[href*='{peer[1:]}']").click()
        await expect(bubble(page, "Look at")).to_be_visible()
        await expect(page.locator("#talks")).to_be_hidden()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360


@both
async def test_everybody_can_use_the_pages(stage: PanelStage, language: str) -> None:
    peer = peer_of(language, 7)
    await stage.handsets.send(peer, OWN, "Can you read this?")
    async with stage.browser(language) as page:
        await page.goto(HERE)
        await page.locator(f"#talks a[href*='{peer[1:]}']").wait_for()
        assert await complaints(page, language) == []
        await page.locator(f"#talks a[href*='{peer[1:]}']").click()
        await expect(bubble(page, "Can you read this?")).to_be_visible()
        await page.get_by_text(SAY[language]["write note"]).click()
        assert await complaints(page, language) == []


@both
async def test_an_answer_is_called_back_within_ten_seconds(stage: PanelStage, language: str) -> None:
    say, peer = SAY[language], peer_of(language, 6)
    await stage.handsets.send(peer, OWN, "Tell me")
    async with stage.browser(language) as page:
        await page.goto(HERE)
        await page.locator("#talks a", has_text="Tell me").first.click()
        await page.get_by_label(say["answer"]).fill("Oh no")
        await page.get_by_role("button", name=say["send"], exact=True).click()
        await page.get_by_role("button", name=say["undo"]).click()
        await expect(page.get_by_role("status").filter(has_text=say["back"])).to_be_visible()
    assert "Oh no" not in [one["text"] for one in await stage.handsets.messages(peer)]
