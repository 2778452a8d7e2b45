"""The GSM 7-bit default alphabet and its extension table: text to septets and back."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.errors import WireError

ESCAPE: Final = 0x1B

# 3GPP TS 23.038 section 6.2.1, in order of code. 0x1B is the escape: shown as a space when it stands alone.
_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
# 3GPP TS 23.038 section 6.2.1.1. 0x0D (a control of later releases) and 0x1B (a further escape) are reserved.
_EXTENSION: Final[Mapping[int, str]] = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
EXTENSION_CHARACTERS: Final = frozenset(_EXTENSION.values())
BASIC_CHARACTERS: Final = frozenset(_BASIC) - {"\x1b"}
CHARACTERS: Final = BASIC_CHARACTERS | EXTENSION_CHARACTERS

_TO_OCTETS: Final[Mapping[int, int | bytes]] = {
    **{ord(char): code for code, char in enumerate(_BASIC) if code != ESCAPE},
    **{ord(char): bytes((ESCAPE, code)) for code, char in _EXTENSION.items()},
}
# Octets above 0x7F are no septets; a carrier that sends them speaks another alphabet, or noise.
_FROM_OCTETS: Final = _BASIC.replace("\x1b", " ") + "\ufffd" * 128

# Most texts are plain ASCII: for those, one table look-up in C instead of a dictionary look-up a character.
_PLAIN_ASCII: Final = bytes(ord(c) for c in sorted(BASIC_CHARACTERS) if c.isascii())
_ASCII_TO_OCTETS: Final = bytes.maketrans(_PLAIN_ASCII, bytes(_BASIC.index(chr(c)) for c in _PLAIN_ASCII))

_SEPTET_BITS: Final = 7
_SEPTET_MASK: Final = 0x7F


class NotInAlphabetError(WireError):
    """A text has a character that the GSM alphabet lacks: `character`, at `index` of the text."""

    def __init__(self, index: int, character: str) -> None:
        self.index = index
        self.character = character
        super().__init__(f"character {index} is not in the GSM 7-bit alphabet")


@dataclass(frozen=True, slots=True)
class Foreign:
    """The first character that forces UCS-2, with its index in the text."""

    index: int
    character: str


def encode(text: str) -> bytes:
    """Unpacked septets, one an octet; extension characters as pairs 0x1B, code. Raises NotInAlphabetError."""
    if text.isascii():
        octets = text.encode("ascii")
        if not octets.translate(None, _PLAIN_ASCII):
            return octets.translate(_ASCII_TO_OCTETS)
    try:
        return codecs.charmap_encode(text, "strict", _TO_OCTETS)[0]
    except UnicodeEncodeError as error:
        raise NotInAlphabetError(error.start, text[error.start]) from None


def decode(octets: bytes) -> str:
    """The text of unpacked septets; never fails.

    An escape pair outside the extension table shows as the character of the default table, a lone or
    doubled escape as a space (TS 23.038 section 6.2.1.1); octets above 0x7F as U+FFFD.
    """
    if ESCAPE not in octets:
        return codecs.charmap_decode(octets, "strict", _FROM_OCTETS)[0]
    shown: list[str] = []
    after_escape = False
    for octet in octets:
        if after_escape:
            shown.append(_EXTENSION.get(octet, _FROM_OCTETS[octet]))
            after_escape = False
        elif octet == ESCAPE:
            after_escape = True
        else:
            shown.append(_FROM_OCTETS[octet])
    if after_escape:
        shown.append(" ")
    return "".join(shown)


def septets(text: str) -> int:
    """How many septets a text takes; extension characters count two. Raises NotInAlphabetError."""
    return len(encode(text))


def first_foreign(text: str) -> Foreign | None:
    """The first character that the alphabet lacks, or None if the text fits it."""
    try:
        encode(text)
    except NotInAlphabetError as error:
        return Foreign(error.index, error.character)
    return None


def pack(unpacked: bytes, fill_bits: int = 0) -> bytes:
    """Seven-bit packing (TS 23.038 section 6.1.2.1), after `fill_bits` (0-6) zeros that follow a UDH.

    Raises WireError if an octet is no septet.
    """
    if not 0 <= fill_bits < _SEPTET_BITS:
        raise WireError("fill bits are 0 to 6")
    if unpacked and max(unpacked) > _SEPTET_MASK:
        raise WireError("an octet above 0x7F is no septet")
    number = 0
    for septet in reversed(unpacked):
        number = number << _SEPTET_BITS | septet
    bits = fill_bits + _SEPTET_BITS * len(unpacked)
    return (number << fill_bits).to_bytes((bits + 7) // 8, "little") if unpacked else b""


def unpack(packed: bytes, count: int | None = None, fill_bits: int = 0) -> bytes:
    """The septets of packed octets, one an octet. `count` is what the length field said; all, if None.

    Without `count`, seven spare bits at the end read as one more septet 0 (`@`): pass it when it is known.
    Raises WireError if there are fewer than `count`.
    """
    if not 0 <= fill_bits < _SEPTET_BITS:
        raise WireError("fill bits are 0 to 6")
    held = max(0, (8 * len(packed) - fill_bits) // _SEPTET_BITS)
    wanted = held if count is None else count
    if not 0 <= wanted <= held:
        raise WireError(f"{wanted} septets announced, {held} there")
    number = int.from_bytes(packed, "little") >> fill_bits
    return bytes(number >> _SEPTET_BITS * index & _SEPTET_MASK for index in range(wanted))
