"""Octets of a text as Unicode, with charsets as phones really label them."""

import codecs
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.errors import WireError

_CHARSETS: Final = {
    "": "utf-8",
    "utf8": "utf-8",
    "usascii": "utf-8",
    "ascii": "utf-8",
    "iso88591": "cp1252",
    "latin1": "cp1252",
    "iso88592": "iso8859-2",
    "latin2": "iso8859-2",
    "iso885915": "iso8859-15",
    "iso885916": "iso8859-16",
    "windows1250": "cp1250",
    "cp1250": "cp1250",
    "windows1252": "cp1252",
    "cp1252": "cp1252",
    "utf16": "utf-16",
    "utf16be": "utf-16-be",
    "utf16le": "utf-16-le",
    "ucs2": "utf-16-be",
}
"""Charset labels without case, spaces and punctuation. ASCII is read as UTF-8: peers label UTF-8 that way.
ISO-8859-1 is read as its superset, where the euro sign is (WHATWG Encoding Standard, 4.2)."""
_UNSURE: Final = frozenset({"", "usascii", "ascii"})
"""Labels that say little: octets beyond ASCII under them may be anything."""
_GUESS: Final = "cp1250"
"""COMPAT: older phones on Polish Windows settings send unlabelled text in this."""


_HIGH: Final = 6
"""High octets of Latin, Greek and Cyrillic letters are below this (U+0000 to U+05FF)."""


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded text; `damaged` when octets were invalid in the charset: they became U+FFFD or were guessed."""

    text: str
    damaged: bool = False


class CharsetError(WireError):
    """A charset label that we don't decode: 415."""


def decode_text(body: bytes, charset: str = "") -> Text:
    """Octets of text/plain as Unicode, line ends as LF. CharsetError for a label that we can't read.

    Never fails on octets: what is invalid as UTF-8 in text without a label (or with ASCII's) is read as
    windows-1250, in other text it becomes U+FFFD; both are flagged.
    """
    label = "".join(character for character in charset.lower() if character.isalnum())
    codec = _CHARSETS.get(label)
    if codec is None:
        raise CharsetError("charset not supported")
    if codec == "utf-16":
        codec = _utf16(body)
    try:
        return Text(_tidy(codecs.decode(body, codec)))
    except UnicodeDecodeError:
        if label not in _UNSURE:
            return Text(_tidy(codecs.decode(body, codec, "replace")), damaged=True)
    return Text(_tidy(codecs.decode(body, _GUESS, "replace")), damaged=True)


def _utf16(body: bytes) -> str:
    """The order of octets: as marked, else where the letters' high octets are, in doubt BE (RFC 2781 4.3)."""
    if body.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        return "utf-16"
    high, low = (sum(octet < _HIGH for octet in body[start::2]) for start in (0, 1))
    return "utf-16-le" if low > high else "utf-16-be"


def _tidy(text: str) -> str:
    """NUL goes: no alphabet of SMS has it, and databases refuse it."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
