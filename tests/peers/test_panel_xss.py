"""What anybody writes, through any door, is text on every page of the panel: nothing of the corpus runs or leads away."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable, Mapping
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import quote

import pytest
import pytest_asyncio
from pydantic import ValidationError

from support.hostile import MARK, faults, payloads
from support.html import Element
from support.panel import PanelStage, Seen, Visitor, Who, panel_stage
from support.service import phone_of
from support.waiting import eventually
from support.walk import pages_of, walked
from voip_sms.core.resources import ConfigFile
from voip_sms.demo.stage import OWN, WRITER, WRITER_SECRET

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

STRANGER: Final = "+48777000777"
"""Whoever texts the customer."""
NAMES: Final = ("<b>zq</b>", '"onx=zq', "zq'><i>", "<img src=zq>", "zq{{7*7}}", "=zq()+1")
"""Senders of inbound messages: SMPP gives them 20 octets."""
NOWHERE: Final = "+48601999999"
"""A number that nobody has: what comes there waits in quarantine."""
SHOWN: Final = ("<script>zq()</script>", '"><img src=zq onerror=zq()>', "zq{{7*7}}")
"""Those that are typed into every form there is."""
PLACES: Final[Mapping[str, Callable[[str, int], dict[str, Any]]]] = {
    "keys": lambda text, n: {"name": text, "token": f"token-of-payload-{n:04}"},
    "users": lambda text, n: {"name": text, "mail": f"zq{n}@acme.test", "role": "user"},
    "keywords": lambda text, _: {"number": OWN, "word": text, "mail": "box@acme.test"},
    "ivr_flows": lambda text, _: {"name": text, "identity": {"kind": "name", "value": "ACME"}},
    "sender_names": lambda text, n: {"name": f"ZQ{n}", "status": "rejected", "reason": text},
    "blacklist": lambda text, _: {"match": "name", "value": text},
    "webhooks": lambda text, _: {"url": f"http://127.0.0.1:9/{text}", "events": ["message.delivered"]},
    "mail_senders": lambda text, _: {"address": f"{text}@acme.test"},
    "groups": lambda text, _: {"name": text, "numbers": [STRANGER]},
}
"""Where a customer's configuration has words of somebody's; what is not allowed there is left out."""


def hostile(document: dict[str, Any]) -> None:
    """A configuration with all of the corpus wherever it is allowed."""
    acme = document["tenants"][0]
    for n, text in enumerate(payloads()):
        for place, make in PLACES.items():
            if _is_allowed({"name": "acme", place: [make(text, n)]}):
                acme.setdefault(place, []).append(make(text, n))
        if _is_allowed({"name": text}):
            document["tenants"].append({"name": text})


def _is_allowed(tenant: dict[str, Any]) -> bool:
    try:
        ConfigFile.model_validate({"version": 1, "tenants": [tenant]}, context={"country": "PL"})
    except ValidationError:
        return False
    return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[PanelStage]:
    """A service to which everything came."""
    async with panel_stage(change=hostile) as stage:
        await asyncio.gather(_by_api(stage), _by_handsets(stage), _by_phone(stage), _by_mail(stage))
        await _at_the_gate(stage)
        yield stage


async def _by_api(stage: PanelStage) -> None:
    for text in payloads():
        body = {"to": STRANGER, "text": text, "client_ref": text[:60]}
        status, answer, _ = await stage.api.call("POST", "/v1/messages", body)
        assert status in (202, 422), answer
    await stage.api.call("POST", "/v1/messages", {"to": STRANGER, "text": "zq", "from": "<b>zq</b>"})


async def _by_handsets(stage: PanelStage) -> None:
    for text in payloads():
        await stage.simulator.call(
            "POST", f"/handsets/{STRANGER[1:]}/send", {"to": OWN, "text": text.replace("\0", "")}
        )
    for name in NAMES:
        for to in (OWN, NOWHERE):
            await stage.simulator.post(f"/handsets/{quote(name, safe='')}/send", {"to": to, "text": "zq"})

    async def all_came() -> bool:
        found = await stage.api.get("/v1/messages?direction=inbound&limit=100")
        return len(found["data"]) >= len(payloads()) // 2 and NAMES[-1] in str(found)

    await eventually(all_came, "not every text came in")


async def _by_phone(stage: PanelStage) -> None:
    async with phone_of(stage, "101") as phone:
        phone.writes_as = '"<script>zq()</script>" <sip:101'  # a display name
        await phone.message(STRANGER, "<script>zq()</script>")
        phone.writes_as = "101"
        for text in payloads()[:8]:
            assert await phone.message(STRANGER, text) == 202


async def _by_mail(stage: PanelStage) -> None:
    await asyncio.to_thread(_post, stage)


def _post(stage: PanelStage) -> None:
    host, port = stage.serve.address("smtp")
    with smtplib.SMTP(host, port, timeout=20) as client:
        client.login(WRITER, WRITER_SECRET)
        for n, text in enumerate(SHOWN):
            mail = EmailMessage()
            mail["From"], mail["To"] = WRITER, f"{STRANGER[1:]}@sms.test"
            mail["Message-ID"], mail["Subject"] = f"<zq{n}@acme.test>", text
            mail.set_content(text)
            mail.add_attachment(b"x", maintype="image", subtype="png", filename=text)
            client.send_message(mail)


async def _at_the_gate(stage: PanelStage) -> None:
    """A company that asks to become a customer, and what it types wrong."""
    visitor = await stage.visitor()
    for text in SHOWN:
        seen = await visitor.get("/panel/register")
        for form in seen.page.forms:
            if not form.all("input", name="company"):
                continue
            typed = dict.fromkeys((name for name, _ in _words_of(form)), text) | {"mail": "zq@zq.test"}
            assert_safe(await visitor.post(form["action"] or seen.path, dict(form.posted()) | typed))


def assert_safe(seen: Seen) -> None:
    """Nothing on this page is more than text, nothing was computed, and nothing came into its headers."""
    assert list(faults(seen.page)) == [], seen.path
    assert "zq49" not in seen.html, f"{seen.path}: {{{{7*7}}}} was computed"
    assert MARK not in str(seen.headers.get("Set-Cookie", "")), seen.path
    assert seen.status < 500, (seen.path, seen.page.text[:400])


def _words_of(form: Element) -> list[tuple[str, str]]:
    """The fields of a form into which one types words."""
    typed = ("", "text", "search", "tel", "url", "email", "number", "date", "datetime-local")
    inputs = [one for one in form.all("input") if one["type"] in typed]
    return [(one["name"], one["type"]) for one in [*inputs, *form.all("textarea")] if one["name"]]


WALKERS: Final[tuple[Who, ...]] = ("admin", "user", "operator")


@pytest.mark.parametrize("who", WALKERS)
async def test_every_page_shows_it_as_text(stage: PanelStage, who: Who) -> None:
    visitor = await stage.visitor(who)
    pages = await walked(visitor)
    assert len(pages) >= len(pages_of(_role(who))) // 2
    for seen in pages.values():
        assert_safe(seen)
    assert sum(MARK in seen.page.text for seen in pages.values()) >= 3, "nothing of it is shown anywhere"
    if who != "operator":  # who sees no customer's text
        everything = "".join(seen.page.raw for seen in pages.values())
        for text in SHOWN:
            assert text in everything, "as it was written"


def _role(who: Who) -> Any:
    return "admin" if who == "stranger" else who


@pytest.mark.parametrize("who", WALKERS)
async def test_what_is_typed_into_any_form_comes_back_as_text(stage: PanelStage, who: Who) -> None:
    visitor = await stage.visitor(who, "pl")
    for seen in (await walked(visitor)).values():
        for form in seen.page.forms:
            if _words_of(form) and "password" not in str(form.posted()):
                await _type(visitor, seen, form)


async def _type(visitor: Visitor, seen: Seen, form: Element) -> None:
    for text in SHOWN[:2]:
        fields = {name: text for name, _ in _words_of(form)}
        kept = {name: value for name, value in form.posted() if name not in fields}
        if form["method"].lower() == "post":
            answer = await visitor.post(form["action"] or seen.path, {**kept, **fields})
        else:
            query = "&".join(f"{name}={quote(value, safe='')}" for name, value in {**kept, **fields}.items())
            answer = await visitor.get(f"{(form['action'] or seen.path).partition('?')[0]}?{query}")
        assert_safe(answer)


@pytest.mark.parametrize("text", payloads())
async def test_what_stands_in_an_address_comes_back_as_text(stage: PanelStage, text: str) -> None:
    visitor = await stage.visitor()
    for path in ("/panel/sign-in?next=", "/panel/nowhere/", "/panel/link/", "/panel/sign-in/"):
        seen = await visitor.get(path + quote(text, safe=""))
        assert_safe(seen)
    await visitor.close()


OPENED: Final = ("/panel", "/panel/history", "/panel/conversations", "/panel/users", "/panel/security")


async def test_in_a_browser_nothing_runs(stage: PanelStage) -> None:
    """A page that ran anything has a dialog, an error at the console, or asks another host: all fail it."""
    async with stage.browser(as_="admin") as page:
        await page.add_init_script("window.zq = () => { window.ran = true }")
        for path in OPENED:
            await page.goto(path)
            assert await page.evaluate("window.ran") is None, path
            assert await page.locator("main").get_by_text(MARK).count(), path
        await page.goto("/panel/conversations/" + quote(STRANGER, safe=""))
        await page.get_by_text("<script>zq()</script>", exact=True).first.wait_for()
        await stage.handsets.send(STRANGER, OWN, "live <img src=zq onerror=zq()>")
        await page.get_by_text("live <img src=zq onerror=zq()>", exact=True).first.wait_for()
        assert await page.locator("img[src=zq]").count() == 0
        assert await page.evaluate("window.ran") is None
