"""People in a browser: from a company's registration to its administrator's second factor; sessions; users; notices."""

import re
from base64 import b32decode
from collections.abc import Mapping
from time import time
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from support.accessibility import complaints
from support.panel import LANGUAGES, PASSWORD, PanelStage, mail_of
from support.waiting import eventually
from voip_sms.wire import totp

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

Words = Mapping[str, str]
SAY: Final[Mapping[str, Words]] = {
    "en": {
        "register": "Register your company", "company": "Company", "name": "Your name", "mail": "E-mail address",
        "go": "Register", "thanks": "Thank you for registering", "received": "received", "password": "Password",
        "new": "New password", "again": "New password once more", "set": "Set the password", "in": "Sign in",
        "factor": "Code from an app", "setup": "Set it up", "mine": "Your password",
        "on": "Switch it on", "codes": "Recovery codes", "kept": "I have kept them", "out": "Sign out",
        "one more": "One more step", "others": "Sign out everywhere else", "ended": "signed out",
        "forgotten": "Forgotten password?", "send": "Send me a link", "way": "a mail with a link is on its way",
        "invite": "Invite somebody", "full": "Full name", "do": "Invite", "gets": "gets a mail with a link",
        "used": "This link does not work any more", "customer": "Name of the customer", "approve": "Approve",
        "save": "Save", "low": "Below (PLN)", "number": "Mobile number", "ask": "Send me a code",
        "confirm": "Confirm", "yours": "This phone is yours",
    },
    "pl": {
        "register": "Zarejestruj firmę", "company": "Firma", "name": "Imię i nazwisko", "mail": "Adres e-mail",
        "go": "Zarejestruj", "thanks": "Dziękujemy za rejestrację", "received": "", "password": "Hasło",
        "new": "Nowe hasło", "again": "Nowe hasło jeszcze raz", "set": "Ustaw hasło", "in": "Zaloguj się",
        "factor": "Kod z aplikacji", "setup": "Skonfiguruj", "mine": "Twoje hasło",
        "on": "Włącz", "codes": "Kody odzyskiwania", "kept": "Kody mam zapisane", "out": "Wyloguj się",
        "one more": "Jeszcze jeden krok", "others": "Wyloguj wszędzie indziej", "ended": "Wylogowano",
        "forgotten": "Nie pamiętasz hasła?", "send": "Wyślij mi link", "way": "e-mail z linkiem jest już w drodze",
        "invite": "Zaproś użytkownika", "full": "Imię i nazwisko", "do": "Zaproś", "gets": "dostanie e-mail z linkiem",
        "used": "Ten link już nie działa", "customer": "Nazwa klienta", "approve": "Zatwierdź",
        "save": "Zapisz", "low": "Poniżej (PLN)", "number": "Numer telefonu komórkowego", "ask": "Wyślij mi kod",
        "confirm": "Potwierdź", "yours": "Numer potwierdzony",
    },
}  # fmt: skip
both = pytest.mark.parametrize("language", LANGUAGES)
ANOTHER: Final = "another horse battery"


def field(page: Page, name: str) -> Locator:
    return page.locator("#main").get_by_label(re.compile(rf"^{re.escape(name)}( |$)"))


def button(page: Page, name: str) -> Locator:
    return page.locator("#main").get_by_role("button", name=name, exact=True)


async def link_to(stage: PanelStage, mail: str, containing: str = "/panel/link/") -> str:
    """The path of the link in the newest mail there."""
    await stage.mail.mail_to(mail, containing=containing)
    text = [one.text for one in stage.mail.to(mail) if containing in one.text][-1]
    found = re.search(r"/panel/link/[\w-]+", text)
    assert found is not None, text
    return found[0]


async def set_password(page: Page, say: Words, password: str) -> None:
    await field(page, say["new"]).first.fill(password)
    await field(page, say["again"]).fill(password)
    await button(page, say["set"]).click()


async def came(stage: PanelStage, handset: str, pattern: str) -> str:
    """The part of a text at a handset that looks so."""
    found: list[str] = []

    async def look() -> bool:
        for one in await stage.handsets.messages(f"+48{handset}"):
            found.extend(re.findall(pattern, str(one["text"])))
        return bool(found)

    await eventually(look, f"{handset} never got {pattern}")
    return found[0]


