"""Signing in and out of the panel, and its forms: tokens, origins, languages, what was typed before a session ended."""

import asyncio
import re
from base64 import b32decode
from contextlib import suppress

import aiohttp
from yarl import URL

from support.panel import Visitor
from support.panel_house import PanelHouse, token_of
from support.people import ANN, CAT, HOME, PASSWORD, ROOT
from voip_sms.core.clock import SECOND
from voip_sms.core.guessing import BURST
from voip_sms.wire import totp


def plant(visitor: Visitor, session: str) -> None:
    """Put a session's cookie into a browser."""
    visitor._session.cookie_jar.update_cookies({"sms": session}, URL(f"http://{visitor.address}/"))


async def test_whoever_is_signed_out_signs_in_and_goes_on(house: PanelHouse) -> None:
    ann = await house.visitor()
    away = await ann.get("/panel/account?tab=sessions", follow=False)
    assert (away.status, away.headers["Location"]) == (
        303,
        "/panel/sign-in?next=%2Fpanel%2Faccount%3Ftab%3Dsessions",
    )
    seen = await ann.get(away.headers["Location"])
    there = await ann.send(seen, "/panel/sign-in", follow=False, mail=ANN, password=PASSWORD)
    assert (there.status, there.headers["Location"]) == (303, "/panel/account?tab=sessions")
    assert (await ann.get("/panel/sign-in", follow=False)).status == 303, "nothing to do there any more"


async def test_nobody_is_led_elsewhere(house: PanelHouse) -> None:
    ann = await house.visitor()
    for next_ in ("https://evil.test/", "/\\evil.test", "/panel//evil.test"):
        ann.forget()
        seen = await ann.get("/panel/sign-in")
        form = {"csrf": token_of(seen), "mail": ANN, "password": PASSWORD, "next": next_}
        done = await ann.post("/panel/sign-in", form, follow=False)
        assert (done.status, done.headers["Location"]) == (303, "/panel")


async def test_a_wrong_password_is_told_and_forgotten(house: PanelHouse) -> None:
    ann = await house.visitor(language="pl")
    seen = await ann.get("/panel/sign-in?next=/panel/account")
    wrong = await ann.send(seen, "/panel/sign-in", mail=ANN, password="not my password")
    assert wrong.status == 401
    assert "Adres e-mail lub hasło są błędne." in wrong.page.text
    form = dict(wrong.form("/panel/sign-in").posted())
    assert (form["mail"], form["password"], form["next"]) == (ANN, "", "/panel/account")
    assert "not my password" not in wrong.html


async def test_who_guessed_at_the_api_waits_at_the_panel(house: PanelHouse) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer no-such-key"}) as program:
        for _ in range(BURST + 1):
            async with program.get(f"http://{house.address}/v1/balance") as answer:
                last = answer.status
    assert last == 429
    ann = await house.visitor()
    seen = await ann.get("/panel/sign-in")
    trying = asyncio.create_task(ann.send(seen, "/panel/sign-in", mail=ANN, password=PASSWORD))
    done, _ = await asyncio.wait({trying}, timeout=0.7)
    assert not done, "kept back before it is looked at"
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)


