"""Parts of an inbound message become its text, whole or with gaps, in characters that any database keeps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

GAP = "[...]"
"""Stands where a part never came; of the GSM alphabet, so that it costs little when it is forwarded."""

ADDRESS_LIMIT = 64
"""Characters of an address we keep: the longest that SMPP carries has 20 (SMPP 3.4 section 4.6.1)."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One part as it came: `text` may begin or end with half a surrogate pair."""

    text: str
    encoding: Literal["gsm7", "ucs2"]


@dataclass(frozen=True, slots=True)
class Joined:
    """A message made of `total` parts; `missing` are the numbers of those that never came."""

    text: str
    encoding: Literal["gsm7", "ucs2"]
    total: int
    missing: tuple[int, ...] = ()


def is_part(no: int, total: int) -> bool:
    """Whether this is one part of several; headers that make no sense are taken as a message of its own."""
    return total > 1 and 1 <= no <= total


def join(parts: Mapping[int, Fragment], total: int) -> Joined:
    """Join the parts (by number, from 1) in order; consecutive missing ones leave one gap."""
    missing = tuple(no for no in range(1, total + 1) if no not in parts)
    pieces: list[str] = []
    for no in range(1, total + 1):
        if no in parts:
            pieces.append(parts[no].text)
        elif no == 1 or no - 1 in parts:
            pieces.append(GAP)
    encoding: Literal["gsm7", "ucs2"] = (
        "ucs2" if any(part.encoding == "ucs2" for part in parts.values()) else "gsm7"
    )
    return Joined(clean("".join(pieces)), encoding, total, missing)


def clean(text: str) -> str:
    """Text that SQLite, PostgreSQL and UTF-8 carry: halves of a pair joined or U+FFFD, no NUL."""
    if text.isascii() and "\0" not in text:
        return text
    whole = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    return whole.replace("\0", "")


def clean_address(text: str) -> str:
    """An address that a carrier gave, as we may store and show it: printable, bounded."""
    return "".join(char for char in clean(text) if char.isprintable()).strip()[:ADDRESS_LIMIT]


def pack(text: str) -> str:
    """A fragment's text as plain ASCII, exactly: what can't be stored alone may be half of something."""
    return json.dumps(text)


def unpack(packed: str) -> str:
    """The text that `pack` was given."""
    return str(json.loads(packed))
