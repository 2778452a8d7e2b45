"""The parts of a multipart body (RFC 2046 5.1)."""

import re
from typing import Final

from voip_sms.wire.sip.mime import Part, PartError, read_part

MAX_PARTS: Final = 16
"""Parts that are looked at: a text in two forms and some attachments; the rest is left alone."""
_MAX_BOUNDARY: Final = 200
"""Characters of a boundary; RFC 2046 allows 70."""


def read_parts(body: bytes, boundary: str) -> list[Part]:
    """The parts in order, what is around them left out. PartError without a usable boundary or any part.

    A missing end is forgiven; so are line ends of LF alone.
    """
    if not 0 < len(boundary) <= _MAX_BOUNDARY:
        raise PartError("bad boundary")
    marks = _marks(body, boundary.encode("utf-8", "surrogateescape"))
    pieces = [body[start:end] for start, end in marks]
    parts = [part for part in map(_part, pieces) if part is not None]
    if not parts:
        raise PartError("no parts")
    return parts


def _marks(body: bytes, boundary: bytes) -> list[tuple[int, int]]:
    """Where each part begins and ends."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:(?=\r?\n)|\Z)")
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for match in line.finditer(body):
        if begin is not None:
            found.append((begin, match.start()))
        if match[1] or len(found) == MAX_PARTS:
            return found
        begin = match.end()
    if begin is not None:
        found.append((begin, len(body)))
    return found


def _part(octets: bytes) -> Part | None:
    """A part behind the line end of its delimiter; None where that is none."""
    try:
        return read_part(octets.removeprefix(b"\r\n") if octets.startswith(b"\r\n") else octets[1:])
    except PartError:
        return None
