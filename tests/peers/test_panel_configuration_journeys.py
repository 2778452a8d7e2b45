"""Journeys of an administrator who sets the company up, in a browser, in both languages."""

import re
from collections.abc import Mapping
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from support.panel import LANGUAGES, PanelStage
from voip_sms.demo.clients import until
from voip_sms.demo.stage import OWN, SECOND

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

Words = Mapping[str, str]
SAY: Final[Mapping[str, Words]] = {
    "en": {
        "phone": "Phone number", "send code": "Send the code", "code": "Code", "verify": "Verify",
        "verified": "The phone is verified", "name": "Name", "new key": "New key", "make key": "Make the key",
        "copied": "I have copied it", "block": "Block", "sender": "Sender", "remove": "Remove",
        "through": "come through again", "apply": "Apply", "waiting": "waiting for approval",
        "save": "Save", "saved": "Saved.", "user": "User", "password": "Password", "new account": "New account",
        "make account": "Make the account", "none": "No phone is registered", "address": "Address",
        "new hook": "New webhook", "make hook": "Make the webhook", "go on": "Go on", "test": "Send a test",
        "arrived": "The test has arrived", "changed": "changed this while you were at it",
        "mailbox": "To a mailbox", "after": "After", "all": "all messages", "day": "SMS a day at most",
    },
    "pl": {
        "phone": "Numer telefonu", "send code": "Wyślij kod", "code": "Kod", "verify": "Sprawdź",
        "verified": "Telefon został sprawdzony", "name": "Nazwa", "new key": "Nowy klucz",
        "make key": "Utwórz klucz", "copied": "Skopiowane", "block": "Zablokuj", "sender": "Nadawca",
        "remove": "Usuń", "through": "znów będą docierać", "apply": "Złóż wniosek",
        "waiting": "czeka na zatwierdzenie", "save": "Zapisz", "saved": "Zapisano.", "user": "Użytkownik",
        "password": "Hasło", "new account": "Nowe konto", "make account": "Utwórz konto",
        "none": "Żaden telefon nie jest zarejestrowany", "address": "Adres", "new hook": "Nowy webhook",
        "make hook": "Utwórz webhook", "go on": "Dalej", "test": "Wyślij test", "arrived": "Test dotarł",
        "changed": "w międzyczasie to zmienił", "mailbox": "Na skrzynkę pocztową", "after": "Po czasie",
        "all": "wszystkie wiadomości", "day": "Najwięcej SMS-ów dziennie",
    },
}  # fmt: skip
both = pytest.mark.parametrize("language", LANGUAGES)
PHONES: Final = {"en": "+48603100001", "pl": "+48603100002"}


async def press(page: Page, label: str) -> None:
    await page.get_by_role("button", name=label, exact=True).click()


async def confirmed(row: Locator, label: str) -> None:
    """Open the question and say yes."""
    await row.locator("summary").click()
    await row.get_by_role("button", name=label, exact=True).click()


@both
async def test_somebody_forwards_to_a_colleague_who_says_the_code(stage: PanelStage, language: str) -> None:
    say, phone = SAY[language], PHONES[language]

    async def code() -> str:
        texts = [one["text"] for one in await stage.handsets.messages(phone)]
        return next((found[0] for text in texts if (found := re.search(r"\b\d{6}\b", text))), "")

    async with stage.browser(language) as page:
        await page.goto("/panel/numbers")
        await page.get_by_role("link", name="601 000 002").click()
        await page.get_by_label(say["phone"]).fill(phone)
        await press(page, say["send code"])
        await page.get_by_label(say["code"], exact=True).fill(await until(code, "no code came"))
        await press(page, say["verify"])
        await expect(page.get_by_text(say["verified"])).to_be_visible()
    text = f"Halo {language}"
    await stage.handsets.send("+48604000001", SECOND, text)
    await stage.handsets.received(phone, f"+48604000001: {text}")


@both
async def test_a_key_is_copied_and_works(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language) as page:
        await page.goto("/panel/keys")
        await page.get_by_role("link", name=say["new key"]).first.click()
        await page.get_by_role("textbox", name=say["name"]).fill(f"shop {language}")
        await press(page, say["make key"])
        token = await page.locator(".copyable code").inner_text()
        assert token.startswith("vsk_")
        await page.get_by_role("link", name=say["copied"]).click()
        await expect(page.get_by_role("link", name=f"shop {language}")).to_be_visible()
        assert token not in await page.content()
    status, _, _ = await stage.api.call("GET", "/v1/messages", None, {"Authorization": f"Bearer {token}"})
    assert status == 200


