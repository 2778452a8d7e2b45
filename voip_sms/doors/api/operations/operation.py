"""What an operation of `/v1` is, and what many of them have in common."""

from dataclasses import dataclass
from typing import Any, Final

from voip_sms.doors.api.access import ADMIN
from voip_sms.doors.api.bodies import PAGE, PAGE_MOST, Shape

READ_SECONDS: Final = 3.0
"""For an answer that changes nothing: then `store_unavailable`."""
WRITE_SECONDS: Final = 15.0
"""For the body to arrive (10 s) and to be stored. The engine refuses within 3 s what it has not begun; what
it has begun is waited for: to say 503 and to send it all the same would make the caller send it again."""
CALL_SECONDS: Final = 25.0
"""For a request of ours to somebody's server, whose own bounds (`net/http/guarded.py`) end first."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name in the query string or the headers."""

    name: str
    schema: dict[str, Any]
    description: str
    where: str = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path. `shown` is the model of the answer, or several, or None without a body."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    scopes: frozenset[str]
    status: int
    shown: Any = None
    body: Shape[Any] | None = None
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[str, ...] = ()
    """Codes beside those that every operation has."""
    seconds: float = READ_SECONDS
    description: str = ""


WORD: Final[dict[str, Any]] = {"type": "string"}
PAGES: Final = (
    Parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": PAGE_MOST, "default": PAGE},
        "How many at most.",
    ),
    Parameter("starting_after", WORD, "The last id of the page before."),
)

PLANNING: Final = (
    "sender_not_allowed",
    "recipient_invalid",
    "recipient_forbidden",
    "no_route",
    "blocked",
    "opted_out",
    "limit_reached",
    "text_empty",
    "text_too_long",
    "credit_exhausted",
    "pool_exhausted",
)
"""Codes with which an SMS is refused."""


def listing(name: str, path: str, summary: str, shown: Any, scopes: frozenset[str] = ADMIN) -> Operation:
    """A page of a collection. The first part of the path behind `/v1` is its tag, as in `change`."""
    return Operation(name, "GET", path, _tag(path), summary, scopes, 200, shown, None, PAGES, ("invalid",))


def change(
    name: str, on: str, summary: str, *, body: Shape[Any] | None = None, shown: Any = None
) -> Operation:
    """One that makes, changes or removes an object of a collection; `on`: method and path."""
    method, _, path = on.partition(" ")
    refusals = [code for code, arises in (("conflict", body), ("not_found", "{id}" in path)) if arises]
    return Operation(
        name,
        method,
        path,
        _tag(path),
        summary,
        ADMIN,
        {"POST": 201, "PATCH": 200, "DELETE": 204}[method],
        shown,
        body,
        (),
        tuple(refusals),
        WRITE_SECONDS,
    )


def _tag(path: str) -> str:
    return path.split("/")[2]
