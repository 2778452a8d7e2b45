"""The panel on a service that really runs: two customers and an operator, their people by HTTP and in a browser.

async with panel_stage(database) as stage:
    ann = await stage.visitor("admin")               # by HTTP, signed in
    async with stage.browser("pl", as_="user") as page:  # in Chromium, signed in
        await page.goto("/panel/history")
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page

from support.browser import Chromium
from support.html import Element, parsed
from support.postgres import PostgresServer
from support.service import UNLIMITED
from voip_sms.demo.clients import Http
from voip_sms.demo.stage import SQLITE, Stage

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.peer("postgresql")))
LANGUAGES = ("en", "pl")
Who = Literal["admin", "user", "stranger", "operator"]
"""`admin` and `user` are acme's, `stranger` administers the other customer."""
PASSWORD = "correct horse battery"
OTHER_TOKEN, OTHER_NUMBER, OTHER_USER = "demo-key-other-0123456789abcde", "+48601000099", "201"
NAMES: Mapping[Who, Mapping[str, str]] = {
    "admin": {"en": "Ann Smith", "pl": "Anna Kowalska"},
    "user": {"en": "Ben Walker", "pl": "Błażej Żak"},
    "stranger": {"en": "Otto Stone", "pl": "Otylia Kamińska"},
    "operator": {"en": "Rose Root", "pl": "Róża Korzeń"},
}
_HOUSES: Mapping[Who, str] = {
    "admin": "acme.test",
    "user": "acme.test",
    "stranger": "other.test",
    "operator": "operator.test",
}


def mail_of(who: Who, language: str = "en") -> str:
    """The address somebody signs in with; there is one of each kind for each language."""
    return f"{who}.{language}@{_HOUSES[who]}"


def people(document: dict[str, Any]) -> None:
    """Give a configuration its people and its second customer."""
    acme = document["tenants"][0]
    acme["self_service"] = True
    acme.setdefault("users", []).extend(
        {**_person(who, language), "role": who} for who in ("admin", "user") for language in LANGUAGES
    )
    document["tenants"].append(_other())
    document.setdefault("operators", []).extend(_person("operator", language) for language in LANGUAGES)


def _person(who: Any, language: str) -> dict[str, Any]:
    mail, name = mail_of(who, language), NAMES[who][language]
    return {"mail": mail, "name": name, "language": language, "password": PASSWORD}


