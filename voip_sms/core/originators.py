"""What a message shows as its sender: names and numbers, their validity, look-alikes, and type of number."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from voip_sms.core import addresses
from voip_sms.core.failures import Refusal
from voip_sms.wire import gsm0338

# 3GPP TS 23.040 section 9.1.2.5: an address field holds 11 septets of text; operators ask for at least 3.
NAME_SHORTEST: Final = 3
NAME_LONGEST: Final = 11
_NUMBER: Final = re.compile(r"\+[0-9]{3,15}", re.ASCII)
# National short and access codes; from nine digits on it would be a number.
_SHORT: Final = re.compile(r"[0-9]{2,8}", re.ASCII)
_SHORTEST_INTERNATIONAL: Final = 10
# COMPAT: some networks call even their short codes international.
_SHORT_LONGEST: Final = 6

_CONTROLS: Final = frozenset("\n\r\f")
# Digits and signs that stand for letters, and letters of other scripts whose capitals look like Latin ones.
# Both sides of a comparison are folded: all that matters is that look-alikes meet.
_LOOK_ALIKES: Final = str.maketrans(
    {
        **dict(zip("0134578@$€£¥!|§6", "oieastbaseiyiisg", strict=True)),
        **dict(zip("аеорсухкмнтвіјѕԁ", "aeopcyxkmhtbijsd", strict=True)),
        **dict(zip("αβεζηικλμνξορστυχωδθφ", "abezhikamneopetyxoaoo", strict=True)),
        "l": "i",
        "ł": "i",
        "ø": "o",
        "đ": "d",
        "æ": "ae",
        "ß": "ss",
    }
)


class Kind(StrEnum):
    """The three shapes of an originator."""

    NAME = "name"
    NUMBER = "number"
    SHORT = "short"


NameProblem = Literal["too_short", "too_long", "character", "no_letter", "spaces"]


class OriginatorInvalidError(ValueError):
    """No name or number that can be shown as a sender; `problem` says what is wrong with it as a name."""

    def __init__(self, problem: NameProblem) -> None:
        self.problem = problem
        super().__init__(_PROBLEMS[problem])


_PROBLEMS: Final[dict[NameProblem, str]] = {
    "too_short": "a sender name has at least 3 characters",
    "too_long": "a sender name has at most 11 characters; ^ { } [ ] ~ | \\ € count two",
    "character": "a sender name has only characters of the GSM alphabet",
    "no_letter": "a sender name has at least one letter, else it looks like a number",
    "spaces": "a sender name neither begins nor ends with a space, nor has two in a row",
}


@dataclass(frozen=True, slots=True)
class TypeOfNumber:
    """TON and NPI (SMPP 3.4 sections 5.2.5 and 5.2.6)."""

    ton: int
    npi: int


NAME_TYPE: Final = TypeOfNumber(5, 0)
NUMBER_TYPE: Final = TypeOfNumber(1, 1)
SHORT_TYPE: Final = TypeOfNumber(3, 0)
"""What most carriers expect for short codes; a carrier's settings may say otherwise."""

TON_INTERNATIONAL: Final = 1
TON_ALPHANUMERIC: Final = 5


@dataclass(frozen=True, slots=True)
class Originator:
    """A sender as a network shows it: `value` is a name, E.164 with +, or the digits of a short code."""

    kind: Kind
    value: str

    @property
    def on_the_wire(self) -> str:
        """As SMPP's source_addr has it: international numbers without +."""
        return self.value.removeprefix("+")

    def type_of_number(self, short: TypeOfNumber = SHORT_TYPE) -> TypeOfNumber:
        """TON and NPI for this originator; `short` is the carrier's choice for short codes."""
        if self.kind is Kind.SHORT:
            return short
        return NUMBER_TYPE if self.kind is Kind.NUMBER else NAME_TYPE


def originator(value: str) -> Originator:
    """The originator that a stored sender is: `+48…`, `7155`, `ACME`. Raises OriginatorInvalidError."""
    if _NUMBER.fullmatch(value):
        return Originator(Kind.NUMBER, value)
    if _SHORT.fullmatch(value):
        return Originator(Kind.SHORT, value)
    check_name(value)
    return Originator(Kind.NAME, value)


def from_network(written: str, ton: int, country: str) -> Originator:
    """The originator that a carrier wrote beside type `ton`; never refuses, as the message is already here.

    Digits that say or look international become E.164; national ones are read with `country`; what is
    neither stays as it came. An empty one is the name ''.
    """
    text = written.strip(" \0")
    digits = text.removeprefix("+")
    if ton == TON_ALPHANUMERIC or not (digits.isascii() and digits.isdigit()):
        return Originator(Kind.NAME, text)
    if text != digits or (ton == TON_INTERNATIONAL and len(digits) > _SHORT_LONGEST):
        return Originator(Kind.NUMBER, "+" + digits.removeprefix("00"))
    readings = (text, "+" + text) if len(text) >= _SHORTEST_INTERNATIONAL else (text,)
    for reading in readings:
        try:
            return Originator(Kind.NUMBER, addresses.number(reading, country).e164)
        except Refusal:
            continue
    return Originator(Kind.SHORT, digits)


def check_name(name: str) -> None:
    """Whether `name` can be an alphanumeric sender: 3-11 GSM characters, not just digits.

    Raises OriginatorInvalidError with the first problem.
    """
    if gsm0338.first_foreign(name) is not None or not _CONTROLS.isdisjoint(name):
        raise OriginatorInvalidError("character")
    if len(name) < NAME_SHORTEST:
        raise OriginatorInvalidError("too_short")
    if gsm0338.septets(name) > NAME_LONGEST:
        raise OriginatorInvalidError("too_long")
    if name != name.strip(" ") or "  " in name:
        raise OriginatorInvalidError("spaces")
    if not any(char.isalpha() for char in name):
        raise OriginatorInvalidError("no_letter")


def folded(name: str) -> str:
    """A name as a quick eye reads it: one for `Verify`, `VER1FY`, `v e r i f y`; '' if none is left.

    For comparing only: with reserved names, and between the names of tenants.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return "".join(char for char in letters.translate(_LOOK_ALIKES) if char.isalnum())
