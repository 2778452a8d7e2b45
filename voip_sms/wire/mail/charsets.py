"""Octets of a text to characters, whatever their label says: what was guessed or lost is flagged.

Polish mail is written in UTF-8, windows-1250 or ISO-8859-2, and each arrives under the label of another, of
ISO-8859-1 or of none. Valid UTF-8 with letters beyond ASCII is UTF-8. Else every candidate is read and scored
by what it shows: letters where letters stand, or signs in the middle of words.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.charsets import LATIN, TRUSTED, UTF8

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
_SAMPLE: Final = 8_000
"""Characters that are scored: a text shows within two pages what it is."""
_TRUST: Final = 3
"""What the label is worth: more than one doubtful letter, less than two signs within words."""
_POLISH_LOOK: Final = 0.07
"""Share of w, k and z among the letters: 13 % in Polish, 4 % in German, 3 % in English, 0 in French."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, whether its label was wrong, and whether something in it is lost."""

    text: str
    repaired: bool = False
    damaged: bool = False


def decode(octets: bytes, label: str) -> Decoded:
    """`octets` under the charset `label` ("" for none) as text. It never raises."""
    label = label.strip().strip("\"'").lower()
    for bom, codec in _BOMS:
        if octets.startswith(bom):
            return _plainly(octets[len(bom) :], codec)
    if label in TRUSTED:
        return _plainly(octets, TRUSTED[label])
    if octets.isascii():
        return _unescaped(octets.decode("ascii"))
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        return _scored(octets, label)
    doubled = _undoubled(text)
    return doubled or Decoded(text, repaired=label not in UTF8, damaged=_spoilt(text))


def _plainly(octets: bytes, codec: str) -> Decoded:
    text = octets.decode(codec, "replace")
    return Decoded(text, damaged=_spoilt(text))


def _unescaped(text: str) -> Decoded:
    """ISO-2022-JP is ASCII with escapes; nobody sends it here without a label: an escape is damage."""
    return Decoded(text, damaged="\x1b" in text or _questioned(text))


def _spoilt(text: str) -> bool:
    return bool(_LOST.search(text)) or _questioned(text)


def _questioned(text: str) -> bool:
    return "?" in text and len(_QUESTIONED.findall(text[:_SAMPLE])) > 1


_QUESTIONED: Final = re.compile(r"(?<![\w/=&?.-])[^\W\d_]+\?+[^\W\d_]+(?![\w/=&.-])")
"""Words with "?" inside, as programs write letters that they lack; twice, for people forget spaces."""
_LOST: Final = re.compile("[\x80-\x84\x86-\x9f\ufffd]|[ÄĹĂÅÃ][\x80-\xbf‚„…†‡‰™›œžźśŚšŠž]|â€")
"""What no writer types: C1 controls (U+0085 is a line end), U+FFFD, UTF-8 that was read as something else."""


def _undoubled(text: str) -> Decoded | None:
    """UTF-8 that somebody on the way took for windows-125x and encoded again."""
    if not _spoilt(text):
        return None
    for table in _WINDOWS:
        try:
            once = codecs.charmap_encode(text, "strict", table)[0].decode("utf-8")
        except UnicodeError:
            continue
        return Decoded(once, repaired=True, damaged=_spoilt(once))
    return None


def _table(codec: str) -> str:
    """The 256 characters of `codec`; an octet it lacks passes as the control of that number (Windows)."""
    return "".join(bytes((octet,)).decode(codec, "ignore") or chr(octet) for octet in range(256))


_WINDOWS: Final = tuple(codecs.charmap_build(_table(codec)) for codec in ("cp1250", "cp1252", "latin-1"))


