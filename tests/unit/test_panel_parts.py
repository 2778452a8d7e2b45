"""The panel's small parts: form tokens, cookies, the table of routes, where links lead, templates, files."""

import re
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from jinja2 import Environment

from voip_sms.core.clock import HOUR, MINUTE, from_rfc3339
from voip_sms.doors import panel
from voip_sms.doors.panel.frame.cookies import Cookies
from voip_sms.doors.panel.frame.filters import FILTERS
from voip_sms.doors.panel.frame.render import Templates
from voip_sms.doors.panel.frame.routes import Route, Table, local
from voip_sms.doors.panel.frame.seal import Seal
from voip_sms.doors.panel.frame.static import Static
from voip_sms.doors.panel.frame.words import Catalogues
from voip_sms.net.http.origin import is_elsewhere

PANEL = Path(panel.__file__).parent


# --- tokens of forms ----------------------------------------------------------------------------------------


def test_a_token_is_good_for_one_browser_of_one_service() -> None:
    seal, other = Seal(b"k" * 32), Seal(b"j" * 32)
    token = seal.form("session-1")
    assert seal.is_ours(token, "session-1")
    assert seal.form("session-1") == token, "on every node"
    for wrong in (token[:-1], token + "=", "", "ż", other.form("session-1"), seal.form("session-2")):
        assert not seal.is_ours(wrong, "session-1")
    assert not seal.is_ours(seal.form(""), ""), "of nobody"
    assert re.fullmatch(r"[\w-]{24}", token), "may stand in HTML as it is"


def test_only_we_write_values() -> None:
    seal = Seal(b"k" * 32)
    written = seal.written(["Zapisano: <b>;\r\n", "good"], "session-1")
    assert seal.read(written, "session-1") == ["Zapisano: <b>;\r\n", "good"]
    assert re.fullmatch(r"[\w.-]+", written), "may stand in a cookie"
    body, _, mark = written.partition(".")
    for wrong in (body, f"{body}.", f".{mark}", f"{body}A.{mark}", f"{body}.{mark[:-1]}A", "", "ż.ż"):
        assert seal.read(wrong, "session-1") is None
    assert seal.read(written, "session-2") is None
    assert seal.read(f"{body}.{seal.form('session-1')}", "session-1") is None


# --- cookies ------------------------------------------------------------------------------------------------


def cookies(secure: object, *sent: str) -> Cookies:
    headers = {"Cookie": "; ".join(sent)} if sent else {}
    return Cookies(make_mocked_request("GET", "/panel", headers=headers), bool(secure))


def test_by_https_only_the_prefixed_name_counts() -> None:
    both = ("sms=planted", "__Host-sms=ours")
    assert cookies(True, *both).get("sms") == "ours"
    assert cookies(True, "sms=planted").get("sms") == ""
    assert cookies(False, *both).get("sms") == "planted"
    assert cookies(False, "sms=" + "x" * 3000).get("sms") == ""


def test_what_was_set_and_dropped_is_written_once() -> None:
    some = cookies(True, "__Host-sms-notice=old")
    some.set("sms", "token")
    some.drop("sms-notice")
    some.drop("sms-guest")
    assert (some.get("sms"), some.get("sms-notice")) == ("token", "")
    response = web.Response()
    some.write(response)
    written = response.cookies
    assert set(written) == {"__Host-sms", "__Host-sms-notice"}, "what it hasn't got needs no dropping"
    assert written["__Host-sms-notice"]["max-age"] == "0"
    for one in written.values():
        assert (one["path"], one["samesite"], one["domain"]) == ("/", "Lax", "")
        assert one["secure"] is True
        assert one["httponly"] is True


# --- routes -------------------------------------------------------------------------------------------------


async def nothing(page: Any) -> web.Response:
    raise NotImplementedError


def route(method: Any, path: str, name: str) -> Route:
    return Route(method, path, name, nothing, None)


def test_links_fill_the_path_and_put_the_rest_into_the_query() -> None:
    table = Table([route("GET", "/panel/history", "history"), route("GET", "/panel/history/{id}", "message")])
    assert table.link("history") == "/panel/history"
    assert table.link("history", status="", after=None, q="a&b=ż") == "/panel/history?q=a%26b%3D%C5%BC"
    assert table.link("history", kind=["a", "b"]) == "/panel/history?kind=a&kind=b"
    assert table.link("message", id="../x?y", tab=1) == "/panel/history/~2E~2E~2Fx~3Fy?tab=1"
    with pytest.raises(KeyError):
        table.link("nothing")


@pytest.mark.parametrize(
    "second",
    [
        route("GET", "/panel/a/{id}", "b"),
        route("GET", "/panel/a/{other}", "b"),
        route("POST", "/panel/b", "a"),
    ],
)
def test_two_routes_that_are_one_are_refused(second: Route) -> None:
    with pytest.raises(ValueError, match="is there already"):
        Table([route("GET", "/panel/a/{id}", "a"), second])


@pytest.mark.parametrize(
    ("path", "led"),
    [
        ("/panel", True),
        ("/panel/", True),
        ("/panel/history?after=msg_1&status=failed", True),
        ("/panel/conversations/+48600100200", True),
        ("/panel/conversations/%2B48600100200?x=%C5%BC", True),
        ("", False),
        ("/", False),
        ("/panelx", False),
        ("//panel", False),
        ("//evil.test/panel", False),
        ("/panel//evil.test", False),
        ("/panel/\\evil.test", False),
        ("/panel/a\r\nSet-Cookie: a=b", False),
        ("/panel?a#b", False),
        ("https://evil.test/panel", False),
        ("/panel/ż", False),
    ],
)
def test_after_signing_in_one_is_led_to_pages_of_ours(path: str, led: object) -> None:
    assert local(path, "elsewhere") == (path if led else "elsewhere")


