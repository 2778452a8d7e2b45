"""Forms: what was typed is kept, what is wrong stands at its field, in the reader's words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from voip_sms.core.failures import Refusal
from voip_sms.core.resources.problems import InvalidError
from voip_sms.doors.panel.frame.words import Words, marked

Value = str | Sequence[str]
WHOLE: Final = ""
"""The field of an error that is of the whole form."""

Model = TypeVar("Model", bound=BaseModel)


class Posted(Mapping[str, str]):
    """The fields of a form as they came: names to texts, of several with one name the first."""

    def __init__(self, pairs: Sequence[tuple[str, str]], once: str) -> None:
        """`once`: the form's idempotency token."""
        self.pairs = tuple(pairs)
        self.once = once
        self._first = dict(reversed(pairs))

    def __getitem__(self, name: str) -> str:
        return self._first[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def all(self, name: str) -> list[str]:
        """All values of a name: the ticked boxes of a group."""
        return [text for one, text in self.pairs if one == name]


@dataclass(frozen=True, slots=True)
class Form:
    """What a template shows. `errors` by the field's name, WHOLE of the form itself."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, posted: Posted, errors: Mapping[str, str] | None = None) -> "Form":
        """What was posted, with what is wrong with it. Passwords are typed again."""
        kept = {
            name: texts if len(texts := posted.all(name)) > 1 else texts[0]
            for name in posted
            if not is_secret(name)
        }
        return cls(kept, errors or {})

    def value(self, name: str) -> Value:
        """The text of a field; of a group of boxes all that are ticked."""
        found = self.values.get(name, "")
        if isinstance(found, str) or (isinstance(found, Sequence) and not isinstance(found, bytes)):
            return found
        return "" if found is None or found is False else str(found)

    def error(self, name: str) -> str:
        """What is wrong with it, "" for nothing."""
        return self.errors.get(name, "")

    def checked(self, name: str, option: str = "") -> bool:
        """Whether a box is ticked; of a group, the one of `option`."""
        found = self.values.get(name)
        if not option:
            return bool(found)
        return option == found or (not isinstance(found, str) and option in (found or ()))


def is_secret(name: str) -> bool:
    """Whether a field is never sent back to the browser."""
    return "password" in name or "secret" in name or name in {"code", "ticket"}


def read(
    model: type[Model], fields: Mapping[str, Any], words: Words
) -> tuple[Model | None, Mapping[str, str]]:
    """The fields as a model, or what is wrong by field."""
    try:
        return model.model_validate(dict(fields)), {}
    except ValidationError as error:
        errors: dict[str, str] = {}
        for details in error.errors(include_url=False, include_input=False):
            where = str(details["loc"][0]) if details["loc"] else WHOLE
            errors.setdefault(where, _said(details, words))
        return None, errors


def refused(error: Refusal, words: Words) -> Mapping[str, str]:
    """A use case's refusal as errors of a form."""
    if isinstance(error, InvalidError) and error.complaints:
        errors: dict[str, str] = {}
        for one in error.complaints:
            where = str(one.path[0]) if one.path else WHOLE
            errors.setdefault(where, _plain(one.what, words))
        return errors
    return {WHOLE: told(error, words)}


def told(error: Refusal, words: Words) -> str:
    """What a refusal says, as a sentence. What no catalogue has is said by what kind of refusal it is."""
    if words.knows(error.detail) or words.language == "en":
        return _sentence(words(error.detail))
    return _sentence(words(error.code.title))


def _said(details: Any, words: Words) -> str:
    """One fault of one field, by pydantic's name for it."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in _WORDS:
        return words(_WORDS[kind])
    if kind in ("string_too_short", "too_short") and context["min_length"] == 1:
        return words(_NEEDED)
    if kind == "string_too_long":
        most = int(context["max_length"])
        return words.several("At most %(count)s character", "At most %(count)s characters", most)
    if kind == "string_too_short":
        least = int(context["min_length"])
        return words.several("At least %(count)s character", "At least %(count)s characters", least)
    for limit, text in _LIMITS.items():
        if limit in context and kind in _BOUNDED:
            return words(text, limit=context[limit])
    return _plain(str(details["msg"]).removeprefix("Value error, "), words)


def _plain(text: str, words: Words) -> str:
    """What a model or a use case says in English; where no catalogue has it, that it is wrong."""
    return _sentence(words(text)) if words.knows(text) or words.language == "en" else words(_NOT_USABLE)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


_NOT_USABLE: Final = marked("This can't be used as it is")
_NEEDED: Final = marked("This is needed")
_NUMBER: Final = marked("A number is needed here")
_WHOLE_NUMBER: Final = marked("A whole number is needed here")
_WORDS: Final[Mapping[str, str]] = {
    "missing": _NEEDED,
    "int_parsing": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "bool_parsing": marked("Choose yes or no"),
    "literal_error": marked("Choose one of the list"),
    "enum": marked("Choose one of the list"),
    "date_parsing": marked("Write the date as 2026-01-31"),
    "date_from_datetime_parsing": marked("Write the date as 2026-01-31"),
    "string_pattern_mismatch": _NOT_USABLE,
    "extra_forbidden": _NOT_USABLE,
}
_LIMITS: Final[Mapping[str, str]] = {
    "ge": marked("At least %(limit)s"),
    "gt": marked("More than %(limit)s"),
    "le": marked("At most %(limit)s"),
    "lt": marked("Less than %(limit)s"),
    "min_length": marked("At least %(limit)s"),
    "max_length": marked("At most %(limit)s"),
}
_BOUNDED: Final = frozenset(
    {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_short", "too_long"}
)