def _scored(octets: bytes, label: str) -> Decoded:
    text = octets.decode("utf-8", "replace")
    lost = text.count("\ufffd")
    if sum(map(len, _BEYOND.findall(text))) - lost > lost:
        return Decoded(text, damaged=True)  # UTF-8 with a hole: cut in a letter, or a foreign line within
    named = LATIN.get(label)
    polish = _looks_polish(octets)
    best, best_score = "", float("-inf")
    for codec in dict.fromkeys((named or "cp1250", "cp1250", "iso8859-2", "cp1252")):
        read = _read(octets, codec)
        score = float(_score(read[:_SAMPLE])) + (_TRUST if codec == named else 0)
        score += 4 if polish and codec in _SLAVIC else 0
        if score > best_score:
            best, best_score, chosen = read, score, codec
    repaired = named is None or (chosen != named and best != _read(octets, named))
    return Decoded(best, repaired=repaired, damaged=_spoilt(best))


_BEYOND: Final = re.compile(r"[^\x00-\x7f]+")
_SLAVIC: Final = ("cp1250", "iso8859-2")


def _read(octets: bytes, codec: str) -> str:
    return octets.decode(codec, "replace")


def _looks_polish(octets: bytes) -> bool:
    sample = octets[:_SAMPLE].lower()
    letters = sum(sample.count(bytes((letter,))) for letter in range(0x61, 0x7B))
    return sum(sample.count(letter) for letter in (b"w", b"k", b"z")) > letters * _POLISH_LOOK


_RULES: Final = (
    # Letters of Polish, signs of typography.
    (re.compile("[ąćęłńóśźżĄĆĘŁŃÓŚŹŻ]"), 2),
    (re.compile("[„”“’‘–—…•€§°«» ]"), 1),
    # Letters that the sets share, and those only windows-1252 has where its languages put them.
    (re.compile("[áâäçéëíîôöúüýßÁÂÄÇÉËÍÎÔÖÚÜÝčďěňřšťůžČĎĚŇŘŠŤŮŽ]"), 2),
    (re.compile("ñ(?=[aeiouáéíóúAEIOU])|ê(?=[a-z])|œ(?=[uit])|æ(?=[a-z])|[àèìòùãõåøûïÀÈÃÕÅØ]"), 2),
    # Square and cubic metres.
    (re.compile(r"\b[cdkm]?m[²³]"), 6),
    (re.compile(r"\b[cdkm]?mł\b"), -6),
    # What stands in no word: controls, signs next to letters, capitals after small letters.
    (re.compile("[\x80-\x9f\ufffd]"), -6),
    (
        re.compile(
            r"(?<=[^\W\d_])[¹³¿¡±¶¦¬ˇ˘Ľ˛](?=\w)|(?<=[^\W\d_m])[¹³¿¶±¦¼¾](?!\w)|[¿¹³](?=[a-z])|[¶±¦¼](?=[^\W\d_])"
        ),
        -3,
    ),
    (re.compile("ñ(?![aeiouáéíóúAEIOU])|ê(?![a-z])|œ(?![uit])|æ(?![a-z])"), -2),
    (re.compile(r"\b[ąń]|˛"), -3),
    (re.compile("(?<=[a-ząćęłńóśźżáéíúý])[ĄŁŃŚŹŻŞŢĽŸŠŽŤŒÆÊÑ](?![A-ZĄĆĘŁŃÓŚŹŻ])"), -3),
)
_CZECH: Final = re.compile("[čďěňřůýČĎĚŇŘŮ]")
_AMBIGUOUS: Final = re.compile("[ąśźĄŚŹ]")
_NOT_POLISH: Final = re.compile(r"[šžť]\b|[šžťŠŽŤ](?=[a-z]*[wąęłńś])")


def _score(text: str) -> int:
    score = sum(weight * len(rule.findall(text)) for rule, weight in _RULES)
    # 0xB9 is š in one set and ą in the other: their neighbours tell whose language it is.
    czech = bool(_CZECH.search(text))
    wrong = _AMBIGUOUS if czech else _NOT_POLISH
    return score - 4 * len(wrong.findall(text))
