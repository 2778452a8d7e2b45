"""The body of a MESSAGE as text (RFC 3428 8; charsets as phones really label them)."""

import codecs
from dataclasses import dataclass, field
from typing import Final

from voip_sms.wire.errors import WireError
from voip_sms.wire.sip.grammar import GrammarError, is_token, parse_params

ACCEPT: Final = ("text/plain",)
"""Media types a MESSAGE may have."""
_CHARSETS: Final = {
    "": "utf-8",
    "utf8": "utf-8",
    "usascii": "utf-8",
    "ascii": "utf-8",
    "iso88591": "iso8859-1",
    "latin1": "iso8859-1",
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
"""Charset labels without case, spaces and punctuation. ASCII is read as UTF-8: peers label UTF-8 that way."""
_GUESS: Final = "cp1250"
"""COMPAT: older phones on Polish Windows settings send unlabelled text in this."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """Content-Type, in lower case but for parameter values."""

    name: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded text; `damaged` when octets were invalid in the charset: they became U+FFFD or were guessed."""

    text: str
    damaged: bool = False


class CharsetError(WireError):
    """A charset label that we don't decode: 415."""


def parse_media_type(value: str) -> MediaType | None:
    """Parse a Content-Type value; an absent one is text/plain, None means that it is no media type."""
    if not value.strip():
        return MediaType("text/plain")
    name, semicolon, params = value.partition(";")
    main, slash, sub = name.strip().lower().partition("/")
    if not slash or not is_token(main.strip()) or not is_token(sub.strip()):
        return None
    try:
        return MediaType(f"{main.strip()}/{sub.strip()}", parse_params(params) if semicolon else {})
    except GrammarError:
        return None


def decode_text(body: bytes, charset: str = "") -> Text:
    """Octets of text/plain as Unicode, line ends as LF. CharsetError for a label that we can't read.

    Never fails on octets: invalid ones of unlabelled text are read as windows-1250, of labelled text become
    U+FFFD; both are flagged.
    """
    label = "".join(character for character in charset.lower() if character.isalnum())
    codec = _CHARSETS.get(label)
    if codec is None:
        raise CharsetError("charset not supported")
    try:
        return Text(_tidy(codecs.decode(body, codec)))
    except UnicodeDecodeError:
        if label:
            return Text(_tidy(codecs.decode(body, codec, "replace")), damaged=True)
    return Text(_tidy(codecs.decode(body, _GUESS, "replace")), damaged=True)


def _tidy(text: str) -> str:
    """NUL goes: no alphabet of SMS has it, and databases refuse it."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
