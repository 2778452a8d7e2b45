"""Journeys through home and history in Chromium: what went wrong and why, several at once, a file, paper, a phone."""

import csv
import io
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from support.panel import DATABASES, LANGUAGES, PanelStage, panel_on
from support.panel_data import PATIENTS
from support.waiting import eventually
from voip_sms.demo.stage import OWN

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

SPOKEN, FAILED, LATER = "Your glasses are ready <b>now</b>", "Nobody gets this", "See you tomorrow"
PHONE: Final = {"width": 360, "height": 740}
SAY: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "failed": "message of today was not delivered", "why": "The network refused it", "delivered": "delivered",
        "block": "Block the sender", "blocked": "Blocked: nothing of this sender is handed on any more.",
        "refresh": "Refresh", "cancel": "Cancel sending", "selected": "Selected: 3", "fresh": "Up to date",
        "canceled": "message canceled", "late": "had left already", "show": "Show", "bills": "Prices and bills", "together": "Together", "number": "Number",
        "state": "State", "menu": "Menu", "history": "History", "numbers": "Show the numbers", "chart": "Messages by the hour", "sent": "Sent",
        "csv": "Columns parted by commas", "text": "Text", "scheduled": "Scheduled", "none": "Nothing like this was found",
    },
    "pl": {
        "failed": "dzisiejsza wiadomość nie została doręczona", "why": "Sieć odrzuciła wiadomość",
        "delivered": "doręczona", "block": "Zablokuj nadawcę",
        "blocked": "Zablokowano: wiadomości od tego nadawcy nie będą już przekazywane.",
        "refresh": "Odśwież", "cancel": "Anuluj wysyłkę", "selected": "Zaznaczone: 3", "fresh": "Aktualne",
        "canceled": "Anulowano 1 wiadomość", "late": "już wyszły", "show": "Pokaż", "bills": "Ceny i rachunki", "together": "Razem", "number": "Numer",
        "state": "Stan", "menu": "Menu", "history": "Historia", "numbers": "Pokaż liczby", "chart": "Wiadomości w kolejnych godzinach", "sent": "Wysłane",
        "csv": "Kolumny rozdzielone przecinkami", "text": "Treść", "scheduled": "Zaplanowane",
        "none": "Niczego takiego nie znaleziono",
    },
}  # fmt: skip
both = pytest.mark.parametrize("language", LANGUAGES)


def _quiet(document: dict[str, Any]) -> None:
    """Nobody else is told, so that there are no other messages than those of the test; days are UTC's."""
    for number in document["tenants"][0]["numbers"]:
        number.pop("forwards", None)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[PanelStage]:
    """A service with one message of every fate."""
    async with panel_on(request, _quiet) as stage:
        await stage.api.post("/v1/messages", {"to": PATIENTS[0], "text": SPOKEN})
        await stage.handsets.fault("reject", command_status="RINVDSTADR", to=PATIENTS[2], count=1)
        await stage.api.post("/v1/messages", {"to": PATIENTS[2], "text": FAILED})
        for number, text in zip(("+48600700001", "+48600700002"), ("Spam one", "Spam two"), strict=True):
            await stage.handsets.send(number, OWN, text)

        async def settled() -> bool:
            found = (await stage.api.get("/v1/messages?limit=10"))["data"]
            return sorted(one["status"] for one in found) == ["delivered", "failed", "received", "received"]

        await eventually(settled, "not every message ended")
        yield stage


async def schedule(stage: PanelStage, text: str) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await stage.api.post("/v1/messages", {"to": PATIENTS[1], "text": text, "send_at": tomorrow})


