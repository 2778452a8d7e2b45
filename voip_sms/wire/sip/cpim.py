"""message/cpim: a content with headers of its own around it (RFC 3862), and those of IMDN (RFC 5438 6)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.imdn import DISPOSITIONS, Disposition, is_message_id
from voip_sms.wire.sip.mime import Part, PartError, header_lines, read_part, split_head

MEDIA_TYPE: Final = "message/cpim"
IMDN: Final = "urn:ietf:params:imdn"
"""The namespace of IMDN's headers (RFC 5438 14.2)."""
_PREFIX: Final = "imdn"
_WORDS: Final[Mapping[str, Disposition]] = {
    "positive-delivery": "delivered",
    "negative-delivery": "failed",
    "display": "displayed",
}
"""Values of Disposition-Notification (RFC 5438 6.2)."""
_ASKED: Final = {state: word for word, state in _WORDS.items()}
_NS: Final = re.compile(r"([^\s<]*)\s*<([^<>]*)>")
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_SURROGATES: Final = range(0xD800, 0xE000)
_ESCAPED: Final = {"b": "\b", "t": "\t", "n": "\n", "r": "\r"}
"""Character escapes (RFC 3862 2.3.2)."""


@dataclass(frozen=True, slots=True)
class Cpim:
    """`headers`: value by (namespace, name in lower case), the first of each; `content`: what is inside."""

    headers: Mapping[tuple[str, str], str]
    content: Part

    @property
    def message_id(self) -> str:
        """The sender's name for the message, or "" (RFC 5438 6.3)."""
        value = self.headers.get((IMDN, "message-id"), "")
        return value if is_message_id(value) else ""

    @property
    def wants(self) -> tuple[Disposition, ...]:
        """Which receipts the sender asks for (RFC 5438 6.2)."""
        value = self.headers.get((IMDN, "disposition-notification"), "")
        words = {word.partition(";")[0].strip().lower() for word in value.split(",")}
        return tuple(state for state in DISPOSITIONS if _ASKED[state] in words)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What goes around a content: URIs, RFC 3339 time, and for IMDN a Message-ID with the receipts wanted."""

    sender: str
    recipient: str
    moment: str
    message_id: str = ""
    wants: tuple[Disposition, ...] = ()


def read_cpim(octets: bytes) -> Cpim:
    """Parse a message/cpim body; PartError when it is none.

    COMPAT: some senders repeat `Content-Type: message/cpim` in front (RFC 3862 4 shows it so), others (a
    prelude like Groundwire's) write the text with no headers of its own.
    """
    head, rest = split_head(octets)
    pairs = header_lines(head)
    if pairs and all(name.lower().startswith("content-") for name, _ in pairs):
        head, rest = split_head(rest)
        pairs = header_lines(head)
    return Cpim(_resolved(pairs), _content(rest))


def write_cpim(envelope: Envelope, content_type: str, content: bytes, *, notification: bool = False) -> bytes:
    """The octets; `notification` marks a receipt (RFC 5438 8.1). A line break in a value is a ValueError."""
    lines = [
        f"From: <{envelope.sender}>",
        f"To: <{envelope.recipient}>",
        f"DateTime: {envelope.moment}",
    ]
    if envelope.message_id:
        lines += [f"NS: {_PREFIX} <{IMDN}>", f"{_PREFIX}.Message-ID: {envelope.message_id}"]
    if envelope.wants:
        asked = ", ".join(_ASKED[state] for state in envelope.wants)
        lines.append(f"{_PREFIX}.Disposition-Notification: {asked}")
    lines += ["", f"Content-Type: {content_type}"]
    if notification:
        lines.append("Content-Disposition: notification")
    lines += [f"Content-Length: {len(content)}", "", ""]
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("line break in a header")
    return "\r\n".join(lines).encode() + content


def _content(octets: bytes) -> Part:
    try:
        part = read_part(octets)
    except PartError:
        part = None
    if part is not None and (not len(part.headers) or _is_content(part.headers)):
        return part
    return Part(Headers(), octets)


def _is_content(headers: Headers) -> bool:
    return any(name.startswith("content-") for name, _ in headers)


def _resolved(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Names with their namespaces; a prefix that nobody declared is taken to be what IMDN's usually is."""
    pairs = list(pairs)
    spaces = {_PREFIX: IMDN}
    for name, value in pairs:
        declared = _NS.match(value) if name.lower() == "ns" else None
        if declared is not None:
            spaces[declared[1].lower()] = declared[2].strip().lower()
    found: dict[tuple[str, str], str] = {}
    for name, value in pairs:
        prefix, dot, local = name.lower().partition(".")
        key = (spaces.get(prefix, prefix), local) if dot else (spaces.get("", ""), prefix)
        found.setdefault(key, _value(value))
    return found


def _value(text: str) -> str:
    """A value without its parameters (`;lang=pl Temat`), its escapes resolved."""
    if text.startswith(";"):
        text = text.partition(" ")[2].strip()
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) > 1:
        point = int(escape[1:], 16)
        return "\ufffd" if point in _SURROGATES else chr(point)
    return _ESCAPED.get(escape, escape)
