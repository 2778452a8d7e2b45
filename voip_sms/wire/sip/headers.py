"""Header fields: the ordered collection, and the typed values of those that we read (RFC 3261 20)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from voip_sms.wire.sip.grammar import (
    GrammarError,
    closing_quote,
    is_token,
    parse_params,
    quote,
    split_outside,
    unquote,
)
from voip_sms.wire.sip.uri import ForeignUri, SchemeError, Uri, parse_host_port, parse_uri

BRANCH_COOKIE: Final = "z9hG4bK"
"""A branch that begins with this is unique per transaction (RFC 3261 8.1.1.7)."""
CSEQ_LIMIT: Final = 2**31
"""CSeq numbers stay below this (RFC 3261 8.1.1.5)."""
EXPIRES_LIMIT: Final = 2**32
"""delta-seconds stay below this (RFC 3261 20.19)."""
_VIA_PROTOCOL: Final = re.compile(r"SIP */ *\d\.\d */ *([A-Za-z0-9\-.!%*_+`'~]+) +", re.IGNORECASE | re.ASCII)
_PORT_DEFAULT: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}

COMPACT: Final = {
    "a": "accept-contact",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
}
"""Compact forms (RFC 3261 7.3.3 and the registry that followed it)."""
_WIRE_NAMES: Final = {
    "call-id": "Call-ID",
    "cseq": "CSeq",
    "mime-version": "MIME-Version",
    "www-authenticate": "WWW-Authenticate",
}


def wire_name(name: str) -> str:
    """The spelling a header name gets on the wire: `content-type` -> `Content-Type`."""
    known = _WIRE_NAMES.get(name)
    return known or "-".join(part.capitalize() for part in name.split("-"))


class Headers:
    """Header fields in order; names full and in lower case, values unfolded and stripped. Immutable."""

    __slots__ = ("_index", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)
        index: dict[str, list[str]] = {}
        for name, value in self._pairs:
            if name in index:
                index[name].append(value)
            else:
                index[name] = [value]
        self._index = index

    def get(self, name: str, default: str = "") -> str:
        """The first value of `name`."""
        values = self._index.get(name)
        return values[0] if values else default

    def all(self, name: str) -> list[str]:
        """Every value of `name`, one per line of the message."""
        return self._index.get(name, [])

    def list(self, name: str) -> list[str]:
        """Every value of `name`, comma-separated ones taken apart (RFC 3261 7.3.1)."""
        pieces = [piece for value in self.all(name) for piece in split_outside(value, ",")]
        return [piece for piece in pieces if piece]

    @property
    def repeats(self) -> bool:
        """Whether any name stands more than once."""
        return len(self._index) != len(self._pairs)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._pairs == other._pairs

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        return f"Headers({self._pairs!r})"


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value; `transport` in lower case, `host` and `port` are the sent-by (RFC 3261 20.42)."""

    transport: str
    host: str
    port: int | None
    params: dict[str, str] = field(default_factory=dict)

    @property
    def branch(self) -> str:
        return self.params.get("branch", "")

    @property
    def reply_port(self) -> int:
        """The port a reply goes to when no rport says otherwise (RFC 3261 18.2.2)."""
        return self.port or _PORT_DEFAULT.get(self.transport, 5060)


def parse_via(text: str) -> Via:
    """Parse one Via value, white space around its slashes and colon included.

    Empty parameters are passed over, and the version isn't looked at: whoever made the mistake must be
    answerable.
    """
    protocol = _VIA_PROTOCOL.match(text)
    if protocol is None:
        raise GrammarError("bad Via protocol")
    sent_by, _, params = text[protocol.end() :].partition(";")
    if " " in sent_by:
        sent_by = sent_by.replace(" ", "")
    host, port = parse_host_port(sent_by)
    return Via(protocol[1].lower(), host, port, parse_params(params))


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method (RFC 3261 20.16)."""

    number: int
    method: str


def parse_cseq(text: str) -> CSeq:
    """Parse a CSeq value; a number of 2**31 and more is a GrammarError."""
    number, _, method = text.partition(" ")
    method = method.strip()
    if not (number.isascii() and number.isdigit() and len(number) <= 10) or not is_token(method):  # noqa: PLR2004
        raise GrammarError("bad CSeq")
    value = int(number)
    if value >= CSEQ_LIMIT:
        raise GrammarError("CSeq too large")
    return CSeq(value, method)


def parse_seconds(text: str) -> int | None:
    """delta-seconds, or None when the value is no number that fits into 32 bits (then the default holds)."""
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10):  # noqa: PLR2004 - digits of 2**32
        return None
    value = int(text)
    return value if value < EXPIRES_LIMIT else None


@dataclass(frozen=True, slots=True)
class NameAddr:
    """From, To or one Contact value: display name (readable), URI, and the header's own parameters."""

    uri: Uri
    display: str = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return self.params.get("tag", "")

    def __str__(self) -> str:
        """The value in wire form, always with angle brackets."""
        display = f"{quote(self.display)} " if self.display else ""
        tail = "".join(f";{name}={value}" if value else f";{name}" for name, value in self.params.items())
        return f"{display}<{self.uri}>{tail}"


def parse_name_addr(text: str) -> NameAddr:
    """Parse `"Name" <uri>;params` or a bare `uri;params`, where the parameters belong to the header.

    A well-formed URI of a scheme that isn't ours becomes a ForeignUri.
    """
    display, uri, params = split_name_addr(text)
    try:
        return NameAddr(parse_uri(uri), display, params)
    except SchemeError:
        return NameAddr(ForeignUri(uri), display, params)


def split_name_addr(text: str) -> tuple[str, str, dict[str, str]]:
    """Display name, URI text and header parameters, without looking into the URI."""
    start = closing_quote(text, 0) + 1 if text.startswith('"') else 0
    opening = text.find("<", start)
    if opening < 0:
        if start:
            raise GrammarError("display name without address")
        uri, semicolon, tail = text.partition(";")
        if "?" in uri or "," in uri:
            raise GrammarError("URI needs angle brackets")
        return "", uri.strip(), _strict_params(semicolon + tail)
    closing = text.find(">", opening)
    if closing < 0:
        raise GrammarError("unbalanced angle bracket")
    tail = text[closing + 1 :].lstrip()
    if (tail and tail[0] != ";") or (start and text[start:opening].strip()):
        raise GrammarError("text around address")
    return unquote(text[:opening].strip()), text[opening + 1 : closing], _strict_params(tail)


def _strict_params(tail: str) -> dict[str, str]:
    """The parameters of one address; GrammarError when one is empty, or when a second address follows."""
    if not tail:
        return {}
    if "," in tail and len(split_outside(tail, ",")) > 1:
        raise GrammarError("more than one address")
    return parse_params(tail, strict=True)