async def fits(page: Page) -> bool:
    """Whether nobody has to scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


# --- journeys -----------------------------------------------------------------------------------------------


@both
async def test_from_what_needs_somebody_to_why_it_failed(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language, as_="user") as page:
        await page.goto("/panel")
        await page.get_by_role("link", name=say["failed"]).click()
        await expect(page).to_have_url(re.compile("status=bad"))
        row = page.get_by_role("row").filter(has_text=FAILED)
        await row.locator("a.whole").click()
        await page.get_by_role("alert").filter(has_text=say["why"]).wait_for()
        await page.get_by_text("ESME_RINVDSTADR").wait_for()


@both
async def test_the_chart_has_its_numbers_behind(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language) as page:
        await page.goto("/panel")
        chart = page.get_by_role("img", name=say["chart"])
        await chart.wait_for()
        await page.get_by_text(say["numbers"]).click()
        table = page.locator("figure table")
        await expect(table.get_by_role("columnheader").nth(1)).to_have_text(say["sent"])
        shown = await table.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].slice(1).map(cell => Number(cell.textContent)))"
        )
        assert [sum(column) for column in zip(*shown, strict=True)] == [2, 2, 1]


@both
async def test_several_are_selected_with_shift_refreshed_and_called_back(
    stage: PanelStage, language: str
) -> None:
    say, text = SAY[language], f"{LATER} ({language})"
    await schedule(stage, text)
    async with stage.browser(language) as page:
        await page.goto("/panel/history?direction=outbound")
        boxes = page.locator("input[data-pick]")
        await expect(page.get_by_role("button", name=say["cancel"])).to_be_hidden()
        await boxes.nth(0).click()
        await boxes.nth(2).click(modifiers=["Shift"])
        await page.get_by_text(say["selected"]).wait_for()
        await page.get_by_role("button", name=say["refresh"]).click()
        await page.get_by_role("status").filter(has_text=say["fresh"]).wait_for()
        assert [await boxes.nth(at).is_checked() for at in range(3)] == [True, True, True]
        await page.get_by_role("button", name=say["cancel"]).click()
        done = page.get_by_role("status").filter(has_text=say["canceled"])
        await expect(done).to_contain_text(say["late"])
        await expect(page).to_have_url(re.compile("direction=outbound"))


@both
async def test_without_a_script_it_is_the_same(stage: PanelStage, language: str) -> None:
    say, text = SAY[language], f"{LATER}, quietly ({language})"
    await schedule(stage, text)
    async with stage.browser(language, java_script_enabled=False) as page:
        await page.goto("/panel/history")
        await page.get_by_label(say["state"]).select_option(label=say["scheduled"])
        await page.get_by_role("button", name=say["show"], exact=True).click()
        row = page.get_by_role("row").filter(has_text=text)
        await row.get_by_role("checkbox").check()
        await page.get_by_role("button", name=say["refresh"]).click()
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.get_by_role("checkbox").check()
        await page.get_by_role("button", name=say["cancel"]).click()
        await page.get_by_role("status").filter(has_text=say["canceled"]).wait_for()


@both
async def test_a_number_is_found_however_it_is_typed(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language) as page:
        await page.goto("/panel/history")
        await page.get_by_label(say["number"], exact=True).fill("601 234 567")
        await page.get_by_role("button", name=say["show"], exact=True).click()
        await expect(page.locator("tbody tr")).to_have_count(1)
        text = page.locator("tbody summary")
        await expect(text).to_have_attribute("title", SPOKEN)
        await text.click()  # a tap unfolds it, and leads nowhere
        await expect(page.locator("tbody details")).to_have_attribute("open", "")
        assert await page.get_by_label(say["number"], exact=True).input_value() == "601 234 567"
        await page.get_by_label(say["number"], exact=True).fill("601 000 999")
        await page.get_by_role("button", name=say["show"], exact=True).click()
        await page.get_by_text(say["none"]).wait_for()


@both
async def test_a_sender_is_blocked_with_one_click_and_a_question(stage: PanelStage, language: str) -> None:
    say, spam = SAY[language], {"en": "Spam one", "pl": "Spam two"}[language]
    async with stage.browser(language) as page:
        await page.goto("/panel/history?direction=inbound")
        await page.get_by_role("row").filter(has_text=spam).locator("a.whole").click()
        question = page.locator("details.confirm")
        await question.locator("summary").click()
        await question.get_by_role("button", name=say["block"]).click()
        await page.get_by_text(say["blocked"]).wait_for()
        await expect(question).to_have_count(0)


@both
async def test_the_list_goes_into_a_file(stage: PanelStage, language: str) -> None:
    async with stage.browser(language) as page:
        await page.goto("/panel/history?status=bad")
        await page.get_by_text("CSV").click()
        async with page.expect_download() as started:
            await page.get_by_role("link", name=SAY[language]["csv"]).click()
        path = await (await started.value).path()
        (row,) = list(csv.DictReader(io.StringIO(Path(path).read_text("utf-8-sig"), newline="")))
        assert row[SAY[language]["text"]] == FAILED


@both
async def test_on_a_phone_everything_is_at_hand(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language, viewport=PHONE, color_scheme="dark") as page:
        await page.goto("/panel")
        assert await fits(page)
        await page.get_by_text(say["menu"], exact=True).click()
        await page.get_by_role("link", name=say["history"], exact=True).click()
        assert await fits(page)
        card = page.locator("tbody tr").filter(has_text="<b>now</b>")
        await expect(card.get_by_text(say["delivered"])).to_be_visible()
        await card.locator("a.whole").click()
        assert await fits(page)


async def test_paper_has_the_list_and_nothing_around_it(stage: PanelStage) -> None:
    async with stage.browser("en") as page:
        await page.goto("/panel/history")
        await page.emulate_media(media="print")
        await expect(page.get_by_text(SPOKEN)).to_be_visible()
        for around in (".side", ".filters", ".actions", ".bulk", ".pick"):
            await expect(page.locator(around).first).to_be_hidden()


@both
async def test_the_bill_of_this_month_goes_on_paper(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language) as page:
        await page.goto("/panel")
        await page.get_by_role("link", name=say["bills"]).click()
        await page.locator("main a[href^='/panel/bills/']").first.click()
        total = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=say["together"]))
        await expect(total).to_contain_text("PLN")
        await page.emulate_media(media="print")
        await expect(total).to_be_visible()
        await expect(page.locator(".side")).to_be_hidden()


async def test_an_id_is_copied_with_one_click(stage: PanelStage) -> None:
    async with stage.browser("en") as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto("/panel/history")
        await page.locator("a.whole").first.click()
        await page.get_by_role("button", name="Copy").click()
        await page.get_by_role("status").filter(has_text="Copied").wait_for()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert page.url.endswith(f"/{copied}")


async def test_home_follows_what_happens_by_itself(stage: PanelStage) -> None:
    """The page asks anew now and then; here its clock is moved on instead of waiting."""
    async with stage.browser("en") as page:
        await page.clock.install()
        await page.goto("/panel")
        await stage.handsets.send("+48600700009", OWN, "Hello from outside")

        async def came() -> bool:
            found = (await stage.api.get("/v1/messages?direction=inbound&limit=5"))["data"]
            return any(one["text"] == "Hello from outside" for one in found)

        await eventually(came, "it never came in")
        await page.clock.run_for(16_000)
        await page.locator("#latest").get_by_text("Hello from outside").wait_for()