# --- where forms come from ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"Origin": "https://sms.example.com"}, False),
        ({"Origin": "http://127.0.0.1:8080"}, False),
        ({"Origin": "https://SMS.example.com", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://sms.example.com", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Origin": "https://evil.test"}, True),
        ({"Origin": "https://sms.example.com.evil.test"}, True),
        ({"Origin": "https://sms.example.com:8443"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": ""}, True),
        ({"Origin": "http://[::1"}, True),
    ],
)
def test_a_page_elsewhere_is_recognised(headers: dict[str, str], elsewhere: object) -> None:
    request = make_mocked_request("POST", "/panel/send", headers={"Host": "127.0.0.1:8080", **headers})
    assert is_elsewhere(request, "sms.example.com") is elsewhere


# --- templates and files ------------------------------------------------------------------------------------


def test_every_template_compiles() -> None:
    assert not [(name, str(error)) for name, error in Templates(lambda name: name).broken()]


def test_nothing_in_the_templates_goes_round_escaping_or_the_policy() -> None:
    wrong = re.compile(
        r"\|\s*safe\b|autoescape|<style|\sstyle=|\son[a-z]+\s*=\s*[\"']|javascript:|<script(?![^>]*\ssrc=)|\burl\(",
        re.IGNORECASE,
    )
    found = []
    for file in sorted((PANEL / "templates").rglob("*.html")):
        found += [(file.name, match[0]) for match in wrong.finditer(file.read_text(encoding="utf-8"))]
    assert not found


def test_forms_that_are_posted_have_the_token() -> None:
    """By the macros, or by a field of their own."""
    for file in sorted((PANEL / "templates").rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        for form in re.finditer(r"<form[^>]*method=.post.[^>]*>(.*?)</form>", text, re.DOTALL):
            assert 'name="csrf"' in form[1], f"{file}: {form[0][:100]}"


async def test_files_stand_under_a_path_of_their_content() -> None:
    static = Static()
    assert static.path("panel.css") == Static().path("panel.css")
    with pytest.raises(KeyError):
        static.path("../door.py")
    for name, hash_ in (("panel.css", "0" * 16), ("../door.py", static.path("panel.css").split("/")[3])):
        request = make_mocked_request("GET", "/", match_info={"name": name, "hash": hash_})
        with pytest.raises(web.HTTPNotFound):
            await static.serve(request)


# --- how values look ----------------------------------------------------------------------------------------


def shown(template: str, language: Any, zone: str = "Europe/Warsaw", **values: Any) -> str:
    words = Catalogues.load().of(language)
    now = from_rfc3339("2026-11-22T20:44:06Z")
    page = SimpleNamespace(words=words, tenant=SimpleNamespace(timezone=zone), now=now)
    environment = Environment(autoescape=True)
    environment.filters.update(FILTERS)
    return environment.from_string("{{ " + template + " }}").render(page=page, now=now, **values)


def test_moments_are_the_reader_s() -> None:
    assert shown("now | when", "en") == (
        '<time datetime="2026-11-22T20:44:06.000000Z" title="2026-11-22 21:44:06 CET">22 Nov 2026, 21:44</time>'
    )
    assert ">22 lis 2026, 21:44:06<" in shown("now | when('second')", "pl")
    assert ">22 Nov 2026<" in shown("'2026-11-22T20:44:06Z' | when('day')", "en")
    assert ">20:44<" in shown("now | when('time')", "en", zone="No/Such_Zone"), "UTC then"
    assert shown("none | when", "pl") == "–"
    assert str(UTC) in shown("now | when", "en", zone="UTC")


def test_how_long_ago() -> None:
    earlier = from_rfc3339("2026-11-22T20:44:06Z") - 3 * MINUTE
    assert ">3 minutes ago<" in shown("at | ago", "en", at=earlier)
    assert ">3 minuty temu<" in shown("at | ago", "pl", at=earlier)
    assert ">za 2 godziny<" in shown("at | ago", "pl", at=earlier + 2 * HOUR + 4 * MINUTE)


def test_money_and_numbers() -> None:
    assert shown("1234500000 | money('PLN')", "en") == "1,234.50\xa0PLN"
    assert shown("1234500000 | money('PLN')", "pl") == "1\xa0234,50\xa0PLN"
    assert shown("-1234 | money", "en") == "-0.001234"
    assert shown("none | money('PLN')", "en") == "–"
    assert (shown("12345 | number", "pl"), shown("0.5 | number(1)", "pl")) == ("12\xa0345", "0,5")


@pytest.mark.parametrize(
    ("number", "text"),
    [("+48601234567", "+48 601 234 567"), ("INFO", "INFO"), ("7250", "7250"), ("", ""), ("+4", "+4")],
)
def test_phone_numbers_are_readable(number: str, text: str) -> None:
    assert shown("number | phone", "en", number=number).replace("\xa0", " ") == text


def test_what_somebody_typed_is_text() -> None:
    evil = '<script>alert("x")</script>'
    for template in ("evil | phone", "1 | money(evil)"):
        assert "<script" not in shown(template, "en", evil=evil)
