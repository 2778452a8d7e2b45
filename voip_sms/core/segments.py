"""How a text becomes the parts of an SMS: encoding, cuts, and accents given up to save parts."""

import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from voip_sms.core.failures import Refusal
from voip_sms.wire import gsm0338

# 3GPP TS 23.040 section 9.2.3.24.1: 140 octets; a concatenation header takes six of them from every part.
GSM7_SINGLE: Final = 160
GSM7_PART: Final = 153
UCS2_SINGLE: Final = 70
UCS2_PART: Final = 67
DEFAULT_MAX_PARTS: Final = 10
# Unicode section 3.8: the first octet of a high surrogate is 0xD8-0xDB.
_HIGH_SURROGATE: Final = 0xD8

# What NFKD does not take apart, in letters of the GSM alphabet. Characters mapped to "" are invisible.
_PLAIN: Final = {
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "ħ": "h", "Ħ": "H", "ı": "i", "ĸ": "k",
    "ŋ": "n", "Ŋ": "N", "þ": "th", "Þ": "Th", "œ": "oe", "Œ": "OE", "ŧ": "t", "Ŧ": "T", "ẞ": "SS",
    "„": '"', "”": '"', "“": '"', "‟": '"', "«": '"', "»": '"', "″": '"',
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "´": "'", "`": "'", "‹": "'", "›": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "⁃": "-",
    "•": "*", "·": ".", "×": "x", "÷": "/", "⁄": "/", "∕": "/", "©": "(c)", "®": "(R)", "¦": "|",
    "¢": "c", "¸": ",", "¨": '"', "\t": " ", "\u2028": "\n", "\u2029": "\n", "\v": "\n", "\x85": "\n",
    "\u00ad": "", "\u200b": "", "\u200e": "", "\u200f": "", "\u2060": "", "\ufeff": "",
}  # fmt: skip
# Unicode general categories of characters that show nothing: a text of zero-width spaces is empty too.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


class TextEmptyError(Refusal):
    """A text of white space only."""

    def __init__(self) -> None:
        super().__init__("text_empty")


class TextTooLongError(Refusal):
    """A text that needs more parts than allowed: `parts` needed, `max_parts` allowed."""

    def __init__(self, parts: int, max_parts: int) -> None:
        self.parts = parts
        self.max_parts = max_parts
        detail = f"the text takes {parts} parts, {max_parts} are allowed"
        super().__init__("text_too_long", detail, {"parts": parts, "max_parts": max_parts})


@dataclass(frozen=True, slots=True)
class Segmented:
    """A text ready to be sent: the text of each part, in order, without any header.

    `units` are septets (gsm7) or UTF-16 units (ucs2) over all parts; `foreign` is the first character that
    forced ucs2, with its index in `text`; `transliterated` says that letters were replaced.
    """

    encoding: Literal["gsm7", "ucs2"]
    parts: tuple[str, ...]
    units: int
    foreign: gsm0338.Foreign | None = None
    transliterated: bool = False

    @property
    def text(self) -> str:
        """What the recipient reads: the parts joined."""
        return "".join(self.parts)


def segment(text: str, max_parts: int = DEFAULT_MAX_PARTS, *, transliterate: bool = False) -> Segmented:
    """Choose the encoding and cut: 160 or 153 septets a part, 70 or 67 UTF-16 units; no pair is ever split.

    With `transliterate`, accents go where that makes the text fit the GSM alphabet; where it would not (an
    emoji is left), they stay. Raises TextEmptyError, TextTooLongError.
    """
    if not text or text.isspace():
        raise TextEmptyError
    segmented = _segmented(text, transliterate=transliterate)
    if len(segmented.parts) > max_parts:
        raise TextTooLongError(len(segmented.parts), max_parts)
    return segmented


def without_accents(text: str) -> str:
    """The text with accents, quotes and dashes brought to the GSM alphabet; what can't be stays as it is."""
    composed = unicodedata.normalize("NFC", text)
    return "".join([char if char in gsm0338.CHARACTERS else _plain(char) for char in composed])


@lru_cache(maxsize=4096)  # an alphabet or two; more than any customer writes in
def _plain(char: str) -> str:
    if char in _PLAIN:
        return _PLAIN[char]
    pieces = "".join(
        _PLAIN.get(piece, piece)
        for piece in unicodedata.normalize("NFKD", char)
        if not unicodedata.combining(piece)
    )
    # A letter without a GSM counterpart stays whole: half of it would be another text.
    return pieces if pieces and gsm0338.first_foreign(pieces) is None else char


def _segmented(text: str, *, transliterate: bool) -> Segmented:
    try:
        return _gsm7(text, gsm0338.encode(text))
    except gsm0338.NotInAlphabetError:
        pass
    # A letter may come in two pieces (e + combining acute): whole, it may be in the alphabet, or be one unit.
    composed = unicodedata.normalize("NFC", text)
    try:
        return _gsm7(composed, gsm0338.encode(composed))
    except gsm0338.NotInAlphabetError as error:
        foreign = gsm0338.Foreign(error.index, error.character)
    if transliterate:
        plain = without_accents(composed)
        if gsm0338.first_foreign(plain) is None and not plain.isspace() and plain:
            return replace(_gsm7(plain, gsm0338.encode(plain)), transliterated=True)
    return _ucs2(composed, foreign)


def _gsm7(text: str, octets: bytes) -> Segmented:
    if len(octets) <= GSM7_SINGLE:
        return Segmented("gsm7", (text,), len(octets))
    parts: list[str] = []
    start = 0
    while start < len(octets):
        end = min(start + GSM7_PART, len(octets))
        if octets[end - 1] == gsm0338.ESCAPE:
            end -= 1
        parts.append(gsm0338.decode(octets[start:end]))
        start = end
    return Segmented("gsm7", tuple(parts), len(octets))


def _ucs2(text: str, foreign: gsm0338.Foreign) -> Segmented:
    if all(unicodedata.category(char) in _INVISIBLE for char in text):
        raise TextEmptyError
    # Half a surrogate pair (JSON can carry one) is no character: the recipient sees U+FFFD instead.
    octets = text.encode("utf-16-be", "surrogatepass")
    whole = octets.decode("utf-16-be", "replace")
    if len(whole) != len(text) or whole != text:
        octets = whole.encode("utf-16-be")
    units = len(octets) // 2
    if units <= UCS2_SINGLE:
        return Segmented("ucs2", (whole,), units, foreign)
    # Handsets join the parts before they show them: an emoji made of several characters may be cut between
    # them, at no cost. The price would rise if it might not.
    parts: list[str] = []
    start = 0
    while start < units:
        end = min(start + UCS2_PART, units)
        if end < units and octets[2 * end - 2] & 0xFC == _HIGH_SURROGATE:
            end -= 1
        parts.append(octets[2 * start : 2 * end].decode("utf-16-be"))
        start = end
    return Segmented("ucs2", tuple(parts), units, foreign)
