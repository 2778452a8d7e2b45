"""JSON in and out: bodies read into resources, query strings into values, results into answers."""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

import orjson
from aiohttp import web
from multidict import CIMultiDict
from pydantic import TypeAdapter, ValidationError

from voip_sms.core import ids
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import InvalidError
from voip_sms.core.resources.complaints import Complaint, Path, complaints
from voip_sms.net.http.direct import Fields, Reply
from voip_sms.net.http.problems import SERVER
from voip_sms.net.http.server import body_of

T = TypeVar("T")

PAGE: Final = 50
PAGE_MOST: Final = 1_000
KEYS_MOST: Final = 64
"""Of one object: several times what the largest resource has."""
KEY_LONGEST: Final = 100
CONTAINERS_MOST: Final = 1_000
"""Lists and objects inside a body, looked at one by one."""
ITEMS_MOST: Final = 100
"""Of a list, where nothing else is said: forwards have at most 20 targets."""

_FIELDS: Final = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Server", SERVER),
)
_HEADERS: Final = CIMultiDict(_FIELDS)


async def json_of(request: web.Request) -> Any:
    """The parsed body; Refusal `malformed`."""
    return parsed(await body_of(request))


def parsed(octets: bytes) -> Any:
    """JSON; Refusal `malformed`."""
    try:
        return orjson.loads(octets)
    except orjson.JSONDecodeError as error:
        raise Refusal(
            "malformed", f"the body is no JSON: line {error.lineno}, column {error.colno}"
        ) from None


class Shape(Generic[T]):
    """What a body must look like: a model, or a union of models. `items`: the most that a list may have."""

    def __init__(self, annotation: Any, items: int = ITEMS_MOST) -> None:
        self.annotation = annotation
        self.adapter: TypeAdapter[T] = TypeAdapter(annotation)
        self._items = items

    def read(self, value: Any, country: str) -> T:
        """`value` as this; InvalidError lists every error. National numbers are those of `country`."""
        _check_sizes(value, self._items)
        try:
            return self.adapter.validate_python(value, context={"country": country})
        except ValidationError as error:
            raise InvalidError(complaints(error, self.annotation)) from None


def _check_sizes(value: Any, items: int) -> None:
    """InvalidError for what is larger than anything sensible.

    Each wrong item and each unknown key gets a complaint in words: half a million of them, which 1 MiB
    holds, would keep the loop busy for seconds.
    """
    stack: list[tuple[Path, Any]] = [((), value)]
    while stack:
        path, one = stack.pop()
        what = _too_large(one, items)
        if what or len(stack) > CONTAINERS_MOST:
            raise InvalidError([Complaint(path, what or "holds too many lists and objects")])
        held = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        stack += [((*path, key), inner) for key, inner in held if isinstance(inner, dict | list)]


def _too_large(one: Any, items: int) -> str:
    if isinstance(one, list) and len(one) > items:
        return f"must have at most {items} items"
    if isinstance(one, dict) and len(one) > KEYS_MOST:
        return f"must have at most {KEYS_MOST} keys"
    if isinstance(one, dict) and any(len(key) > KEY_LONGEST for key in one):
        return f"keys have at most {KEY_LONGEST} characters"
    return ""


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`value` as JSON."""
    fields = _HEADERS.copy()
    if headers:
        fields.update(headers)
    return web.Response(body=orjson.dumps(value), status=status, headers=fields)


def reply(value: Any, status: int = 200, more: Fields = ()) -> Reply:
    """The same, to a request that came directly."""
    return Reply(status, orjson.dumps(value), _FIELDS + more)


def nothing() -> web.Response:
    """Done, and nothing to show."""
    return web.Response(status=204, headers={"Cache-Control": "no-store", "Server": SERVER})


def id_in_path(request: web.Request, prefix: str) -> Id:
    """The `{id}` of the path; Refusal `not_found` for what can't be one."""
    try:
        return ids.from_text(prefix, request.match_info["id"])
    except ids.IdInvalidError:
        raise Refusal("not_found") from None


class Query:
    """The query string, each name once; `known` are the names that mean something here."""

    def __init__(self, request: web.Request, known: frozenset[str]) -> None:
        self._given = request.query
        unknown = [name for name in self._given if name not in known]
        if unknown:
            raise _wrong(unknown[0], f"unknown parameter; known here: {', '.join(sorted(known))}")

    def text(self, name: str) -> str | None:
        """A parameter as it came; None if it is not there."""
        values = self._given.getall(name, [])
        if len(values) > 1:
            raise _wrong(name, "given more than once")
        if values and "\0" in values[0]:
            raise _wrong(name, "has a NUL in it, which no text here has")  # PostgreSQL stores none
        return values[0] if values else None

    def one_of(self, name: str, choices: frozenset[str]) -> str | None:
        """A parameter that is one of a few words."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise _wrong(name, f"must be one of {', '.join(sorted(choices))}")
        return value

    def limit(self) -> int:
        """How many a page shall have."""
        value = self.text("limit")
        if value is None:
            return PAGE
        if not (value.isascii() and value.isdigit() and len(value) <= len(str(PAGE_MOST))):
            raise _wrong("limit", f"must be a whole number from 1 to {PAGE_MOST}")
        if not 1 <= int(value) <= PAGE_MOST:
            raise _wrong("limit", f"must be a whole number from 1 to {PAGE_MOST}")
        return int(value)

    def starting_after(self, prefix: str) -> Id | None:
        """The id that the page begins after."""
        return self.id("starting_after", prefix)

    def id(self, name: str, prefix: str) -> Id | None:
        """A parameter that is an id of this kind."""
        value = self.text(name)
        try:
            return None if value is None else ids.from_text(prefix, value)
        except ids.IdInvalidError as error:
            raise _wrong(name, str(error)) from None


def _wrong(name: str, what: str) -> InvalidError:
    return InvalidError([Complaint((name,), what)])