def _other() -> dict[str, Any]:
    key = {"name": "theirs", "token": OTHER_TOKEN, "scopes": ["messages", "admin"]}
    return {
        "name": "other",
        "self_service": True,
        "price_list": "std",
        "credit": "50.00",
        "sender_names": [{"name": "OTHER", "status": "approved"}],
        "keys": [{**key, "identity": {"kind": "name", "value": "OTHER"}}],
        "sip_accounts": [{"user": OTHER_USER, "password": f"pw{OTHER_USER}"}],
        "mail_senders": [{"address": "otto@other.test", "secret": "otto-secret"}],
        "numbers": [
            {"number": OTHER_NUMBER, "kind": "own_mobile", "carrier": "sim"}
            | {"forwards": [{"kind": "mail", "to": ["box@other.test"]}]}
        ],
        "blacklist": [{"match": "prefix", "value": "+48600999"}],
        "users": [{**_person("stranger", language), "role": "admin"} for language in LANGUAGES],
    }


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer to a browser: where it led, and the page as a tree."""

    status: int
    path: str
    """Of the page that was shown, with its query."""
    headers: Mapping[str, str]
    html: str
    page: Element

    def form(self, action: str = "", **fields: str) -> Element:
        """The one form that posts to `action`, or the first with an input of these names and values."""
        for one in self.page.forms:
            has = all(one.all("input", "button", name=name, value=value) for name, value in fields.items())
            if has and (not action or urlsplit(one["action"]).path == action):
                return one
        raise AssertionError(f"no form to {action or fields} at {self.path}: {self.page.text[:400]}")


class Visitor:
    """A browser without a screen: it keeps cookies, follows links, fills in forms. `close` it."""

    def __init__(self, address: str, language: str = "en") -> None:
        self.address = address
        self._base = f"http://{address}"
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # for a host that is an IP address
            timeout=aiohttp.ClientTimeout(total=30),
            headers={"Accept-Language": language, "Accept": "text/html"},
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    @property
    def cookies(self) -> Mapping[str, str]:
        """Those it has."""
        return {one.key: one.value for one in self._session.cookie_jar}

    def forget(self) -> None:
        """Lose all cookies, as an expired session does."""
        self._session.cookie_jar.clear()

    async def get(self, path: str, *, follow: bool = True) -> Seen:
        """Open a page."""
        return await self._ask("GET", path, None, follow=follow)

    async def post(
        self,
        path: str,
        fields: list[tuple[str, str]] | Mapping[str, str],
        *,
        follow: bool = True,
        parts: bool = False,
    ) -> Seen:
        """Post these fields and nothing else. `parts`: as panel.js does, for the parts that change."""
        given = list(fields.items()) if isinstance(fields, Mapping) else fields
        more = {"X-Parts": "1"} if parts else {}
        return await self._ask("POST", path, given, follow=follow, more=more)

    async def send(
        self, seen: Seen, action: str = "", *, follow: bool = True, press: str = "", **fields: str
    ) -> Seen:
        """Fill in a form of this page and send it. `press`: `name=value` of the button."""
        form = seen.form(action)
        kept = [(name, value) for name, value in form.posted() if name not in fields]
        pressed = [(name, value) for name, _, value in [press.partition("=")] if name]
        where = form["action"] or seen.path
        if form["method"].lower() != "post":
            raise AssertionError(f"the form to {where} is no post")
        return await self.post(where, [*kept, *fields.items(), *pressed], follow=follow)

    async def _ask(
        self,
        method: str,
        path: str,
        fields: list[tuple[str, str]] | None,
        *,
        follow: bool,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> Seen:
        headers = {**more} if fields is None else {**more, "Origin": self._base}  # as browsers do
        url = path if path.startswith("http") else self._base + path
        async with self._session.request(
            method, url, data=fields, headers=headers, allow_redirects=follow
        ) as answer:
            text = await answer.text(errors="replace")
            return Seen(answer.status, answer.url.raw_path_qs, dict(answer.headers), text, parsed(text))

    async def sign_in(self, mail: str, password: str = PASSWORD) -> Seen:
        """By the form; what the panel answers then, and nothing is followed."""
        seen = await self.get("/panel/sign-in")
        done = await self.send(seen, "/panel/sign-in", follow=False, mail=mail, password=password)
        assert done.status == 303, done.page.text[:400]
        return done


class PanelStage(Stage):
    """The stage of the demo with people at the panel. Its customers have a second one beside them."""

    def __init__(
        self,
        database: str = SQLITE,
        environment: Mapping[str, str] | None = None,
        change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        def changed(document: dict[str, Any]) -> None:
            people(document)
            change(document)

        super().__init__(database, UNLIMITED | dict(environment or {}), changed)
        self._chromium = Chromium()
        self._visitors: list[Visitor] = []

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.other = Http(self.http_address, OTHER_TOKEN)
        """The other customer's program."""
        return self

    async def __aexit__(self, *error: object) -> None:
        try:
            await self._chromium.close()
            for one in self._visitors:
                await one.close()
            if hasattr(self, "other"):
                await self.other.close()
        finally:
            await super().__aexit__(*error)

    async def visitor(self, who: Who | None = None, language: str = "en") -> Visitor:
        """Somebody at the panel by HTTP, signed in unless nobody in particular."""
        made = Visitor(self.http_address, language)
        self._visitors.append(made)
        if who is not None:
            await made.sign_in(mail_of(who, language))
        return made

    @asynccontextmanager
    async def browser(
        self, language: str = "en", *, as_: Who | None = "admin", **options: Any
    ) -> AsyncIterator[Page]:
        """A page of Chromium's, signed in as somebody with this language; as nobody with None.

        `options`: `outages=True` where the service goes away meanwhile, and those of Playwright's
        `new_context`: `viewport`, `color_scheme`, `java_script_enabled`.
        """
        visitor = await self.visitor(as_, language)
        async with self._chromium.page(
            self.http_address, language, cookies=visitor.cookies, **options
        ) as page:
            yield page


@asynccontextmanager
async def panel_stage(
    database: str = SQLITE, change: Callable[[dict[str, Any]], None] = lambda _: None, **environment: str
) -> AsyncIterator[PanelStage]:
    """Everything runs. The folder with the logs stays when it ends in an error."""
    async with PanelStage(database, environment, change) as stage:
        yield stage
    stage.forget()


@asynccontextmanager
async def panel_on(
    request: pytest.FixtureRequest,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    **environment: str,
) -> AsyncIterator[PanelStage]:
    """The same on the database that a parametrized fixture asks for (`params=DATABASES`)."""
    if request.param == "sqlite":
        async with panel_stage(SQLITE, change, **environment) as stage:
            yield stage
        return
    server: PostgresServer = request.getfixturevalue("pg_server")
    database = server.fresh_database()
    async with panel_stage(database, change, **environment) as stage:
        yield stage
    server.drop(database)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[PanelStage]:
    """A service on each of the databases, for all tests of a module. Folders' `conftest.py` name it."""
    async with panel_on(request) as made:
        yield made
