"""The SIP grammar that several headers share: tokens, quoting, parameters, lists (RFC 3261 25.1)."""

import re
from collections.abc import Iterator
from typing import Final

from voip_sms.wire.errors import WireError

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOTHING_BETWEEN: Final = re.compile(r"[;,] *[;,]|, *$")


class GrammarError(WireError):
    """A header value that breaks the grammar; the text names the rule, never the peer's octets."""


def is_token(text: str) -> bool:
    """Whether `text` is a `token` of RFC 3261 25.1."""
    return _TOKEN.fullmatch(text) is not None


def quote(text: str) -> str:
    """`text` as a quoted-string; line breaks and other controls, which SIP can't carry, become spaces."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """The value of a quoted-string with its escapes resolved; anything else comes back as it is."""
    if len(text) > 1 and text[0] == '"' == text[-1]:
        inner = text[1:-1]
        return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner
    return text


def closing_quote(text: str, start: int) -> int:
    """Index of the quote that ends the quoted-string opened at `start`; GrammarError when there is none."""
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == '"':
            return at
        at += 1
    raise GrammarError("unbalanced quote")


def split_outside(text: str, separator: str) -> list[str]:
    """Split at `separator` where it stands outside quotes and angle brackets; the pieces are stripped.

    An unclosed quote or bracket is a GrammarError.
    """
    if '"' not in text and "<" not in text:
        return [piece.strip() for piece in text.split(separator)]
    pieces: list[str] = []
    start = 0
    for at in _outside(text, separator):
        pieces.append(text[start:at].strip())
        start = at + 1
    pieces.append(text[start:].strip())
    return pieces


def first_outside(text: str, separator: str) -> tuple[str, str]:
    """What stands in front of the first `separator` outside quotes and angle brackets, and all the rest."""
    if '"' not in text and "<" not in text:
        at = text.find(separator)
        return (text, "") if at < 0 else (text[:at], text[at:])
    at = next(_outside(text, separator), len(text))
    return text[:at], text[at:]


def _outside(text: str, separator: str) -> Iterator[int]:
    """Where `separator` stands outside quotes and angle brackets; GrammarError when one is not closed."""
    at = 0
    while at < len(text):
        character = text[at]
        if character == '"':
            at = closing_quote(text, at)
        elif character == "<":
            at = text.find(">", at)
            if at < 0:
                raise GrammarError("unbalanced angle bracket")
        elif character == separator:
            yield at
        at += 1


def has_empty_values(text: str) -> bool:
    """Whether separators outside quotes have nothing between them (RFC 4475 3.1.2.1).

    COMPAT: one semicolon too many at the very end is no such thing: phones write that.
    """
    if not _NOTHING_BETWEEN.search(text):
        return False
    return '"' not in text or _NOTHING_BETWEEN.search(_QUOTED.sub("q", text)) is not None


def parse_params(text: str, *, strict: bool = False) -> dict[str, str]:
    """`;name=value;flag` as a dict: names in lower case, values unquoted, a flag's value is "".

    Empty ones are passed over; `strict`: GrammarError, but for one at the end (see `has_empty_values`).
    """
    params: dict[str, str] = {}
    pieces = split_outside(text, ";")
    if strict and "" in pieces[1:-1]:
        raise GrammarError("empty parameter")
    for piece in pieces:
        if not piece:
            continue
        name, _, value = piece.partition("=")
        params[name.strip().lower()] = unquote(value.strip())
    return params
