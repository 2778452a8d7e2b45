"""User data headers: the elements in front of a text, above all which part of which message it is."""

from dataclasses import dataclass
from typing import Final

from voip_sms.wire.errors import WireError

# 3GPP TS 23.040 section 9.2.3.24, information element identifiers.
CONCAT_8BIT: Final = 0x00
CONCAT_16BIT: Final = 0x08
# Sections 9.2.3.24.1 and 9.2.3.24.8: reference (1 or 2 octets), total, sequence.
_CONCAT_8BIT_OCTETS: Final = 3
_CONCAT_16BIT_OCTETS: Final = 4
# TS 23.040 section 9.2.3.24: the whole TP-UD has 140 octets, its first one is the length of the header.
LONGEST: Final = 139
_OCTET: Final = 0xFF
_TWO_OCTETS: Final = 0xFFFF


class HeaderError(WireError):
    """A user data header whose lengths don't add up. The specification says to ignore such a header whole."""


@dataclass(frozen=True, slots=True)
class Element:
    """One information element: its identifier (0-255) and its octets."""

    identifier: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Concat:
    """Part `sequence` (from 1) of `total`; `reference` is shared by the parts, 16 bits if `wide`, else 8.

    Raises HeaderError when made with values that no header can carry.
    """

    reference: int
    total: int
    sequence: int
    wide: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.reference <= (_TWO_OCTETS if self.wide else _OCTET):
            raise HeaderError("the reference of a concatenation does not fit its width")
        if not 1 <= self.sequence <= self.total <= _OCTET:
            raise HeaderError("the parts of a concatenation count from 1 to at most 255")

    def element(self) -> Element:
        """The information element that says this."""
        width, identifier = (2, CONCAT_16BIT) if self.wide else (1, CONCAT_8BIT)
        reference = self.reference.to_bytes(width)
        return Element(identifier, reference + bytes((self.total, self.sequence)))


@dataclass(frozen=True, slots=True)
class Header:
    """All elements of a user data header, in order."""

    elements: tuple[Element, ...]

    @property
    def concat(self) -> Concat | None:
        """Which part this is, wherever it stands among the elements; None if it is no part, or nonsense.

        The last of several counts, and one with impossible numbers is ignored, both as the specification says
        (TS 23.040 sections 9.2.3.24 and 9.2.3.24.1).
        """
        found: Concat | None = None
        for element in self.elements:
            if element.identifier in (CONCAT_8BIT, CONCAT_16BIT):
                found = _concat(element) or found
        return found


def split(user_data: bytes) -> tuple[Header, bytes]:
    """The header at the start of `user_data` (its length octet first) and the octets after it.

    Raises HeaderError when the lengths don't add up.
    """
    if not user_data:
        raise HeaderError("no user data header where one was announced")
    end = 1 + user_data[0]
    if end > len(user_data):
        raise HeaderError("the user data header is longer than the user data")
    return Header(_elements(user_data[1:end])), user_data[end:]


def parse(header: bytes) -> Header:
    """A header that stands alone (its length octet first), as CIMD2 carries it. Raises HeaderError."""
    parsed, rest = split(header)
    if rest:
        raise HeaderError("octets after the user data header")
    return parsed


def build(elements: tuple[Element, ...]) -> bytes:
    """The octets of a header, its length octet first. Raises HeaderError when it is too long to be sent."""
    octets = bytearray()
    for element in elements:
        if not 0 <= element.identifier <= _OCTET or len(element.octets) > LONGEST:
            raise HeaderError("an element that no user data header can carry")
        octets += bytes((element.identifier, len(element.octets))) + element.octets
    if len(octets) > LONGEST:
        raise HeaderError("a user data header has at most 139 octets")
    return bytes((len(octets),)) + octets


def concat_header(concat: Concat) -> bytes:
    """The whole header of one part: 6 octets with an 8-bit reference, 7 with a 16-bit one."""
    return build((concat.element(),))


def _elements(octets: bytes) -> tuple[Element, ...]:
    elements: list[Element] = []
    at = 0
    while at < len(octets):
        if at + 2 > len(octets):
            raise HeaderError("an element of the user data header is cut short")
        start, end = at + 2, at + 2 + octets[at + 1]
        if end > len(octets):
            raise HeaderError("an element is longer than the user data header")
        elements.append(Element(octets[at], octets[start:end]))
        at = end
    return tuple(elements)


def _concat(element: Element) -> Concat | None:
    wide = element.identifier == CONCAT_16BIT
    if len(element.octets) != (_CONCAT_16BIT_OCTETS if wide else _CONCAT_8BIT_OCTETS):
        return None
    *reference, total, sequence = element.octets
    if not 1 <= sequence <= total:
        return None
    return Concat(int.from_bytes(reference), total, sequence, wide)
