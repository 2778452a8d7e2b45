"""Texts with {{ variables }}: a small part of Jinja in which nothing can loop, call, reach inside or grow.

Jinja's sandbox keeps a template from Python; it does not keep one from `{{ "x" * 10**9 }}`. So only what
stands in `_ALLOWED`, `_FILTERS` and `_TESTS` is taken: a rendering's time and size follow from the template's
length.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import jinja2
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

LONGEST: Final = 2000
"""Characters of a template: ten parts of an SMS and room for variables."""

_FILTERS: Final = frozenset(
    {"capitalize", "d", "default", "first", "last", "length", "lower", "title", "trim", "upper"}
)
_TESTS: Final = frozenset({"defined", "undefined", "eq", "ne", "in"})
"""`divisibleby` of a text formats it: of "%9999999999d" from outside that is ten gigabytes."""
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr),
    *(nodes.Name, nodes.Const, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg),
    *(nodes.Concat, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword),
)
_MAY_BE_MISSING: Final = frozenset({"d", "default", "defined", "undefined"})
"""Filters and tests whose variable needn't be there."""
# What a template of the allowed kind can still raise: a missing variable, a text compared with a number.
_FAILURES: Final = (jinja2.TemplateError, TypeError, ValueError, LookupError, ArithmeticError)


class TemplateFailedError(Exception):
    """A template could not be filled in for this call; the text says why, without the values."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text as it was written; `names` are the variables it can't do without, `asked` all of them."""

    source: str
    names: frozenset[str]
    asked: frozenset[str]
    fixed: bool
    """Whether it is the same in every call."""
    _compiled: jinja2.Template = field(repr=False, compare=False)

    def render(self, values: Mapping[str, str], longest: int) -> str:
        """The text for these values, at most `longest` characters of it; TemplateFailedError."""
        try:
            text = self._compiled.render(values)
        except _FAILURES as error:
            raise TemplateFailedError(str(error)) from None
        if len(text) > longest:
            raise TemplateFailedError(f"{len(text)} characters; at most {longest}")
        return text


def compile_template(source: str) -> Template:
    """A template; ValueError says in plain words what is wrong with it."""
    if len(source) > LONGEST:
        raise ValueError(f"at most {LONGEST} characters")
    try:
        tree = _ENVIRONMENT.parse(source)
        _check(tree)
        compiled = _ENVIRONMENT.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise ValueError(f"not a template: {error.message}") from None
    except (RecursionError, MemoryError, SyntaxError):  # of Python's compiler
        raise ValueError("not a template: nested too deeply") from None
    optional = frozenset(_may_be_missing(tree))
    asked = frozenset(name.name for name in tree.find_all(nodes.Name))
    fixed = all(isinstance(one, nodes.Template | nodes.Output | nodes.TemplateData) for one in _all(tree))
    return Template(source, asked - optional, asked, fixed, compiled)


def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # spoken texts and SMS have no markup
        keep_trailing_newline=True,
    )
    environment.globals.clear()  # range, dict, lipsum …: nothing here can be called
    return environment


_ENVIRONMENT: Final = _environment()


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for inner in node.iter_child_nodes():
        yield from _all(inner)


def _check(tree: nodes.Template) -> None:
    wrong = next(filter(None, map(_wrong_with, _all(tree))), "")
    if wrong:
        raise ValueError(wrong)


def _wrong_with(node: nodes.Node) -> str:
    """Why this has no place in a text of ours; "" if it has."""
    if not isinstance(node, _ALLOWED):
        return "only {{ variables }}, slices of them, ~, comparisons and if are taken in a text"
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        return f"unknown filter {node.name}; known: {', '.join(sorted(_FILTERS))}"
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        return f"unknown test {node.name}; known: {', '.join(sorted(_TESTS))}"
    if isinstance(node, nodes.Getitem) and not _by_place(node.arg):
        return "in brackets there is a number or a slice, such as number[-4:]"
    return ""


def _by_place(node: nodes.Node) -> bool:
    """Whether this picks characters by their place: whole numbers only."""
    return all(
        isinstance(one, nodes.Slice | nodes.Neg) or (isinstance(one, nodes.Const) and type(one.value) is int)
        for one in _all(node)
    )


def _may_be_missing(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        if node.name in _MAY_BE_MISSING and isinstance(node.node, nodes.Name):
            yield node.node.name
