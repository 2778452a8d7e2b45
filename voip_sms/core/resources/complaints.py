"""What is wrong with a document, in plain words: where, what, and what to do."""

import difflib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]

_MISSING = "missing; it is required"
# pydantic's error types whose own words need no context that we want to add
_WORDS: Mapping[str, str] = {
    "missing": _MISSING,
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text; put it in quotes",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "date_from_datetime_parsing": "not a date; write it as 2026-01-31",
    "date_parsing": "not a date; write it as 2026-01-31",
    "date_type": "not a date; write it as 2026-01-31",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong at `path` (keys and list positions from the root)."""

    path: Path
    what: str

    @property
    def where(self) -> str:
        """`tenants[0].sip_accounts[1].identity.value`."""
        return dotted(self.path)

    @property
    def pointer(self) -> str:
        """RFC 6901: `/tenants/0/name`."""
        return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in self.path)


def dotted(path: Path) -> str:
    """A path as people write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def complaints(error: ValidationError, model: type[BaseModel]) -> list[Complaint]:
    """Every error of a failed `model.model_validate`; a list is not also called short for its bad items."""
    found = error.errors(include_url=False, include_input=False)
    listed = [_complaint(details, model) for details in found]
    return [
        one
        for one, details in zip(listed, found, strict=True)
        if details["type"] != "too_short" or not _has_worse_inside(one, listed)
    ]


def _has_worse_inside(one: Complaint, listed: list[Complaint]) -> bool:
    depth = len(one.path)
    return any(len(other.path) > depth and other.path[:depth] == one.path for other in listed)


def _complaint(details: Any, model: type[BaseModel]) -> Complaint:
    loc: Path = details["loc"]
    path = tuple(step for step in loc if not _is_tag(step))
    if details["type"] == "extra_forbidden":
        return Complaint(path, unknown_key(str(loc[-1]), _keys_at(model, loc[:-1])))
    return Complaint(path, _words(details))


def _is_tag(step: str | int) -> bool:
    """Whether it is no step of the document: a union's member, or pydantic's word for a mapping's key."""
    return isinstance(step, str) and (step.startswith(":") or step == "[key]")


def _words(details: Any) -> str:
    context = details.get("ctx", {})
    kind = details["type"]
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "literal_error":
        return f"must be {context['expected']!s}"
    if kind in ("too_long", "too_short"):
        return _size(context, "item")
    if kind in ("string_too_long", "string_too_short"):
        return _size(context, "character")
    if kind == "string_pattern_mismatch":
        return f"does not look right; it must match {context['pattern']}"
    text = str(details["msg"]).removeprefix("Value error, ")
    return text.replace("Input should", "must").replace("String should", "must")


def _size(context: Any, of: str) -> str:
    bound = context.get("max_length", context.get("min_length"))
    side = "most" if "max_length" in context else "least"
    return f"must have at {side} {bound} {of}{'' if bound == 1 else 's'}"


def unknown_key(key: str, known: list[str]) -> str:
    """What to say of a key that nobody knows."""
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f'unknown key; did you mean "{near[0]}"?'
    return f"unknown key; known here: {', '.join(known)}" if known else "unknown key"


def _keys_at(model: type[BaseModel], loc: Path) -> list[str]:
    """The keys that the mapping at `loc` may have."""
    found: Any = model
    for step in loc:
        found = next(_inside(found, step), None)
    models = list(_models(found))
    return [
        field.alias or name for found_model in models[:1] for name, field in found_model.model_fields.items()
    ]


def _inside(annotation: Any, step: str | int) -> Iterator[Any]:
    """The annotations that `step` leads to: a key, an item of a list, or the tagged member of a union."""
    if isinstance(step, str) and _is_tag(step):
        for member in _members(annotation):
            if any(getattr(extra, "tag", None) == step for extra in getattr(member, "__metadata__", ())):
                yield member
    elif isinstance(step, int):
        for member in _members(annotation):
            if get_origin(member) in (tuple, list):
                yield get_args(member)[0]
    else:
        yield from _under(annotation, step)


def _under(annotation: Any, key: str) -> Iterator[Any]:
    """The annotations of a key: a model's field, or any key of a mapping of named things."""
    for found in _models(annotation):
        for name, field in found.model_fields.items():
            if key in (name, field.alias):
                yield field.annotation
    for member in _members(annotation):
        if get_origin(member) is dict:
            yield get_args(member)[1]


def _members(annotation: Any) -> Iterator[Any]:
    """The members of a union, looking through Annotated; the annotation itself if it is none."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner = get_args(annotation)[0]
        if get_origin(inner) in (Union, types.UnionType):
            yield from _members(inner)
        else:
            yield annotation
            yield inner
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member
