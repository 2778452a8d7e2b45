"""Every page that somebody finds at the panel, by following what it links to, as a search engine would."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final
from unittest.mock import MagicMock
from urllib.parse import parse_qsl, urlencode, urlsplit

from support.html import Element
from support.panel import Seen, Visitor
from voip_sms.core.people import RIGHTS, Role
from voip_sms.doors.panel.frame.routes import Route, Table
from voip_sms.doors.panel.screens import screens

MOST: Final = 400
"""Pages of one walk: ten times what there are kinds of them."""
ALIKE: Final = 2
"""Pages of one kind that are looked at: messages look like messages."""
_PLACE: Final = re.compile(r"\{(\w+)\}")


@cache
def table() -> Table:
    """All routes of the panel, over rooms of straw."""
    rooms: Any = MagicMock()
    return Table(route for screen in screens(rooms) for route in screen.routes())


def route_of(path: str, method: str = "GET") -> Route | None:
    """The route that answers at a path; those without a place in them win, as on the server."""
    where = urlsplit(path).path
    fitting = [
        route
        for route in table().routes
        if route.method == method and re.fullmatch(_PLACE.sub("[^/]+", route.path), where)
    ]
    return min(fitting, key=lambda route: route.path.count("{"), default=None)


def pages_of(role: Role) -> Sequence[Route]:
    """Every page that this role may open; those that never end and those that need a link by mail are left out."""
    return [
        route
        for route in table().routes
        if route.method == "GET" and not route.stream and (route.right is None or route.right in RIGHTS[role])
    ]


async def walked(visitor: Visitor, start: str = "/panel") -> Mapping[str, Seen]:
    """Pages by their path and query, in the order in which they were found."""
    seen: dict[str, Seen] = {}
    kinds: Counter[str] = Counter()
    waiting = [start]
    while waiting and len(seen) < MOST:
        path = waiting.pop(0)
        route = route_of(path)
        if path in seen or route is None or route.stream or kinds[_kind(route, path)] >= ALIKE:
            continue
        kinds[_kind(route, path)] += 1
        found = seen[path] = await visitor.get(path)
        waiting += links(found)
    return seen


def links(seen: Seen) -> Sequence[str]:
    """Where a page leads within the panel."""
    here = urlsplit(seen.path)
    found = []
    for one in seen.page.all("a"):
        href = one["href"].partition("#")[0]
        if href.startswith("?"):
            href = here.path + href
        if href.startswith("/panel"):
            found.append(href)
    return [*found, *(asked(form, here.path) for form in seen.page.forms if form["method"].lower() != "post")]


def asked(form: Element, here: str) -> str:
    """Where a form that only asks leads as it stands, with the first of its boxes ticked."""
    fields = form.posted()
    boxes = [one for one in form.all("input", type="checkbox") if one["name"]]
    if boxes and not any(name == boxes[0]["name"] for name, _ in fields):
        fields.append((boxes[0]["name"], boxes[0].attributes.get("value", "on")))
    return f"{form['action'] or here}?{urlencode(fields)}"


def _kind(route: Route, path: str) -> str:
    """Of which kind a page is: its route, and which filters and tabs are set."""
    names = sorted(name for name, _ in parse_qsl(urlsplit(path).query))
    return " ".join([route.name, *names])
