"""The text of a YAML file as values, with the line of everything in it: every complaint has its place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.complaints import Path as Where

_TRUE_FALSE: Final = {"true": True, "false": False}
_NOTHING: Final = frozenset({"", "~", "null"})
_DEEPEST: Final = 50
"""Levels of a document: nobody writes more than ten, and an alias to itself has no end."""

Resolve = Callable[[dict[str, Any], Where], Any]
"""What a mapping at a place stands for: itself, as a rule. A ValueError's text becomes a complaint."""


@dataclass(slots=True)
class Document:
    """What the file `name` says. Unquoted words other than true, false and null stay texts, so that
    `+48601…`, `0601` and `no` are what was written.
    """

    name: str
    value: Any = None
    lines: dict[Where, int] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    def placed(self) -> tuple[str, ...]:
        """Every complaint as `F.yaml:12: tenants[0].name: what`, in the file's order."""
        ordered = sorted(self.complaints, key=lambda complaint: self.line(complaint.path) or 0)
        return tuple(self._placed(complaint) for complaint in ordered)

    def line(self, where: Where) -> int | None:
        """The line of the nearest thing that is there; None in an empty file."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where)

    def _placed(self, complaint: Complaint) -> str:
        line = self.line(complaint.path)
        spot = f"{self.name}:{line}" if line is not None else self.name
        return (
            f"{spot}: {complaint.where}: {complaint.what}" if complaint.path else f"{spot}: {complaint.what}"
        )


class NotYamlError(Exception):
    """The text can't be read; the error's text says where and why."""


def _as_it_is(found: dict[str, Any], where: Where) -> Any:
    del where
    return found


def parse(name: str, text: bytes, *, nodes: int, resolve: Resolve = _as_it_is) -> Document:
    """The document in `text`; its complaints say what was wrong with keys and with what `resolve` refused.

    `nodes`: how many values it may hold, aliases counted each time, so that no bomb goes off. NotYamlError.
    """
    document = Document(name)
    root = _compose(name, text)
    if root is not None:
        document.value = _Reader(document, nodes, resolve).value(root, ())
    return document


def _compose(name: str, text: bytes) -> yaml.Node | None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise NotYamlError(f"{name}{line}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise NotYamlError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    return root


class _Reader:
    def __init__(self, document: Document, nodes: int, resolve: Resolve) -> None:
        self._document = document
        self._most = nodes
        self._nodes = 0
        self._resolve = resolve

    def value(self, node: yaml.Node, where: Where) -> Any:
        self._nodes += 1
        if self._nodes > self._most:
            raise NotYamlError(f"{self._document.name}: more than {self._most} values; split it")
        if len(where) > _DEEPEST:
            raise NotYamlError(f"{self._document.name}: nested more than {_DEEPEST} levels deep")
        self._document.lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(inner, (*where, place)) for place, inner in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> Any:
        found: dict[str, Any] = {}
        for key_node, inner in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(where, key_node, "a key must be a word")
                continue
            key = str(key_node.value)
            path = (*where, key)
            if key in found:
                self._complain(path, key_node, "is there twice; keep one")
                continue
            self._document.lines[path] = key_node.start_mark.line + 1
            found[key] = self.value(inner, path)
        try:
            return self._resolve(found, where)
        except ValueError as error:
            self._document.complaints.append(Complaint(where, str(error)))
            return None

    def _complain(self, where: Where, node: yaml.Node, what: str) -> None:
        self._document.lines[where] = node.start_mark.line + 1
        self._document.complaints.append(Complaint(where, what))


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    if isinstance(node, yaml.ScalarNode) and not node.style:  # '' of the C loader, None of the other
        if text in _NOTHING:
            return None
        return _TRUE_FALSE.get(text.lower(), text)
    return text
