"""What every page does the same: language, signing in and out, sessions that end, double clicks, keys, paper, restarts."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from support.browser import tabbed
from support.panel import LANGUAGES, NAMES, PASSWORD, PanelStage, mail_of

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

TO: Final = "+48601123456"
Words = Mapping[str, str]
SAY: Final[Mapping[str, Words]] = {
    "en": {
        "sign in": "Sign in", "sign out": "Sign out", "mail": "E-mail address", "password": "Password",
        "to": "To", "text": "Text", "send": "Send", "carry on": "Carry on with what I typed",
        "other": "Polski", "skip": "Skip to the content",
    },
    "pl": {
        "sign in": "Zaloguj się", "sign out": "Wyloguj się", "mail": "Adres e-mail", "password": "Hasło",
        "to": "Do", "text": "Treść", "send": "Wyślij", "carry on": "Kontynuuj z wpisanymi danymi",
        "other": "English", "skip": "Przejdź do treści",
    },
}  # fmt: skip
both = pytest.mark.parametrize("language", LANGUAGES)


async def sign_in(page: Page, language: str, mail: str, password: str = PASSWORD) -> None:
    """By hand."""
    say = SAY[language]
    await page.get_by_label(say["mail"]).fill(mail)
    await page.get_by_label(say["password"]).fill(password)
    await page.get_by_role("button", name=say["sign in"], exact=True).click()


async def sent_to(stage: PanelStage, text: str) -> int:
    """How many messages with this text there are."""
    found = await stage.api.get("/v1/messages?direction=outbound&limit=100")
    return sum(one["text"] == text for one in found["data"])


async def write(page: Page, language: str, text: str) -> None:
    """Fill in the form for a message."""
    say = SAY[language]
    await page.goto("/panel/send")
    await page.get_by_label(say["to"], exact=True).fill(TO)
    await page.get_by_label(say["text"], exact=True).fill(text)


# --- coming and going ---------------------------------------------------------------------------------------


@both
async def test_a_link_leads_through_signing_in_to_where_it_points(stage: PanelStage, language: str) -> None:
    async with stage.browser(language, as_=None) as page:
        await page.goto("/panel/history?direction=inbound")
        await expect(page).to_have_url(at("/panel/sign-in"))
        await sign_in(page, language, mail_of("admin", language), "wrong horse battery")
        await page.get_by_role("alert").wait_for()
        assert await page.get_by_label(SAY[language]["mail"]).input_value() == mail_of("admin", language)
        assert await page.get_by_label(SAY[language]["password"]).input_value() == ""
        await sign_in(page, language, mail_of("admin", language))
        await expect(page).to_have_url(at("/panel/history"))
        assert urlsplit(page.url).query == "direction=inbound"


@both
async def test_signing_out_ends_it_here_and_on_the_back_button(stage: PanelStage, language: str) -> None:
    async with stage.browser(language) as page:
        await page.goto("/panel/history")
        await page.get_by_role("button", name=SAY[language]["sign out"]).click()
        await expect(page).to_have_url(at("/panel/sign-in"))
        await page.go_back()
        await page.reload()
        await expect(page).to_have_url(at("/panel/sign-in"))


async def test_the_language_can_be_changed_anywhere_and_stays(stage: PanelStage) -> None:
    async with stage.browser("en", as_=None) as page:
        await page.goto("/panel/sign-in")
        await page.get_by_role("button", name="Polski").click()
        await page.get_by_role("heading", name="Zaloguj się").wait_for()
        assert await page.locator("html").get_attribute("lang") == "pl"
        await page.reload()
        await page.get_by_role("heading", name="Zaloguj się").wait_for()
    async with stage.browser("en", as_="user") as page:
        await page.goto("/panel/history")
        await page.get_by_role("button", name="Polski").click()
        await expect(page).to_have_url(at("/panel/history"))
        await page.get_by_role("heading", name="Historia", level=1).wait_for()
        await page.get_by_role("button", name="English").click()
        await page.get_by_role("heading", name="History", level=1).wait_for()


# --- nothing is lost, nothing is done twice -----------------------------------------------------------------


@both
async def test_a_session_that_ended_in_the_middle_keeps_the_text(stage: PanelStage, language: str) -> None:
    text = f"{language}: I wrote this for half an hour"
    async with stage.browser(language) as page:
        await write(page, language, text)
        await page.context.clear_cookies()  # what an expired session looks like
        await page.get_by_role("button", name=SAY[language]["send"], exact=True).click()
        await page.get_by_role("heading", name=SAY[language]["sign in"]).wait_for()
        assert await sent_to(stage, text) == 0
        await sign_in(page, language, mail_of("admin", language))
        await page.get_by_role("button", name=SAY[language]["carry on"]).click()
        await page.get_by_text(text).first.wait_for()
        assert await sent_to(stage, text) == 1


@both
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no script"])
async def test_a_double_click_sends_once(stage: PanelStage, language: str, *, javascript: bool) -> None:
    text = f"{language}: once, please ({javascript})"
    async with stage.browser(language, java_script_enabled=javascript) as page:
        await write(page, language, text)
        await page.get_by_role("button", name=SAY[language]["send"], exact=True).dblclick(no_wait_after=True)
        await page.get_by_text(text).first.wait_for()
        await page.wait_for_load_state()
        assert await sent_to(stage, text) == 1


@both
async def test_going_back_and_sending_again_sends_once(stage: PanelStage, language: str) -> None:
    text = f"{language}: did it leave?"
    async with stage.browser(language, java_script_enabled=False) as page:
        await write(page, language, text)
        fields = await page.evaluate(_FIELDS)
        await page.get_by_role("button", name=SAY[language]["send"], exact=True).click()
        await page.get_by_text(text).first.wait_for()
        again = await page.request.post(
            fields.pop("action"), form=fields, headers={"Origin": f"http://{stage.http_address}"}
        )
        assert again.ok
        assert await sent_to(stage, text) == 1


_FIELDS: Final = """() => {
    const form = document.querySelector("form:has(textarea)");
    return {...Object.fromEntries(new FormData(form)), action: form.action};
}"""


@both
async def test_the_service_is_restarted_under_an_open_page(stage: PanelStage, language: str) -> None:
    text = f"{language}: after the restart"
    async with stage.browser(language, outages=True) as page:
        await write(page, language, text)
        await stage.serve.stop()
        await stage.serve.start()
        await page.get_by_role("button", name=SAY[language]["send"], exact=True).click()
        await page.get_by_text(text).first.wait_for()  # neither session nor form is lost
        assert await sent_to(stage, text) == 1


# --- without a mouse, on paper ------------------------------------------------------------------------------


@both
async def test_somebody_without_a_mouse_sends(stage: PanelStage, language: str) -> None:
    say, text = SAY[language], f"{language}: by keyboard"
    async with stage.browser(language) as page:
        await page.goto("/panel/send")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name=say["skip"])).to_be_focused()
        await page.keyboard.press("Enter")
        await _tab_to(page, say["to"])
        await page.keyboard.type(TO)
        await _tab_to(page, say["text"])
        await page.keyboard.type(text)
        await _tab_to(page, say["send"])
        await page.keyboard.press("Enter")
        await page.get_by_text(text).first.wait_for()
        assert await sent_to(stage, text) == 1


async def _tab_to(page: Page, name: str, most: int = 40) -> None:
    """Press Tab until the control of this name has the focus."""
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await page.evaluate(_NAME) == name:
            return
    raise AssertionError(f"Tab never comes to {name}")


_NAME: Final = """() => {
    const node = document.activeElement;
    const label = node.labels && node.labels[0] ? node.labels[0].firstChild.textContent : node.textContent;
    return (node.getAttribute("aria-label") || label || "").trim();
}"""


@both
async def test_tab_reaches_everything_once(stage: PanelStage, language: str) -> None:
    async with stage.browser(language) as page:
        await page.goto("/panel/history")
        reached = await tabbed(page)
        there = await page.evaluate(_REACHABLE)
        assert len(reached) == len(set(reached))
        assert set(there) <= set(reached)


_REACHABLE: Final = """() => {
    const all = [...document.querySelectorAll('*')];
    return all.filter((node) => node.matches("a[href], button, input:not([type=hidden]), select, textarea, summary")
        && node.tabIndex >= 0 && !node.disabled && node.checkVisibility() && node.type !== "radio")
        .map((node) => `${node.tagName.toLowerCase()}#${all.indexOf(node)}`);
}"""


@both
async def test_on_paper_there_is_what_was_on_the_page_and_nothing_to_click(
    stage: PanelStage, language: str
) -> None:
    await stage.api.post("/v1/messages", {"to": TO, "text": "to be printed"})
    async with stage.browser(language) as page:
        await page.goto("/panel/history")
        await page.emulate_media(media="print")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_text("to be printed").first).to_be_visible()
        for one in await page.get_by_role("navigation").all():
            await expect(one).not_to_be_visible()
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")


@both
async def test_who_is_signed_in_is_on_every_page(stage: PanelStage, language: str) -> None:
    async with stage.browser(language, as_="user") as page:
        for path in ("/panel", "/panel/send", "/panel/history", "/panel/account"):
            await page.goto(path)
            await expect(page.get_by_text(NAMES["user"][language]).filter(visible=True).first).to_be_visible()


def at(path: str) -> re.Pattern[str]:
    """An address with this path."""
    return re.compile(rf"http://[^/]+{re.escape(path)}(\?.*)?$")