async def test_the_session_is_another_after_each_sign_in(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    first = ann.cookies["sms"]
    again = Visitor(house.address)
    try:
        seen = await again.get("/panel/sign-in")
        plant(again, "planted-by-somebody")
        await again.send(seen, "/panel/sign-in", follow=False, mail=ANN, password=PASSWORD)
        assert again.cookies["sms"] not in (first, "planted-by-somebody")
    finally:
        await again.close()


async def test_signing_out_ends_the_session(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    token = ann.cookies["sms"]
    page = await ann.get("/panel/nothing-here")
    out = await ann.send(page, "/panel/sign-out")
    assert out.path == "/panel/sign-in"
    assert "Wylogowano." in out.page.text, "in her language, which the browser has now"
    assert "sms" not in ann.cookies
    assert "Wylogowano." not in (await ann.get("/panel/sign-in")).page.text, "told once"
    thief = await house.visitor()
    plant(thief, token)
    assert (await thief.get("/panel/account", follow=False)).status == 303


async def test_a_session_that_was_ended_elsewhere_is_over(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    there = await house.rooms.sessions.find(ann.cookies["sms"], HOME)
    assert there is not None
    assert (await ann.get("/panel/sign-in", follow=False)).status == 303
    await house.rooms.sessions.end(there.user, there.session.id)
    assert (await ann.get("/panel/sign-in", follow=False)).status == 200


async def test_a_code_is_asked_for_where_there_is_a_second_factor(house: PanelHouse) -> None:
    cat = await house.visitor(CAT)
    there = await house.rooms.sessions.find(cat.cookies["sms"], HOME)
    assert there is not None
    offer = await house.rooms.own.offer_second_factor(there.user)
    step = totp.step_at(house.rooms.clock.now() // SECOND)
    code = totp.code(b32decode(offer.secret.replace(" ", "").upper() + "=" * (-len(offer.secret) % 8)), step)
    on = await house.rooms.own.switch_on(there.user, PASSWORD, code, HOME)
    new = await house.visitor()
    seen = await new.get("/panel/sign-in?next=/panel/account")
    asked = await new.send(seen, "/panel/sign-in", mail=CAT, password=PASSWORD)
    assert asked.status == 200
    assert "sms" not in new.cookies, "a password alone opens nothing"
    wrong = await new.send(asked, "/panel/sign-in/code", code="000000")
    assert (wrong.status, "This code is wrong" in wrong.page.text) == (401, True)
    done = await new.send(wrong, "/panel/sign-in/code", follow=False, code=on.codes[0].upper())
    assert (done.status, done.headers["Location"]) == (303, "/panel/account")
    assert new.cookies["sms"]


async def test_behind_a_proxy_people_are_told_apart(house: PanelHouse) -> None:
    """Else whoever guesses would have all wait, and each session would come from the proxy."""
    url = f"http://{house.address}/panel/sign-in"
    ann = await house.visitor()
    token = token_of(await ann.get("/panel/sign-in"))
    for place in range(BURST + 2):
        form = {"csrf": token, "mail": f"nobody{place}@acme.test", "password": "guess"}
        said = {"X-Forwarded-For": "198.51.100.7"}
        trying = ann._session.post(url, data=form, headers=said, timeout=aiohttp.ClientTimeout(2))
        with suppress(TimeoutError):
            async with trying as answer:
                assert answer.status == 401
    form = {"csrf": token, "mail": ANN, "password": PASSWORD}
    said = {"X-Forwarded-For": "10.9.9.9, 192.0.2.1"}
    async with ann._session.post(url, data=form, headers=said, allow_redirects=False) as answer:
        assert answer.status == 303
    (session,) = (await house.everything())["panel_session"]
    assert "'192.0.2.1'" in session


# --- forms --------------------------------------------------------------------------------------------------


async def test_a_form_without_our_token_is_refused(house: PanelHouse) -> None:
    ann, root = await house.visitor(ANN), await house.visitor(ROOT)
    theirs = token_of(await root.get("/panel/nothing-here"))
    for token in ("", "x", "ż" * 30, theirs):
        answer = await ann.post("/panel/language", {"csrf": token, "language": "en"})
        assert answer.status == 403
    assert ann.cookies["sms-language"] == "pl", "as she has it"


async def test_a_form_from_elsewhere_is_refused_also_with_our_token(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    token = token_of(await ann.get("/panel/nothing-here"))
    form = {"csrf": token, "language": "en"}
    url = f"http://{house.address}/panel/language"
    for headers in (
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        async with ann._session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 403, headers
    async with ann._session.post(url, data=form, allow_redirects=False) as answer:
        assert answer.status == 303, "a program that says nothing has the token"


async def test_nothing_is_changed_by_get(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    for path in ("/panel/sign-out", "/panel/language?language=en", "/panel/sign-in/code"):
        answer = await ann.get(path, follow=False)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert (await ann.get("/panel/sign-in", follow=False)).status == 303, "still signed in"


async def test_what_was_typed_outlives_the_session(house: PanelHouse) -> None:
    route = next(one for one in house.door.table.routes if one.method == "POST" and one.right == "self")
    path = re.sub(r"\{\w+\}", "x", route.path)
    ann = await house.visitor(ANN)
    token = token_of(await ann.get("/panel/nothing-here"))
    there = await house.rooms.sessions.find(ann.cookies["sms"], HOME)
    assert there is not None
    await house.rooms.sessions.end(there.user, there.session.id)
    text = 'Hello "you" & <b>me</b>\nżółć €'
    typed = {"csrf": token, "once": "a1b2", "name": text, "password": "my secret", "code": "123456"}
    asked = await ann.post(path, typed)
    assert asked.status == 401
    assert "Wpisane dane zostały zachowane" in asked.page.text
    assert "my secret" not in asked.html
    again = await ann.send(asked, "/panel/sign-in", mail=ANN, password="wrong")
    done = await ann.send(again, "/panel/sign-in", mail=ANN, password=PASSWORD)
    form = dict(done.form(path).posted())
    assert (form["name"], form["once"]) == (text, "a1b2")
    assert not {"password", "code"} & form.keys()
    assert form["csrf"] not in ("", token), "of the new session"
    assert (await ann.send(done, path)).status != 403


async def test_a_form_from_before_another_sign_in_is_kept_too(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    answer = await ann.post("/panel/language", {"csrf": "old", "language": "en", "next": "/panel/x"})
    assert answer.status == 403
    form = answer.form("/panel/language", next="/panel/x")
    assert ("language", "en") in form.posted()


async def test_forms_of_a_tab_that_stayed_open_lead_to_where_one_is(house: PanelHouse) -> None:
    ann = await house.visitor()
    stale = await ann.get("/panel/sign-in")
    await ann.send(await ann.get("/panel/sign-in"), "/panel/sign-in", mail=ANN, password=PASSWORD)
    there = await ann.send(stale, "/panel/sign-in", mail=ANN, password=PASSWORD)
    assert (there.status, there.path) == (200, "/panel"), "signed in already in another tab"
    page = await ann.get("/panel")
    await ann.send(page, "/panel/sign-out")
    there = await ann.send(page, "/panel/sign-out")
    assert (there.status, there.path) == (200, "/panel/sign-in"), "signed out already in another tab"


async def test_a_stranger_s_form_that_lost_its_cookie_is_kept(house: PanelHouse) -> None:
    nobody = await house.visitor()
    page = await nobody.get("/panel/register")
    nobody.forget()
    kept = await nobody.send(page, "/panel/register", company="Nowa & Stara", name="Nina")
    assert kept.status == 403
    assert ("company", "Nowa & Stara") in kept.form("/panel/register").posted()
    assert (await nobody.send(kept, "/panel/register")).status in (200, 422)


async def test_a_carried_form_goes_to_our_own_routes_only(house: PanelHouse) -> None:
    for path in ("https://evil.test/", "/v1/messages", "/panel/sign-in?x", "/panel/nothing", "x" * 1000):
        ann = await house.visitor()
        seen = await ann.get("/panel/sign-in")
        carry = f'{{"path": "{path}", "fields": [["a", "b"]]}}'
        form = {"csrf": token_of(seen), "mail": ANN, "password": PASSWORD, "carry": carry}
        assert (await ann.post("/panel/sign-in", form, follow=False)).headers["Location"] == "/panel"


# --- languages ----------------------------------------------------------------------------------------------


async def test_the_language_is_the_browser_s_the_cookie_s_the_person_s(house: PanelHouse) -> None:
    nobody = await house.visitor(language="pl-PL,en;q=0.5")
    seen = await nobody.get("/panel/sign-in?next=/panel/account")
    assert seen.page.all("html", lang="pl")
    back = await nobody.send(seen, "/panel/language", press="language=en")
    assert (back.status, back.path) == (200, "/panel/sign-in?next=/panel/account")
    assert back.page.all("html", lang="en")
    ann = await house.visitor(ANN)  # her browser asks for English, she for Polish
    page = await ann.get("/panel/nothing-here")
    assert page.page.all("html", lang="pl")
    assert "Tutaj niczego nie ma" in page.page.text
    await ann.send(page, "/panel/language", press="language=en")
    assert (await ann.get("/panel/nothing-here")).page.all("html", lang="en")
    assert (await (await house.visitor(ANN)).get("/panel/nothing-here")).page.all("html", lang="en")
