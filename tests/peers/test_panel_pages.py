"""Every page of every role, in both languages: found by links alone, and usable by everybody."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import pytest
import pytest_asyncio

from support.accessibility import SCHEMES, complaints
from support.panel import LANGUAGES, PanelStage, Seen, Who, panel_stage
from support.panel_data import a_day, company
from support.walk import pages_of, route_of, walked
from voip_sms.core.people import Role

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

SEEN_IN: Final = {"en": SCHEMES, "pl": SCHEMES[:1]}
"""Colours know no language; words that are longer do."""
ROLES: Final[tuple[Role, ...]] = ("admin", "user", "operator")
NOT_BY_LINKS: Final = frozenset({"link", "registered", "sent", "sign_in", "register", "forgotten"})
"""Pages that a mail or a form that was sent leads to, and those of strangers."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[PanelStage]:
    """A company on whose pages there is something to see."""
    async with panel_stage(change=company) as stage:
        await a_day(stage, "pl")
        yield stage


def kinds(pages: Mapping[str, Seen]) -> Sequence[str]:
    """One page of each kind: the first that was found."""
    found: dict[str, str] = {}
    for path, seen in pages.items():
        route = route_of(path)
        if route is not None and "html" in seen.headers["Content-Type"]:
            found.setdefault(route.name, path)
    return list(found.values())


@pytest.mark.parametrize("role", ROLES)
async def test_every_page_is_found_by_links(stage: PanelStage, role: Role) -> None:
    pages = await walked(await stage.visitor(role))
    for path, seen in pages.items():
        assert seen.status == 200, (path, seen.page.text[:300])
        assert seen.path.startswith(path.partition("?")[0]), f"{path} leads to {seen.path}"
    found = {route.name for path in pages if (route := route_of(path))}
    lost = {route.name for route in pages_of(role)} - found - NOT_BY_LINKS
    assert not lost, "no link leads there"


@pytest.mark.parametrize("role", ROLES)
async def test_what_others_may_open_is_refused(stage: PanelStage, role: Role) -> None:
    visitor = await stage.visitor(role)
    mine = {route.path for route in pages_of(role)}
    for other in ROLES:
        for route in pages_of(other):
            if route.path not in mine and "{" not in route.path:
                seen = await visitor.get(route.path)
                assert seen.status == 403, (role, route.path, seen.status)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", ROLES)
async def test_everybody_can_use_every_page(stage: PanelStage, role: Role, language: str) -> None:
    visitor = await stage.visitor(role, language)
    wrong: list[str] = []
    async with stage.browser(language, as_=role) as page:
        for path in kinds(await walked(visitor)):
            await page.goto(path)
            wrong += [f"{path}: {one}" for one in await complaints(page, language, SEEN_IN[language])]
    assert not wrong, short(wrong)


def short(wrong: Sequence[str]) -> str:
    """Each kind of fault of each page once: on which page, of which criterion and element, and how many."""
    kinds: dict[str, list[str]] = {}
    for one in wrong:
        page, _, found = one.partition(": ")
        kinds.setdefault(page + " ".join(found.split(": ", 1)[1].split(" ")[:2]), []).append(one)
    return "\n".join(["", *(f"{len(alike)} × {alike[0]}" for alike in kinds.values())])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_everybody_can_use_what_strangers_see(stage: PanelStage, language: str) -> None:
    wrong: list[str] = []
    who: Who | None = None
    async with stage.browser(language, as_=who) as page:
        for path in ("/panel/sign-in", "/panel/register", "/panel/forgotten", "/panel/nowhere"):
            await page.goto(path)
            wrong += [f"{path}: {one}" for one in await complaints(page, language)]
    assert not wrong, short(wrong)
