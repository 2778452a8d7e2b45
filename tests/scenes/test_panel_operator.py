"""The operator's pages by HTTP: who gets in, what they say, and that they do what `apply` would have done."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.panel import DATABASES, PanelStage, Seen, Visitor, panel_on

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

PAGES = (
    "/panel/operator", "/panel/operator/tenants", "/panel/operator/new-tenant",
    "/panel/operator/registrations", "/panel/operator/names", "/panel/operator/names?status=approved",
    "/panel/operator/carriers", "/panel/operator/carriers/sim", "/panel/operator/carriers/sim?span=7d",
    "/panel/operator/new-carrier", "/panel/operator/routes", "/panel/operator/prices",
    "/panel/operator/prices/std", "/panel/operator/new-prices", "/panel/operator/pools",
    "/panel/operator/pools/pl", "/panel/operator/new-pool", "/panel/operator/quarantine",
    "/panel/operator/orphans", "/panel/audit",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[PanelStage]:
    async with panel_on(request) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def rose(stage: PanelStage) -> Visitor:
    return await stage.visitor("operator")


def row(seen: Seen, text: str) -> str:
    """The text of the table's row that has this in it."""
    (found,) = [one.text for one in seen.page.all("tr") if text in one.text]
    return found


def href(seen: Seen, text: str) -> str:
    """Where the link of this text leads."""
    return next(one["href"] for one in seen.page.all("a") if one.text == text)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "pl"])
async def test_every_page_opens(stage: PanelStage, path: str, language: str) -> None:
    seen = await (await stage.visitor("operator", language)).get(path)
    assert seen.status == 200, seen.page.text[:300]
    assert seen.path.startswith(path), seen.path


@pytest.mark.parametrize("path", [one for one in PAGES if one != "/panel/audit"])
@pytest.mark.parametrize("who", ["admin", "user"])
async def test_customers_do_not_get_in(stage: PanelStage, path: str, who: str) -> None:
    seen = await (await stage.visitor(who)).get(path)  # type: ignore[arg-type]
    assert seen.status == 403
