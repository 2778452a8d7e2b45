"""What the panel answers: a table of routes, which the screens fill and the tests walk."""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol
from urllib.parse import quote, urlencode

from aiohttp import web

from voip_sms.core.people import Right

if TYPE_CHECKING:
    from voip_sms.doors.panel.frame.page import Page

ROOT: Final = "/panel"
SECONDS: Final = 10.0
"""For a page: its reads take milliseconds; the store gives up after less."""
_PLACE: Final = re.compile(r"\{(\w+)\}")
_ODD: Final = re.compile("[^\\w+\\-\x80-\U0010ffff]", re.ASCII)
_ODD_WRITTEN: Final = re.compile("~([0-9A-F]{2})")

Handle = Callable[["Page"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked for.

    `path`: `/panel/history/{id}`; `name`: what links call it, the same for GET and POST of one path.
    `right`: None is everybody, signed in or not. `menu`: the text of its entry in the navigation (`marked`).
    `seconds`: its bound; `stream`: none, it ends when the panel stops or its reader goes.
    """

    method: Literal["GET", "POST"]
    path: str
    name: str
    handle: Handle
    right: Right | None
    menu: str = ""
    seconds: float = SECONDS
    stream: bool = False

    @property
    def is_page(self) -> bool:
        """Whether it can be opened. Then HEAD is answered too, without a body (RFC 9110, section 9.3.2)."""
        return self.method == "GET" and not self.stream


class Screen(Protocol):
    """A family of pages."""

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        ...


class Table:
    """All routes. ValueError for two that are one."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._paths: dict[str, str] = {}
        self._patterns = [(re.compile(_PLACE.sub("[^/]+", one.path)), one) for one in self.routes]
        taken: set[tuple[str, str]] = set()
        for route in self.routes:
            place = (route.method, _PLACE.sub("{}", route.path))
            if place in taken or self._paths.setdefault(route.name, route.path) != route.path:
                raise ValueError(f"{route.method} {route.path} ({route.name}) is there already")
            taken.add(place)

    def link(self, name: str, /, **values: object) -> str:
        """The path of a route; what its path doesn't name goes into the query. KeyError: no such route."""
        path = self._paths[name]
        named = set(_PLACE.findall(path))
        filled = _PLACE.sub(lambda place: quote(segment(str(values[place[1]])), safe="~"), path)
        rest = {key: value for key, value in values.items() if key not in named and value not in (None, "")}
        return f"{filled}?{urlencode(rest, doseq=True)}" if rest else filled

    def menu(self) -> Sequence[Route]:
        """What stands in the navigation, in order."""
        return [route for route in self.routes if route.menu]

    def takes(self, path: str) -> bool:
        """Whether some route takes a form at this path."""
        return any(route.method == "POST" for route in self._at(path))

    def page_at(self, path: str) -> str:
        """The path itself, or where it only takes forms the nearest page above: the form's, or the first."""
        if not self._at(path):
            return path
        while path != ROOT and not self._opens(path):
            path = path.rpartition("/")[0]
        return path

    def _opens(self, path: str) -> bool:
        return any(route.is_page for route in self._at(path))

    def _at(self, path: str) -> Sequence[Route]:
        """The routes that a path means: one without placeholders before those that would fit as well."""
        exact = [route for route in self.routes if route.path == path]
        return exact or [route for pattern, route in self._patterns if pattern.fullmatch(path)]


def segment(text: str) -> str:
    """A text as one segment of a path, whatever is in it: `a/b` is `a~2Fb`, and no text at all is `~`.

    Browsers resolve `..`, also as `%2E%2E` (WHATWG URL, section 4.4), and proxies turn `%2F` into a slash.
    """
    return _ODD.sub(lambda char: f"~{ord(char[0]):02X}", text) or "~"


def read_segment(written: str) -> str:
    """What `segment` was given."""
    return "" if written == "~" else _ODD_WRITTEN.sub(lambda code: chr(int(code[1], 16)), written)


def local(path: str, fallback: str = ROOT) -> str:
    """Where to go on, if that is a page of the panel, else `fallback`: our links lead nobody elsewhere."""
    return path if _LOCAL.fullmatch(path) else fallback


_LOCAL: Final = re.compile(r"/panel(/[\w.~%+@:-]+)*/?(\?[\w.~%+@:=&,/-]*)?", re.ASCII)
