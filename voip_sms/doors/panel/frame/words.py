"""The panel's languages: catalogues of translated texts, read once, and the words of one request."""

import gettext
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Final, get_args

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from voip_sms.core.people import Language

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
PLAIN: Final[Language] = "en"
"""The language that the texts in the code have."""
_ACCEPTED_MOST: Final = 20
"""Entries of Accept-Language that are looked at: browsers send five."""

Texts = Mapping[str, str | tuple[str, ...]]
Plural = Callable[[int], int]


def marked(text: str) -> str:
    """The text itself: marks it for the catalogues where it is translated later (a route's `menu`)."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """Texts in one language. Texts have no markup; `%(name)s` stands for a value."""

    language: Language
    texts: Texts
    plural: Plural

    def __call__(self, text: str, **values: object) -> str:
        """The translation of an English text, with its values put in."""
        found = self.texts.get(text)
        said = found if isinstance(found, str) and found else text
        return said % values if values else said

    def several(self, one: str, many: str, count: int, **values: object) -> str:
        """The translation of a text that counts; `count` is one of its values."""
        found = self.texts.get(one)
        said = one if count == 1 else many
        if isinstance(found, tuple) and all(found):
            said = found[self.plural(count)]
        return said % {"count": count, **values}

    def number(self, value: float, decimals: int = 0) -> str:
        """`12,345`, in Polish `12 345`."""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(value, pattern, locale=self.language)

    def knows(self, text: str) -> bool:
        """Whether the catalogues have it."""
        return text in self.texts


class Catalogues:
    """All languages. One file a family of screens and language; together they are one catalogue."""

    def __init__(self, words: Mapping[Language, Words]) -> None:
        self._words = words

    @classmethod
    def load(cls) -> "Catalogues":
        """Those of the package."""
        return cls({language: _words(language, _files(language)) for language in LANGUAGES})

    def of(self, language: Language) -> Words:
        """The words of a language."""
        return self._words[language]


def accepted(header: str) -> Language:
    """The language that a browser asks for first, of ours (RFC 9110, section 12.5.4)."""
    wishes: list[tuple[float, Language]] = []
    for entry in header.split(",")[:_ACCEPTED_MOST]:
        tag, _, quality = entry.partition(";")
        short = tag.strip().lower().partition("-")[0]
        wishes += [(_weight(quality), language) for language in LANGUAGES if language == short]
    best = max((weight for weight, _ in wishes), default=0.0)
    return next((language for weight, language in wishes if weight == best > 0), PLAIN)


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _files(language: Language) -> Iterable[Traversable]:
    folder = resources.files("voip_sms.doors.panel").joinpath("locale", language)
    return sorted((one for one in folder.iterdir() if one.name.endswith(".po")), key=lambda one: one.name)


def _words(language: Language, files: Iterable[Traversable]) -> Words:
    texts: dict[str, str | tuple[str, ...]] = {}
    for file in files:
        texts.update(_texts(read_po(BytesIO(file.read_bytes()), locale=language)))
    rule = str(Catalog(locale=language).plural_expr)
    plural: Plural = gettext.c2py(rule)
    return Words(language, texts, plural)


def _texts(catalogue: Catalog) -> Texts:
    """By the singular; what is doubtful ("fuzzy") doesn't count."""
    found: dict[str, str | tuple[str, ...]] = {}
    for message in catalogue:
        if not message.id or message.fuzzy:
            continue
        if isinstance(message.id, str):
            found[message.id] = str(message.string)
        else:
            found[message.id[0]] = tuple(map(str, message.string or ()))
    return found
