"""Whatever stands in a query or a form, however odd: the panel answers in words, and nothing is a fault of ours."""

import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from support.panel_walk import Walk, opened, token_of
from voip_sms.doors import panel
from voip_sms.doors.panel.frame.routes import Route

PANEL = Path(panel.__file__).parent
ODD = (
    "",
    "-1",
    "\0",
    "9" * 400,
    "NaN",
    "2026-13-45",
    "1969-12-31",
    "+48\u202e600\uffff😀",
    "{{7*7}}%(x)s ' OR 1=1 --",
    "msg_00000000000000000000000000",
)

TYPED = ("", "-1", "9" * 400, "+48\u202e600\uffff😀 {{7*7}}%(x)s")


@pytest.fixture
async def walk(database_url: str, tmp_path: Path) -> AsyncIterator[Walk]:
    made = await opened(database_url, tmp_path)
    yield made
    await made.house.close()


def arguments(route: Route) -> list[str]:
    """What the screens in the folder of its handler read of a query."""
    folder = Path(inspect.getfile(route.handle)).parent
    texts = [one.read_text(encoding="utf-8") for one in folder.glob("*.py")]
    return sorted({name for text in texts for name in re.findall(r"\.arg\(\s*\"(\w+)\"", text)} | {"after"})


def fields() -> list[str]:
    """What forms have."""
    texts = [one.read_text(encoding="utf-8") for one in (PANEL / "templates").rglob("*.html")]
    found = {name for text in texts for name in re.findall(r"name=\"([\w.-]+)\"", text)}
    found |= {name for text in texts for name in re.findall(r"ui\.field\(\s*\w+,\s*\"([\w.-]+)\"", text)}
    texts = [one.read_text(encoding="utf-8") for one in PANEL.rglob("*.py")]
    found |= {name for text in texts for name in re.findall(r"posted(?:\.get\(|\[|\.all\()\"(\w+)\"", text)}
    return sorted(found - {"csrf", "once", "viewport", "color-scheme", "theme-color"})


async def test_no_query_is_a_fault(walk: Walk) -> None:
    wrong = []
    for route in walk.routes("GET"):
        names, who, path = arguments(route), walk.who_may(route), await walk.path(route, "acme")
        assert who is not None
        for value in ODD:
            query = urlencode(dict.fromkeys(names, value))
            seen = await who.get(f"{path}?{query}", follow=False)
            if seen.status >= 500:
                wrong.append((route.path, value[:20], seen.status))
        for name in names:  # each for itself: the first that is wrong may hide the others
            seen = await who.get(f"{path}?{name}=%ff%00-1", follow=False)
            if seen.status >= 500:
                wrong.append((route.path, name, seen.status))
    assert not wrong


async def test_no_form_is_a_fault(walk: Walk) -> None:
    names, wrong = fields(), []
    assert {"text", "to", "mail", "name"} <= set(names)
    tokens = {id(one): await token_of(one) for one in (walk.admin, walk.operator)}
    paths = [(route, await walk.path(route, "acme")) for route in walk.routes("POST")]
    for route, path in paths:  # found before: some of them remove things
        who = walk.who_may(route)
        assert who is not None
        if route.name in ("sign_in", "sign_in_code", "sign_out", "language"):
            continue
        for value in TYPED:
            given = {**dict.fromkeys(names, value), "csrf": tokens[id(who)]}
            seen = await who.post(path, given, follow=False)
            if seen.status >= 500:
                wrong.append((route.path, value[:20], seen.status))
            if seen.status == 303 and seen.headers["Location"].startswith("/panel/sign-in"):
                tokens[id(who)] = await token_of(who)
    assert not wrong


async def test_no_name_in_a_path_is_a_fault(walk: Walk) -> None:
    token = await token_of(walk.operator)
    for path in ("carriers/%20/switch", "carriers/%20", "pools/%20", "pools/%20/remove", "prices/%20"):
        seen = await walk.operator.post(f"/panel/operator/{path}", {"csrf": token}, follow=False)
        assert seen.status < 500, path
