"""What an operator does in a browser: lets a company in, approves its name, sees a carrier go and come back."""

from typing import Final

import pytest
from playwright.async_api import Page, expect

from support.panel import LANGUAGES, PanelStage
from support.waiting import eventually
from voip_sms.doors.panel.frame.words import Catalogues, Words

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

both = pytest.mark.parametrize("language", LANGUAGES)
CATALOGUES: Final = Catalogues.load()
NEW_PASSWORD: Final = "a loaf of good bread"
MESSAGE: Final = {"to": "+48602000001", "text": "Two loaves are ready."}


def words_of(language: str) -> Words:
    return CATALOGUES.of("pl" if language == "pl" else "en")


async def press(page: Page, label: str) -> None:
    await page.get_by_role("button", name=label, exact=True).click()


@both
async def test_a_company_asks_is_let_in_and_signs_in_by_the_mail(stage: PanelStage, language: str) -> None:
    company, mail = f"Piekarnia {language}", f"ewa.{language}@piekarnia.test"
    words = words_of(language)
    stranger = await stage.visitor(None, language)
    form = await stranger.get("/panel/register")
    await stranger.send(form, "/panel/register", company=company, name="Ewa Nowa", mail=mail)
    async with stage.browser(language, as_="operator") as page:
        await page.goto("/panel")
        await page.get_by_role("link", name=words("Registrations"), exact=True).click()
        await page.get_by_role("link", name=company).click()
        await page.locator("input[name=tenant]").fill(f"piekarnia-{language}")
        await page.locator("select[name=price_list]").select_option("std")
        await press(page, words("Approve"))
        await page.get_by_role("heading", name=f"piekarnia-{language}", level=1).wait_for()
        await page.locator("input[name=amount]").fill("20.00")
        await press(page, words("Change the credit"))
        await expect(page.get_by_text(words("The credit is changed."))).to_be_visible()
    letter = await stage.mail.mail_to(mail, containing="/panel/link/")
    link = next(word for word in letter.text.split() if "/panel/link/" in word)
    async with stage.browser(language, as_=None) as page:
        await page.goto(link)
        await page.locator("input[name=new_password]").fill(NEW_PASSWORD)
        await page.locator("input[name=new_password_again]").fill(NEW_PASSWORD)
        await page.locator("main form button").first.click()
        await page.goto("/panel")
        await expect(page.locator(".side").get_by_text(mail)).to_be_visible()


@both
async def test_a_name_is_approved_and_the_customer_sends_with_it(stage: PanelStage, language: str) -> None:
    name, words = f"Chleb {language.upper()}", words_of(language)
    ann = await stage.visitor("admin", language)
    await ann.send(await ann.get("/panel/names"), "/panel/names", name=name)
    status, _, _ = await stage.api.call("POST", "/v1/messages", {**MESSAGE, "from": name})
    assert status == 403
    async with stage.browser(language, as_="operator") as page:
        await page.goto("/panel/operator/names")
        await page.get_by_role("link", name=name).click()
        await press(page, words("Approve the name"))
        await expect(page.get_by_text(words("It is approved, and can be used at once."))).to_be_visible()
    status, _, _ = await stage.api.call("POST", "/v1/messages", {**MESSAGE, "from": name})
    assert status == 202


@both
async def test_a_carrier_that_goes_is_seen_and_seen_to_come_back(stage: PanelStage, language: str) -> None:
    words = words_of(language)
    async with stage.browser(language, as_="operator") as page:
        await page.goto("/panel/operator")
        await expect(page.get_by_text(words("connected"), exact=True)).to_be_visible()
        await stage.handsets.fault("offline")

        async def shows(text: str) -> bool:
            await page.reload()
            return await page.get_by_text(text, exact=True).count() > 0

        await eventually(
            lambda: shows(words("not connected")), "the page never said that the carrier is gone"
        )
        await stage.handsets.heal()
        await eventually(lambda: shows(words("connected")), "the page never said that it is back")


@both
async def test_a_carrier_is_switched_off_and_on_and_the_log_tells_of_it(
    stage: PanelStage, language: str
) -> None:
    words = words_of(language)
    async with stage.browser(language, as_="operator") as page:
        await page.goto("/panel/operator/carriers/sim")
        await page.locator("summary", has_text=words("Switch off")).click()
        await page.locator(".confirm-body button").click()
        await expect(page.get_by_text(words("switched off"), exact=True)).to_be_visible()
        await press(page, words("Switch on"))
        await expect(page.get_by_text(words("It is switched on."))).to_be_visible()
        await page.goto("/panel/audit?object=carriers[sim]&action=changed")
        newest = page.locator("tbody tr").first
        await expect(newest).to_contain_text(f"operator.{language}@operator.test")
        await expect(newest).to_contain_text("enabled")
        await press(page, words("Verify the log"))
        await expect(page.get_by_text(words("nothing was changed, moved or removed"))).to_be_visible()
