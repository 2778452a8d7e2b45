"""The usual request as octets: read where it came whole and leaves no doubt, and answered.

Through aiohttp that is a quarter of what a message costs the event loop. Whatever is in the least unusual
is not read here but by aiohttp, so that two readers never take the same octets differently (RFC 9112, 11.2).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

Fields = tuple[tuple[str, str], ...]

MOST: Final = 16_384
"""Octets of a request read here, head and body: more does not come in one piece."""
_END: Final = b"\r\n\r\n"
# RFC 9112 section 3, RFC 9110 section 5.5: a path without a query, names of tchar, values of VCHAR, SP, HTAB.
_HEAD: Final = re.compile(
    r"POST (/[!-<>@-~]{0,200}) HTTP/1\.1\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t -~]*+\r\n)++)"
)
_FIELD: Final = re.compile(r"([^:]+):(.*)\r\n")
# What changes how a body is read, or what happens to the connection.
_UNUSUAL: Final = frozenset(
    {"transfer-encoding", "content-encoding", "expect", "upgrade", "te", "trailer", "http2-settings"}
)
_STAYS: Final = frozenset({"", "keep-alive"})


class Direct(NamedTuple):
    """A request. `headers` by name in lower case, each of which came once; `remote`: whose address it is."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    remote: str | None


class Reply(NamedTuple):
    """An answer; `fields` without Content-Length and Date."""

    status: int
    body: bytes
    fields: Fields


DirectHandler = Callable[[Direct], Awaitable[Reply]]


def read(octets: bytes, remote: str | None) -> Direct | None:
    """One whole POST without a query and nothing after it; None: let aiohttp read it."""
    end = octets.find(_END)
    if end < 0 or len(octets) > MOST:
        return None
    head = _HEAD.fullmatch(octets[: end + 2].decode("latin-1"))
    if head is None:
        return None
    path, block = head.groups()
    found = _FIELD.findall(block)
    headers = {name.lower(): value.strip(" \t") for name, value in found}
    body = octets[end + len(_END) :]
    if len(headers) != len(found) or not _is_usual(headers, len(body)):
        return None
    return Direct(path, headers, body, remote)


def _is_usual(headers: Mapping[str, str], length: int) -> bool:
    return (
        headers.get("content-length") == str(length)
        and "host" in headers
        and _UNUSUAL.isdisjoint(headers)
        and headers.get("connection", "").lower() in _STAYS
    )


def written(reply: Reply) -> bytes:
    """The answer's octets."""
    date = rfc822_formatted_time()
    head = b"%bContent-Length: %d\r\nDate: %b\r\n\r\n" % (
        _head(reply.status, reply.fields),
        len(reply.body),
        date.encode("ascii"),
    )
    return head + reply.body


def reply_of(response: web.Response) -> Reply:
    """The same answer as aiohttp would write."""
    body = response.body
    return Reply(response.status, body if isinstance(body, bytes) else b"", tuple(response.headers.items()))


@lru_cache(maxsize=256)
def _head(status: int, fields: Fields) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}".encode("ascii")
