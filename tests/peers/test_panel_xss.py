"""What anybody writes, through any door, is text on every page of the panel: nothing of the corpus runs or leads away."""

import asyncio
import csv
import io
import re
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
from voip_sms.demo.stage import HOOK_SECRET, OWN, WRITER, WRITER_SECRET

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

STRANGER: Final = "+48698777000"
"""Whoever texts the customer."""
NAMES: Final = ("<b>zuq</b>", '"onx=zuq', "zuq'><i>", "<img src=zuq>", "=zuq()+1")
"""Senders of inbound messages: SMPP gives them 20 octets."""
NOWHERE: Final = "+48601999999"
"""A number that nobody has: what comes there waits in quarantine."""
SHOWN: Final = ("<script>zuq()</script>", '"><img src=zuq onerror=zuq()>', "zuq{{7*7}}")
"""Those that are typed into every form there is."""
FORMULA: Final = re.compile(r"\s*[=@\t\r]|\s*[+-](?![\d .,]+$)")
"""A cell that a spreadsheet computes; a number with its sign is none."""
FEW: Final = 20
"""Objects of a kind: what a list of webhooks may have, and what one page of a list shows."""
PLACES: Final[Mapping[str, Callable[[str, int], dict[str, Any]]]] = {
    "keys": lambda text, n: {"name": text, "token": f"token-of-payload-{n:04}"},
    "users": lambda text, n: {"name": text, "mail": f"zuq{n}@acme.test", "role": "user"},
    "keywords": lambda text, _: {"number": OWN, "word": text, "mail": "box@acme.test"},
    "ivr_flows": lambda text, _: {"name": text, "identity": {"kind": "name", "value": "ACME"}},
    "sender_names": lambda text, n: {"name": f"ZUQ{n}", "status": "rejected", "reason": text},
    "blacklist": lambda text, _: {"match": "name", "value": text},
    "webhooks": lambda text, _: {"url": f"http://127.0.0.1:9/{text}", "secret": HOOK_SECRET},
    "mail_senders": lambda text, _: {"address": f"{text}@acme.test"},
    "groups": lambda text, _: {"name": text, "numbers": [STRANGER]},
}
"""Where a customer's configuration has words of somebody's; what is not allowed there is left out."""


def hostile(document: dict[str, Any]) -> None:
    """A configuration with all of the corpus wherever it is allowed."""
    acme = document["tenants"][0]
    acme["numbers"][0]["forwards"] = [{"kind": "mail", "to": ["box@acme.test"]}]
    for n, text in enumerate(payloads()):
        for place, make in PLACES.items():
            there = acme.setdefault(place, [])
            if len(there) < FEW and _is_allowed({"name": "acme", place: [make(text, n)]}):
                there.append(make(text, n))
        if _is_allowed({"name": text}) and len(document["tenants"]) < FEW:
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
        for door in (_by_api, _by_handsets, _by_phone, _by_mail, _at_the_gate):
            await door(stage)
        yield stage


async def _by_api(stage: PanelStage) -> None:
    for text in payloads():
        body = {"to": STRANGER, "text": text, "client_ref": text[:60]}
        status, answer, _ = await stage.api.call("POST", "/v1/messages", body)
        assert status == 202 or (status, answer["code"]) == (422, "invalid"), answer
    await stage.api.call("POST", "/v1/messages", {"to": STRANGER, "text": "zuq", "from": "<b>zuq</b>"})


async def _by_handsets(stage: PanelStage) -> None:
    for text in payloads():
        await stage.simulator.call(
            "POST", f"/handsets/{STRANGER[1:]}/send", {"to": OWN, "text": text.replace("\0", "")}
        )
    for name in NAMES:
        for to in (OWN, NOWHERE):
            await stage.simulator.post(f"/handsets/{quote(name, safe='')}/send", {"to": to, "text": "zuq"})

    async def all_came() -> bool:
        found = await stage.api.get("/v1/messages?direction=inbound&limit=100")
        return len(found["data"]) >= len(payloads()) // 2 and NAMES[-1] in str(found)

    await eventually(all_came, "not every text came in")


async def _by_phone(stage: PanelStage) -> None:
    async with phone_of(stage, "101") as phone:
        for text in payloads()[:8]:
            phone.display_name = '"' + text.replace("\\", "").replace('"', "'") + '" '
            answer = await phone.send(STRANGER, text)
            assert answer.status == 202, answer.text


async def _by_mail(stage: PanelStage) -> None:
    await asyncio.to_thread(_post, stage)


def _post(stage: PanelStage) -> None:
    host, port = stage.serve.address("smtp")
    with smtplib.SMTP(host, port, timeout=20) as client:
        client.login(WRITER, WRITER_SECRET)
        for n, text in enumerate(SHOWN):
            mail = EmailMessage()
            mail["From"], mail["To"] = WRITER, f"{STRANGER[1:]}@sms.test"
            mail["Message-ID"], mail["Subject"] = f"<zuq{n}@acme.test>", text
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
            typed = dict.fromkeys((name for name, _ in _words_of(form)), text) | {"mail": "zuq@zuq.test"}
            assert_safe(await visitor.post(form["action"] or seen.path, dict(form.posted()) | typed))


def assert_safe(seen: Seen) -> None:
    """Nothing on this page is more than text, nothing was computed, and nothing came into its headers."""
    if "csv" in seen.headers["Content-Type"]:
        assert_plain(seen)
        return
    assert list(faults(seen.page)) == [], seen.path
    assert "zuq49" not in seen.html, f"{seen.path}: {{{{7*7}}}} was computed"
    assert f"{MARK}=" not in str(seen.headers.get("Set-Cookie", "")), seen.path
    assert seen.status < 500, (seen.path, seen.page.text[:400])


def assert_plain(seen: Seen) -> None:
    """A table that is saved, and in which no cell is a formula to a spreadsheet."""
    assert seen.headers["Content-Disposition"].startswith("attachment"), seen.path
    assert seen.headers["X-Content-Type-Options"] == "nosniff", seen.path
    text = seen.html.removeprefix("\ufeff")
    between = ";" if ";" in text.partition("\n")[0] else ","
    for row in csv.reader(io.StringIO(text), delimiter=between):
        assert [cell for cell in row if FORMULA.match(cell)] == [], seen.path


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


async def test_what_stands_in_an_address_comes_back_as_text(stage: PanelStage) -> None:
    visitor = await stage.visitor()
    for text in payloads():
        for path in ("/panel/sign-in?next=", "/panel/nowhere/", "/panel/link/"):
            assert_safe(await visitor.get(path + quote(text, safe="")))


LIVE: Final = "live <img src=zuq onerror=zuq()>"
OPENED: Final = ("/panel", "/panel/history", "/panel/conversations", "/panel/users", "/panel/security")


async def test_in_a_browser_nothing_runs(stage: PanelStage) -> None:
    """A page that ran anything has a dialog, an error at the console, or asks another host: all fail it."""
    async with stage.browser(as_="admin") as page:
        await page.add_init_script("window.zuq = () => { window.ran = true }")
        for path in OPENED:
            await page.goto(path)
            assert await page.evaluate("window.ran") is None, path
            assert MARK in await page.locator("main").inner_text(), path
        await page.goto("/panel/conversations/" + quote(STRANGER, safe=""))
        await page.get_by_text("<script>zuq()</script>", exact=True).filter(visible=True).first.wait_for()
        await stage.handsets.send(STRANGER, OWN, LIVE)
        await page.get_by_text(LIVE, exact=True).filter(visible=True).first.wait_for()
        assert await page.locator("img[src=zuq]").count() == 0
        assert await page.evaluate("window.ran") is None
