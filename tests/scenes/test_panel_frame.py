"""What stands around every page of the panel: headers, cookies, files, errors in words, bounds, streams."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path

import aiohttp
from aiohttp import web

from support.panel import Visitor
from support.panel_house import PanelHouse, token_of
from support.people import ANN, PASSWORD
from support.waiting import eventually
from voip_sms.doors.panel.frame.headers import HEADERS
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.net.http.server import HttpServer
from voip_sms.net.http.settings import HttpSettings


async def test_every_answer_has_the_headers(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    answers = [
        await ann.get("/", follow=False),
        await ann.get("/panel/sign-in", follow=False),
        await ann.get("/panel/nothing-here"),
        await ann.get("/panel/static/0/panel.css"),
        await ann.post("/panel/language", {"language": "en"}),
        await (await house.visitor()).get("/panel/sign-in"),
    ]
    assert [one.status for one in answers] == [303, 303, 404, 404, 403, 200]
    for one in answers:
        assert {name: one.headers.get(name) for name in HEADERS} == dict(HEADERS)
        assert one.headers["Cache-Control"] == "no-store"


async def test_files_are_kept_for_a_year_under_a_path_of_their_content(house: PanelHouse) -> None:
    nobody = await house.visitor()
    page = await nobody.get("/panel/sign-in")
    (css,) = [one["href"] for one in page.page.all("link", rel="stylesheet")]
    file = await nobody.get(css)
    assert (file.status, file.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert file.headers["Content-Type"] == "text/css; charset=utf-8"
    assert {name: file.headers.get(name) for name in HEADERS} == dict(HEADERS)
    assert (await nobody.get(css.replace("panel.css", "..%2fdoor.py"))).status == 404


async def test_cookies_are_for_us_alone(house: PanelHouse) -> None:
    ann = await house.visitor()
    seen = await ann.get("/panel/sign-in")
    form = {"csrf": token_of(seen), "mail": ANN, "password": PASSWORD}
    url = f"http://{house.address}/panel/sign-in"
    async with ann._session.post(url, data=form, allow_redirects=False) as answer:
        (cookie,) = [one for one in answer.headers.getall("Set-Cookie") if one.startswith("sms=")]
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie, "by http a browser would not send it"


async def test_behind_https_cookies_are_secure_and_of_this_host(database_url: str, tmp_path: Path) -> None:
    house = await PanelHouse.open(database_url, tmp_path, {"url": "https://sms.example.com/panel"})
    url = f"http://{house.address}/panel/sign-in"
    try:
        async with aiohttp.ClientSession() as proxy:
            async with proxy.get(url) as answer:
                guest = answer.headers["Set-Cookie"]
                token = re.search(r'name="csrf" value="([^"]+)"', await answer.text())
            assert guest.startswith("__Host-sms-guest=")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(guest.split("; "))
            assert "Domain" not in guest
            sent = {"Cookie": guest.partition(";")[0], "Origin": "https://sms.example.com"}
            form = {"csrf": token[1] if token else "", "mail": ANN, "password": PASSWORD}
            async with proxy.post(url, data=form, headers=sent, allow_redirects=False) as answer:
                assert answer.status == 303, "the proxy asked us by another name"
                cookies = answer.headers.getall("Set-Cookie")
            assert any(one.startswith("__Host-sms=") and "; Secure" in one for one in cookies)
    finally:
        await house.close()


WRONG = [
    ("GET", "/panel/nothing-here", b"", 404, "There is nothing here"),
    ("PUT", "/panel/sign-in", b"", 405, "This can't be opened like that"),
    ("POST", "/panel/language", b"x=" + b"y" * 1024 * 1024, 413, "This is too much at once"),
    ("POST", "/panel/language", b"&" * 5000, 400, "This request can't be read"),
    ("POST", "/panel/language", b"a=\xff\xfe", 400, "This request can't be read"),
]


async def test_what_goes_wrong_is_a_page_in_words(house: PanelHouse) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
    async with aiohttp.ClientSession(f"http://{house.address}") as session:
        for method, path, body, status, said in WRONG:
            async with session.request(method, path, data=BytesIO(body), headers=headers) as answer:
                text = await answer.text()
                assert (answer.status, answer.content_type) == (status, "text/html")
                assert said.replace("'", "&#39;") in text


async def test_head_has_no_body(house: PanelHouse) -> None:
    """RFC 9110, section 9.3.2: all else is as with GET."""
    style = (await (await house.visitor()).get("/panel/sign-in")).page.all("link", rel="stylesheet")[0][
        "href"
    ]
    pages = [("/", 303), ("/panel/", 303), ("/panel", 303), ("/panel/sign-in", 200), (style, 200)]
    for path, status in [*pages, ("/panel/nothing-here", 404), ("/panel/language", 405)]:
        reader, writer = await asyncio.open_connection(*house.address.split(":"))
        writer.write(f"HEAD {path} HTTP/1.1\r\nHost: sms.test\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(5):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert (head.split()[1], body) == (str(status).encode(), b""), path
        assert status == 303 or int(re.findall(rb"(?i)content-length: (\d+)", head)[0]) > 500


async def test_a_file_is_no_form(house: PanelHouse) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{house.address}/panel/language", json={"language": "en"}) as answer,
    ):
        assert answer.status == 400


async def test_elsewhere_errors_stay_documents(house: PanelHouse) -> None:
    nobody = await house.visitor()
    for path in ("/v1/nothing", "/panels", "/nothing"):
        assert (await nobody.get(path)).headers["Content-Type"] == "application/problem+json"


async def test_without_the_database_a_page_says_so(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    await house.ground.writer.stop()
    token = token_of(await ann.get("/panel/nothing-here"))
    answer = await ann.post("/panel/language", {"csrf": token, "language": "en"})
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Usługa jest chwilowo niedostępna" in answer.page.text


async def test_a_page_that_takes_too_long_or_breaks_is_told_in_words(house: PanelHouse) -> None:
    async def slow(page: Page) -> web.Response:
        await asyncio.sleep(30)
        return page.to("/panel")

    async def broken(page: Page) -> web.Response:
        raise ValueError("a secret of ours")

    routes = [
        Route("GET", "/panel/slow", "slow", slow, None, seconds=0.05),
        Route("GET", "/panel/broken", "broken", broken, None),
    ]
    async with serving(house, routes) as nobody:
        late, wrong = await nobody.get("/panel/slow"), await nobody.get("/panel/broken")
    assert (late.status, "The service can't answer right now" in late.page.text) == (503, True)
    assert (wrong.status, "Something went wrong here" in wrong.page.text) == (500, True)
    assert "secret" not in wrong.html
    assert wrong.page.all("a", href="/panel/broken"), "to try again"


async def test_a_stream_ends_when_the_panel_stops(house: PanelHouse) -> None:
    begun = asyncio.Event()

    async def stream(page: Page) -> web.StreamResponse:
        response = await page.stream("text/event-stream")
        await response.write(b"data: hello\n\n")
        begun.set()
        await asyncio.sleep(600)
        return response

    routes = [Route("GET", "/panel/stream", "stream", stream, None, stream=True)]
    async with serving(house, routes) as nobody:
        asked = nobody._session.get(f"http://{nobody.address}/panel/stream")
        async with asked as answer, asyncio.timeout(5):
            await begun.wait()
            assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)
            await house.door.stop()
            with suppress(aiohttp.ClientPayloadError):
                assert await answer.content.read() == b"data: hello\n\n"


async def test_streams_leave_room_for_everybody_else(house: PanelHouse) -> None:
    go = asyncio.Event()

    async def stream(page: Page) -> web.StreamResponse:
        response = await page.stream("text/event-stream")
        await go.wait()
        return response

    house.door._streams_most = 2
    routes = [Route("GET", "/panel/stream", "stream", stream, None, stream=True)]
    async with serving(house, routes) as nobody, AsyncExitStack() as open_:
        url = f"http://{nobody.address}/panel/stream"
        for _ in range(2):
            assert (await open_.enter_async_context(nobody._session.get(url))).status == 200
        assert (await nobody.get("/panel/stream")).status == 429
        go.set()
        await eventually(lambda: not house.door._streams)
        assert (await nobody.get("/panel/stream")).status == 200


@asynccontextmanager
async def serving(house: PanelHouse, routes: list[Route]) -> AsyncIterator[Visitor]:
    """Somebody at a server that has these routes too."""
    server = HttpServer(HttpSettings(listen="127.0.0.1:0"), drain=1.0)
    for route in routes:
        server.add(route.method, route.path, house.door._handler(route))
    visitor = Visitor(await server.start())
    try:
        yield visitor
    finally:
        await visitor.close()
        await server.stop()


async def test_a_panel_that_is_switched_off_is_not_there(database_url: str, tmp_path: Path) -> None:
    house = await PanelHouse.open(database_url, tmp_path, {"enabled": False})
    try:
        nobody = await house.visitor()
        for path in ("/", "/panel", "/panel/sign-in"):
            assert (await nobody.get(path, follow=False)).status == 404
    finally:
        await house.close()
