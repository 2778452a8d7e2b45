"""The first word of a text as a keyword: what counts as the same word, and which words nobody may have."""

import unicodedata
from typing import Final

from voip_sms.core.segments import without_accents

LONGEST: Final = 20
"""Letters and digits of a keyword: a tenth of a text is enough to choose by."""
RESERVED: Final = frozenset({"stop", "start", "help", "info", "pomoc"})
"""Words that mean the same everywhere, in Polish and English: they never reach a customer's service."""
_LOOKED_AT: Final = 200
"""Characters of a text in which its first word is looked for."""


def fold(word: str) -> str:
    """`word` as it is compared: no case, no accents, letters and digits only (`Zgłoś!` is `zglos`)."""
    plain = unicodedata.normalize("NFKD", without_accents(word))
    return "".join(char for char in plain.casefold() if char.isalnum())


def first_word(text: str) -> str:
    """The first word of a text, folded; "" if it has none."""
    words = text[:_LOOKED_AT].split(maxsplit=1)
    return fold(words[0]) if words else ""


def wrong_with(word: str) -> str:
    """Why this can't be a keyword; "" if it can."""
    folded = fold(word)
    if not folded or len(word) > LONGEST or not word.isalnum():
        return f"a keyword is one word of 1 to {LONGEST} letters and digits"
    if folded in RESERVED:
        return f"{word} means the same everywhere and can't be a customer's keyword"
    return ""
