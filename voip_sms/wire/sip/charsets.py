"""Octets of a text as Unicode, with charsets as phones really label them."""

import codecs
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.charsets import LATIN, TRUSTED, UNKNOWN, UTF8
from voip_sms.wire.errors import WireError


def _bare(label: str) -> str:
    """Phones write the same label with and without punctuation and blanks."""
    return "".join(character for character in label.lower() if character.isalnum())


_UNSURE: Final = frozenset(map(_bare, UNKNOWN))
"""Labels that say little: octets beyond ASCII under them may be anything."""
_CHARSETS: Final = {
    **{_bare(label): codec for label, codec in (LATIN | TRUSTED).items() if codec != "utf-7"},
    **dict.fromkeys(map(_bare, UTF8 | UNKNOWN), "utf-8"),
    "ucs2": "utf-16-be",
}
"""By the bare label. ASCII is read as UTF-8: peers label UTF-8 that way. Only old mails are in UTF-7."""
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
    label = _bare(charset)
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
