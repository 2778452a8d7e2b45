"""Each of the checks of accessibility complains where it should, and only there."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.accessibility import complaints
from support.browser import Chromium

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.asyncio(loop_scope="module")]

HEAD = '<!doctype html><html lang="en"><head><title>A page</title><style>'
STYLE = (
    ":root{color-scheme:light dark}:focus-visible{outline:2px solid}body{margin:0}"
    "input,button{min-height:24px;min-width:24px}"
    ".tiny{min-width:0;min-height:0;width:9px;height:9px;padding:0;border:0}</style></head><body>"
)
TOP = '<a href="#main" style="display:block;padding:9px">Skip</a><main id="main"><h1>A page</h1>'
GOOD = '<label for="a">Name</label><input id="a"><button>Send</button>'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Chromium]:
    made = Chromium()
    yield made
    await made.close()


async def said(chromium: Chromium, inside: str, *, style: str = "", top: str = TOP) -> list[str]:
    async with chromium.page("127.0.0.1") as page:
        await page.set_content(HEAD + style + STYLE + top + inside + "</main></body></html>")
        return await complaints(page, "en")


async def test_a_good_page_has_no_complaint(chromium: Chromium) -> None:
    assert await said(chromium, GOOD) == []


BAD = {
    "4.1.2": '<input id="b">',
    "1.1.1": '<img src="data:," width="30" height="30">',
    "1.3.1": "<h3>Too deep</h3>",
    "4.1.1": '<p id="x"></p><p id="x"></p>',
    "1.4.3": '<p style="color:#999;background:#fff">Hard to read</p>',
    "1.4.10": '<p style="width:2000px">wide</p>',
    "2.5.8": '<button class="tiny" aria-label="x"></button><button class="tiny" aria-label="y"></button>',
    "2.4.7": '<button style="outline:none">Nothing shows</button>',
    "2.4.3": '<button tabindex="3">First</button>',
    "3.3.1": '<label>Name <input aria-invalid="true"></label>',
}


@pytest.mark.parametrize("criterion", BAD)
async def test_what_is_wrong_is_said(chromium: Chromium, criterion: str) -> None:
    found = await said(chromium, GOOD + BAD[criterion])
    assert found, criterion
    assert {one.split(": ")[1].split(" ")[0] for one in found} == {criterion}, found


async def test_a_table_without_headings_and_a_list_of_others(chromium: Chromium) -> None:
    found = await said(chromium, "<table><tr><td>1</td></tr></table><ul><p>no item</p></ul>")
    assert len(found) == 2, found
    assert all("1.3.1" in one for one in found)


async def test_the_frame_of_the_page(chromium: Chromium) -> None:
    async with chromium.page("127.0.0.1") as page:
        await page.set_content("<!doctype html><html lang='pl'><body><div>Words</div></body></html>")
        found = await complaints(page, "en")
    assert {one.split(": ")[1].split(" ")[0] for one in found} == {"3.1.1", "2.4.2", "1.3.1", "2.4.1"}, found