@both
async def test_a_sender_is_blocked_and_let_through_again(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language) as page:
        await page.goto("/panel/security")
        await page.get_by_label(say["sender"]).fill("604 111 222")
        await press(page, say["block"])
        row = page.get_by_role("row").filter(has_text="604 111 222")
        await expect(row).to_be_visible()
        await stage.handsets.send("+48604111222", OWN, f"Niechciane {language}")

        async def blocked() -> bool:
            await page.goto("/panel/security/blocked")
            return await page.get_by_text(f"Niechciane {language}").count() == 1

        await until(blocked, "it was not blocked")
        await page.goto("/panel/security")
        await confirmed(row, say["remove"])
        await expect(page.get_by_text(say["through"]).first).to_be_visible()


@both
async def test_a_phone_is_given_an_account(stage: PanelStage, language: str) -> None:
    say, user = SAY[language], {"en": "171", "pl": "172"}[language]
    async with stage.browser(language) as page:
        await page.goto("/panel/phones")
        await page.get_by_role("link", name=say["new account"]).first.click()
        await page.get_by_label(say["user"], exact=True).fill(user)
        await page.get_by_label(say["password"]).fill("correct horse")
        await press(page, say["make account"])
        await expect(page.get_by_text(say["none"])).to_be_visible()
    found = (await stage.api.get("/v1/sip-accounts"))["data"]
    assert [one["language"] for one in found if one["user"] == user]


@both
async def test_a_webhook_is_made_and_tried_out(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    async with stage.browser(language) as page:
        await page.goto("/panel/hooks")
        await page.get_by_role("link", name=say["new hook"]).first.click()
        await page.get_by_label(say["address"]).fill(stage.hooks.url(f"/{language}"))
        await press(page, say["make hook"])
        assert (await page.locator(".copyable code").inner_text()).startswith("whsec_")
        await page.get_by_role("link", name=say["go on"]).click()
        await press(page, say["test"])
        await expect(page.get_by_text(say["arrived"])).to_be_visible()
        await page.goto("/panel/hooks")
        await expect(page.get_by_text(f"/{language}").first).to_be_visible()


@both
async def test_two_at_one_account_know_of_each_other(stage: PanelStage, language: str) -> None:
    say = SAY[language]
    found = (await stage.api.get("/v1/sip-accounts"))["data"]
    path = next(f"/panel/phones/{one['id']}" for one in found if one["user"] == "104")
    async with stage.browser(language) as mine, stage.browser(language) as theirs:
        await mine.goto(path)
        await theirs.goto(path)
        await theirs.get_by_label(say["after"]).fill({"en": "7m", "pl": "8m"}[language])
        await theirs.get_by_label(say["mailbox"]).fill("desk@acme.test")
        await press(theirs, say["save"])
        await expect(theirs.get_by_text(say["saved"])).to_be_visible()
        await mine.get_by_label(say["after"]).fill("2h")
        await mine.get_by_label(say["mailbox"]).fill("other@acme.test")
        await press(mine, say["save"])
        await expect(mine.get_by_text(say["changed"])).to_be_visible()
        assert await mine.get_by_label(say["mailbox"]).input_value() == "other@acme.test"
        await press(mine, say["save"])
        await expect(mine.get_by_text(say["saved"])).to_be_visible()


@both
async def test_a_name_is_applied_for_without_any_script(stage: PanelStage, language: str) -> None:
    say, name = SAY[language], {"en": "FirmEN", "pl": "FirmPL"}[language]
    async with stage.browser(language, java_script_enabled=False) as page:
        await page.goto("/panel/names")
        await page.get_by_role("textbox", name=say["name"]).fill(name)
        await press(page, say["apply"])
        row = page.get_by_role("row").filter(has_text=name)
        await expect(row.get_by_text(say["waiting"])).to_be_visible()
        await confirmed(row, say["remove"])
        await expect(page.get_by_role("row").filter(has_text=name)).to_have_count(0)


@both
async def test_a_mail_sender_gets_a_limit(stage: PanelStage, language: str) -> None:
    say, limit = SAY[language], {"en": "41", "pl": "42"}[language]
    async with stage.browser(language) as page:
        await page.goto("/panel/mail-senders")
        await page.get_by_role("link", name="example.test").first.click()
        await page.get_by_label(say["day"]).fill(limit)
        await press(page, say["save"])
        await expect(page.get_by_text(say["saved"])).to_be_visible()
        await expect(page.locator(".progress .num").first).to_have_text(f"0 / {limit}")