@both
async def test_a_company_registers_is_approved_and_its_administrator_takes_a_code(
    stage: PanelStage, language: str
) -> None:
    say, mail, company = SAY[language], f"zofia.{language}@zolw.test", f"Żółw {language}"
    async with stage.browser(language, as_=None) as page:
        await page.goto("/panel/sign-in")
        await page.get_by_role("link", name=say["register"]).click()
        await field(page, say["company"]).fill(company)
        await field(page, say["name"]).fill("Zofia Żółw")
        await field(page, say["mail"]).fill(mail)
        assert await complaints(page, language) == []
        await button(page, say["go"]).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(say["thanks"])
        received = await stage.mail.mail_to(mail)
        assert re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", received.text)
    async with stage.browser(language, as_="operator") as page:
        await page.goto("/panel/operator/registrations")
        await page.locator("#main").get_by_role("link", name=company).click()
        await field(page, say["customer"]).fill(f"zolw-{language}")
        await button(page, say["approve"]).click()
        await expect(page.locator(".notice").first).to_be_visible()
    path = await link_to(stage, mail)
    async with stage.browser(language, as_=None) as page:
        await page.goto(path)
        assert await complaints(page, language) == []
        await set_password(page, say, ANOTHER)
        await expect(page).to_have_url(re.compile("/panel$"))
        await page.goto("/panel/account")
        await page.locator("#main").get_by_role("link", name=say["factor"]).click()
        await button(page, say["setup"]).click()
        await expect(page.locator("svg.qr")).to_be_visible()
        assert await complaints(page, language) == []
        secret = b32decode((await page.locator(".copyable code").inner_text()).replace(" ", ""))
        now = totp.step_at(int(time()))
        await page.locator("input[name=code]").fill(totp.code(secret, now))
        await field(page, say["mine"]).fill(ANOTHER)
        await button(page, say["on"]).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(say["codes"])
        recovery = await page.locator(".codes code").first.inner_text()
        await page.locator("#main").get_by_role("link", name=say["kept"]).click()
        await page.locator(".side").get_by_role("button", name=say["out"]).click()
        await field(page, say["mail"]).fill(mail)
        await field(page, say["password"]).fill(ANOTHER)
        await button(page, say["in"]).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(say["one more"])
        await page.locator("input[name=code]").fill(
            totp.code(secret, now + 1)
        )  # the next one: each opens once
        await button(page, say["in"]).click()
        await expect(page).to_have_url(re.compile("/panel$"))
        assert recovery


@both
async def test_another_browsers_session_is_ended(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with (
        stage.browser(language, as_="user") as here,
        stage.browser(language, as_="user") as there,
    ):
        await there.goto("/panel/account")
        await here.goto("/panel/account")
        assert await complaints(here, language) == []
        await here.locator("summary", has_text=say["others"]).click()
        await here.locator("details.confirm").get_by_role("button").click()
        await expect(here.get_by_role("status").first).to_contain_text(
            re.compile(say["ended"], re.IGNORECASE)
        )
        await there.goto("/panel/account")
        await expect(there).to_have_url(re.compile("/panel/sign-in"))


@both
async def test_a_forgotten_password_is_set_anew_by_mail_once(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    mail = mail_of("stranger", language)
    async with stage.browser(language, as_=None) as page:
        await page.goto("/panel/sign-in")
        await page.get_by_role("link", name=say["forgotten"]).click()
        await field(page, say["mail"]).fill(mail)
        assert await complaints(page, language) == []
        await button(page, say["send"]).click()
        await expect(page.get_by_role("status").first).to_contain_text(say["way"])
        path = await link_to(stage, mail)
        await page.goto(path)
        await set_password(page, say, PASSWORD)  # the same one: others sign in with it
        await expect(page).to_have_url(re.compile("/panel$"))
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_have_text(say["used"])


@both
async def test_a_colleague_is_invited(stage: PanelStage, language: str) -> None:
    say, mail = SAY[language], f"dan.{language}@acme.test"
    async with stage.browser(language) as page:
        await page.goto("/panel/users")
        assert await complaints(page, language) == []
        await page.locator("#main").get_by_role("link", name=say["invite"]).first.click()
        await field(page, say["full"]).fill("Dan <script>alert(1)</script>")
        await field(page, say["mail"]).fill(mail)
        assert await complaints(page, language) == []
        await button(page, say["do"]).click()
        await expect(page.get_by_role("status").first).to_contain_text(say["gets"])
        await expect(page.locator("#main")).to_contain_text("<script>alert(1)</script>")
    path = await link_to(stage, mail)
    async with stage.browser(language, as_=None) as page:
        await page.goto(path)
        await set_password(page, say, ANOTHER)
        await expect(page).to_have_url(re.compile("/panel$"))
        assert (await page.goto("/panel/users")).status == 403  # type: ignore[union-attr]


@both
async def test_who_wishes_it_is_told_by_sms(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    handset = f"60200010{LANGUAGES.index(language)}"
    async with stage.browser(language) as page:
        await page.goto("/panel/notifications")
        assert await complaints(page, language) == []
        await field(page, say["number"]).fill(handset)
        await button(page, say["ask"]).click()
        await expect(page.locator("input[name=code]")).to_be_visible()
        await page.locator("input[name=code]").fill(await came(stage, handset, r"\b\d{6}\b"))
        await button(page, say["confirm"]).click()
        await expect(page.get_by_role("status").first).to_contain_text(say["yours"])
        await page.locator("input[name=balance_low][value=sms]").check()
        await button(page, say["save"]).first.click()
        await expect(page.locator("input[name=balance_low][value=sms]")).to_be_checked()
        if language == LANGUAGES[-1]:  # a balance is low once
            await page.locator("input[name=balance_low][inputmode=decimal]").fill("9999999")
            await button(page, say["save"]).last.click()
            assert await came(stage, handset, "Saldo SMS: .*PLN")
