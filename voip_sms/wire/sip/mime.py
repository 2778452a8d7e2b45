"""A header block and what follows it, as the parts of a body have them (RFC 2045, RFC 2046 5.1)."""

import binascii
import re
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.errors import WireError
from voip_sms.wire.sip.grammar import is_token
from voip_sms.wire.sip.headers import Headers

MAX_LINES: Final = 64
"""Header lines of one part; phones write under ten."""
_END: Final = re.compile(rb"\r?\n\r?\n")
_IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})
"""Transfer encodings that change nothing (RFC 2045 6.2)."""


class PartError(WireError):
    """A part that can't be told from what is around it, or whose octets aren't what its headers say: 400."""


class TransferError(PartError):
    """A Content-Transfer-Encoding that we don't know: 415."""


@dataclass(frozen=True, slots=True)
class Part:
    """Headers (names in lower case) and the octets they describe."""

    headers: Headers
    body: bytes


def split_head(octets: bytes) -> tuple[bytes, bytes]:
    """The header block and what stands behind the empty line; PartError when there is no empty line.

    Lines may end in LF alone: bodies are often written by hand.
    """
    for empty in (b"\r\n", b"\n"):
        if octets.startswith(empty):
            return b"", octets[len(empty) :]
    found = _END.search(octets)
    if found is None:
        raise PartError("no end of headers")
    return octets[: found.start()], octets[found.end() :]


def header_lines(head: bytes) -> list[tuple[str, str]]:
    """Name and value of each line, unfolded; names as written. PartError for a line that is no header."""
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n") if head else []
    if len(lines) > MAX_LINES:
        raise PartError("too many headers")
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and pairs:
            name, value = pairs[-1]
            pairs[-1] = name, f"{value} {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        if not colon or not is_token(name.rstrip(" \t")):
            raise PartError("bad header line")
        pairs.append((name.rstrip(" \t"), value.strip()))
    return pairs


def read_part(octets: bytes) -> Part:
    """A part from its octets. PartError when its headers are none."""
    head, body = split_head(octets)
    return Part(Headers((name.lower(), value) for name, value in header_lines(head)), body)


def transferred(part: Part) -> bytes:
    """The body without its Content-Transfer-Encoding (RFC 2045 6); never longer than it was."""
    encoding = part.headers.get("content-transfer-encoding").strip().lower()
    if encoding in _IDENTITY:
        return part.body
    if encoding == "quoted-printable":
        return binascii.a2b_qp(part.body)
    if encoding != "base64":
        raise TransferError("transfer encoding not supported")
    try:
        return binascii.a2b_base64(part.body)
    except binascii.Error:
        raise PartError("bad base64") from None
