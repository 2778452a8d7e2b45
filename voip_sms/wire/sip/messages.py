"""SIP messages as values: octets to Request or Response, and back (RFC 3261 7, 25.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from voip_sms.wire.sip.grammar import GrammarError, is_token
from voip_sms.wire.sip.headers import COMPACT, Headers, wire_name

MAX_HEAD: Final = 16 * 1024
"""Octets of start line and headers: phones send 1-2 kB, long Route sets with digest stay below 8 kB."""
MAX_HEADERS: Final = 128
"""Header lines in one message."""
MAX_BODY: Final = 64 * 1024
"""Octets of body: ten parts of SMS are below 3 kB; CPIM and multipart wrapping add a few."""
_VERSION: Final = "SIP/2.0"
_ANY_VERSION: Final = re.compile(r"SIP/\d+\.\d+", re.IGNORECASE)
_COLON_GAP: Final = " \t"
_LEADING: Final = b"\r\n"

BAD_REQUEST: Final = 400
TOO_LARGE: Final = 413
VERSION_NOT_SUPPORTED: Final = 505


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `uri` is the Request-URI as it stood on the wire."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    def encode(self) -> bytes:
        """The octets; Content-Length is set from the body. A line break in a value is a ValueError."""
        return _encode(f"{self.method} {self.uri} {_VERSION}", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """A response to a request."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    def encode(self) -> bytes:
        """The octets; Content-Length is set from the body. A line break in a value is a ValueError."""
        return _encode(f"{_VERSION} {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


class Malformed(GrammarError):  # noqa: N818 - it names what the message is
    """Octets that are no SIP message. `request` is what could be read: enough of it may allow a reply."""

    def __init__(self, reason: str, *, status: int = BAD_REQUEST, request: Request | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.request = request


@dataclass(frozen=True, slots=True)
class Head:
    """Start line and headers of a message whose body is still to come; `flaw` is why it can't be served."""

    start: str
    headers: Headers
    flaw: Malformed | None = field(default=None, compare=False)

    @property
    def answers(self) -> bool:
        """Whether it begins like a response."""
        return self.start[:8].upper() == f"{_VERSION} "

    def with_body(self, body: bytes) -> Message:
        """The message; Malformed when head or body say that it is none."""
        message = _message(self.start, self.headers, body)
        if self.flaw is not None:
            raise Malformed(
                self.flaw.reason,
                status=self.flaw.status,
                request=message if isinstance(message, Request) else None,
            )
        return message


def parse_datagram(data: bytes) -> Message:
    """Parse one UDP datagram: a short body is Malformed, octets behind Content-Length are ignored (18.3)."""
    text, gap, body = data.lstrip(_LEADING).partition(b"\r\n\r\n")
    if not gap:
        raise Malformed("no end of headers")
    head = parse_head(text)
    length = content_length(head)
    if length is not None:
        if length > len(body):
            raise Malformed("body shorter than Content-Length", request=answerable(head))
        body = body[:length]
    if len(body) > MAX_BODY:
        raise Malformed("body too large", status=TOO_LARGE, request=answerable(head))
    return head.with_body(body)


def parse_head(octets: bytes) -> Head:
    """Parse everything in front of the empty line. Malformed when not even headers can be told apart."""
    if len(octets) > MAX_HEAD:
        raise Malformed("headers too large", status=TOO_LARGE)
    text = octets.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise Malformed("stray line break")
    if len(lines) > MAX_HEADERS:
        raise Malformed("too many headers", status=TOO_LARGE)
    if "\r\n " in text or "\r\n\t" in text:
        lines = _unfold(lines)
    if "\t" in text:
        lines[1:] = [line.replace("\t", " ") for line in lines[1:]]  # they mean the same (RFC 3261 25.1)
    flaw: Malformed | None = None
    pairs: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        key = _KNOWN.get(name) or _header_name(name)
        if not colon or not key:
            flaw = flaw or Malformed("bad header line")
            continue
        pairs.append((key, value.strip()))
    return Head(lines[0], Headers(pairs), flaw)


def content_length(head: Head) -> int | None:
    """The body's length in octets; None without the header; Malformed when negative or contradictory."""
    values = head.headers.all("content-length")
    if not values:
        return None
    first = values[0]
    if len(values) > 1 and any(value != first for value in values):
        raise Malformed("conflicting Content-Length", request=answerable(head))
    if not (first.isascii() and first.isdigit() and len(first) <= 10):  # noqa: PLR2004 - digits of 2**32
        raise Malformed("bad Content-Length", request=answerable(head))
    return int(first)


def answerable(head: Head) -> Request | None:
    """What of a message with an unusable body can still be answered; None when it is no request."""
    try:
        message = _message(head.start, head.headers, b"")
    except Malformed as error:
        return error.request
    return message if isinstance(message, Request) else None


def _message(start: str, headers: Headers, body: bytes) -> Message:
    if start[:8].upper() == f"{_VERSION} ":
        return _response(start, headers, body)
    pieces = start.split(" ")
    if len(pieces) != 3 or not pieces[1]:  # noqa: PLR2004 - method, URI, version
        # Without a method it may be somebody's answer, which nobody may answer.
        answerable = len(pieces) > 3 and is_token(pieces[0])  # noqa: PLR2004
        partial = Request(pieces[0], pieces[-2], headers, body) if answerable else None
        raise Malformed("bad start line", request=partial)
    method, uri, version = pieces
    request = Request(method, uri, headers, body)
    if version != _VERSION and version.upper() != _VERSION:
        status = VERSION_NOT_SUPPORTED if _ANY_VERSION.fullmatch(version) else BAD_REQUEST
        raise Malformed("bad SIP version", status=status, request=request if status != BAD_REQUEST else None)
    if not is_token(method):
        raise Malformed("bad method")
    return request


def _response(start: str, headers: Headers, body: bytes) -> Response:
    code, _, reason = start[8:].partition(" ")
    if not (len(code) == 3 and code.isascii() and code.isdigit() and "100" <= code < "700"):  # noqa: PLR2004
        raise Malformed("bad status code")
    return Response(int(code), reason, headers, body)


def _unfold(lines: list[str]) -> list[str]:
    """Join continuation lines (RFC 3261 7.3.1); a folded start line is none."""
    whole: list[str] = [lines[0]]
    for line in lines[1:]:
        if line[:1] in {" ", "\t"} and len(whole) > 1:
            whole[-1] = f"{whole[-1].rstrip(_COLON_GAP)} {line.strip(_COLON_GAP)}"
        else:
            whole.append(line)
    return whole


def _header_name(name: str) -> str:
    """The full name in lower case; "" when it is no token. White space before the colon is allowed."""
    name = name.rstrip(_COLON_GAP)
    if not is_token(name):
        return ""
    name = name.lower()
    return COMPACT.get(name, name)


_KNOWN: Final = {
    spelling: name
    for name in (
        *("via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "route"),
        *("content-type", "content-length", "authorization", "www-authenticate"),
        *("expires", "date", "user-agent", "accept", "allow", "supported"),
    )
    for spelling in (wire_name(name), name)
}
"""The spellings nearly every message uses, so that the common line costs one look-up."""


def _encode(start: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    lines = [start]
    lines += [
        f"{_WIRE.get(name) or wire_name(name)}: {value}"
        for name, value in headers
        if name != "content-length"
    ]
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
        raise ValueError("line break in a SIP header")
    return text.encode("utf-8", "surrogateescape") + body


_WIRE: Final = {name: spelling for spelling, name in _KNOWN.items() if spelling != name}
