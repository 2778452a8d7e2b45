"""Sending in a browser: what it costs while one types, the letter that makes it dear, undo, also without scripts."""

import re
from collections.abc import Mapping
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from support.accessibility import complaints
from support.panel import LANGUAGES, PanelStage

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

Words = Mapping[str, str]
SAY: Final[Mapping[str, Words]] = {
    "en": {
        "to": "To", "text": "Text", "send": "Send", "undo": "Undo", "plain": "Give up accents where that saves parts",
        "preview": "Preview", "part": "1 part ·", "parts": "2 parts ·", "dear": "“ł” makes this 2 parts of at most 67",
        "swap": "l for ł", "left": "Seconds left:", "back": "nothing was sent, and nothing is charged",
        "nobody": "A landline takes no SMS", "more": "Send later, and more", "again": "Change it and send it again",
        "canceled": "canceled", "sent": "being sent|sent|delivered",
    },
    "pl": {
        "to": "Do", "text": "Treść", "send": "Wyślij", "undo": "Cofnij",
        "plain": "Pisz bez polskich znaków, gdy oszczędza to części",
        "preview": "Podgląd", "part": "1 część ·", "parts": "2 części ·",
        "dear": "Przez „ł” są to 2 części po najwyżej 67", "swap": "l zamiast ł", "left": "Pozostało sekund:",
        "back": "nic nie zostało wysłane ani policzone", "nobody": "Telefon stacjonarny nie odbiera SMS-ów",
        "more": "Wyślij później i inne opcje", "again": "Popraw i wyślij ponownie",
        "canceled": "odwołan|anulowan|cofnięt", "sent": "wysyłan|wysłan|doręczon",
    },
}  # fmt: skip
both = pytest.mark.parametrize("language", LANGUAGES)
DEAR: Final = "Spotkanie przeniesiono na czwartek w sali obok kuchni, o dziewiatej. Pozdrawiam, Pawel"


async def write(page: Page, say: Words, to: str, text: str) -> None:
    await page.goto("/panel/send")
    await page.get_by_label(say["to"], exact=True).fill(to)
    await page.get_by_label(say["text"], exact=True).fill(text)


def button(page: Page, name: str) -> Locator:
    return page.locator("#main").get_by_role("button", name=name, exact=True)


@both
async def test_while_one_types_the_page_says_what_it_comes_to(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language) as page:
        await write(page, say, "601 200 001", DEAR)
        await expect(page.locator("#weight")).to_contain_text(say["part"])
        await expect(page.locator("#outlook")).to_contain_text(re.compile("0[.,]29"))
        await page.get_by_label(say["text"], exact=True).press("End")
        await page.get_by_label(say["text"], exact=True).press_sequentially("ł")
        await expect(page.locator("#weight")).to_contain_text(say["parts"])
        await expect(page.locator("#dear")).to_contain_text(say["dear"])
        await expect(page.locator("#dear")).to_contain_text(say["swap"])
        await expect(page.locator("#outlook")).to_contain_text(re.compile("0[.,]58"))
        assert await complaints(page, language) == []
        await page.get_by_label(say["plain"]).check()
        await expect(page.locator("#weight")).to_contain_text(say["part"])
        await expect(page.locator("#dear")).to_be_empty()
        await page.get_by_label(say["to"], exact=True).fill("601 200 001, 22 200 00 01")
        await expect(page.locator("#outlook")).to_contain_text(say["nobody"])


@both
async def test_what_was_sent_too_soon_is_called_back(stage: PanelStage, language: str) -> None:
    say, to, text = SAY[language], f"60120001{LANGUAGES.index(language)}", f"Za wcześnie ({language})"
    before = await stage.api.get("/v1/balance")
    async with stage.browser(language) as page:
        await write(page, say, to, text)
        await button(page, say["send"]).click()
        await expect(page.locator("#undo")).to_contain_text(say["left"])
        first = int(await page.locator("[data-seconds]").inner_text())
        await expect(page.locator("[data-seconds]")).not_to_have_text(str(first))
        await button(page, say["undo"]).click()
        await expect(page.get_by_role("status").first).to_contain_text(say["back"])
        await expect(page.locator("#undo")).to_have_count(0)
        assert await stage.api.get("/v1/balance") == before
        await button(page, say["again"]).click()
        await expect(page.get_by_label(say["text"], exact=True)).to_have_value(text)
    found = await stage.api.get(f"/v1/messages?to=%2B48{to}&limit=10")
    assert [one["status"] for one in found["data"]] == ["canceled"]


async def test_when_the_count_is_over_it_leaves_and_the_page_says_so(stage: PanelStage) -> None:
    text = "Wyjdzie za dziesięć sekund"
    async with stage.browser("pl", as_="user") as page:
        await write(page, SAY["pl"], "601200021", text)
        await button(page, SAY["pl"]["send"]).click()
        await expect(page.locator("#undo")).to_be_visible()
        seen = await stage.handsets.received("+48601200021", text, within=30)
        assert seen["from"] == "Bramka SMS"
        await expect(page.locator("#undo")).not_to_be_visible()
        await expect(page.locator("#sent table")).to_contain_text(
            re.compile(SAY["pl"]["sent"]), timeout=15_000
        )


@both
async def test_without_scripts(stage: PanelStage, language: str) -> None:
    say, text = SAY[language], f"Bez skryptów: ł ({language})"
    async with stage.browser(language, java_script_enabled=False) as page:
        await write(page, say, "601200031", text)
        await page.get_by_label(say["plain"]).check()
        await button(page, say["preview"]).click()
        await expect(page.locator("#weight")).to_contain_text(say["part"])
        await expect(page.locator("#outlook")).to_contain_text(re.compile("0[.,]29"))
        await expect(page.get_by_label(say["plain"])).to_be_checked()
        await button(page, say["send"]).click()
        await button(page, say["undo"]).click()
        await expect(page.get_by_role("status").first).to_contain_text(say["back"])


@both
async def test_what_is_wrong_is_told_at_its_field_on_a_phone(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language, viewport={"width": 360, "height": 740}) as page:
        await write(page, say, "22 200 00 01", "Hej")
        await button(page, say["send"]).click()
        field = page.get_by_label(say["to"], exact=True)
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(page.locator("#f-to-error")).to_contain_text(say["nobody"])
        await expect(field).to_have_value("22 200 00 01")
        await page.get_by_text(say["more"]).click()
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing is cut off"
        assert await complaints(page, language) == []
