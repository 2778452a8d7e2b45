"""Reads a YAML file with the line of everything in it, and the secrets that lie in files beside it."""

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.complaints import Path as Where

LARGEST: Final = 64 * 2**20
"""Octets of a file: ten thousand tenants of a page each."""
NODES: Final = 5_000_000
"""Values in it, aliases counted each time: what a file of that size holds, and no bomb."""
SECRET_LARGEST: Final = 4096
_SECRETS: Final = frozenset({"password", "secret", "token"})
_TRUE_FALSE: Final = {"true": True, "false": False}
_NOTHING: Final = frozenset({"", "~", "null"})


@dataclass(slots=True)
class Document:
    """What a file says. Unquoted words other than true, false and null stay texts, so that `+48601…`,
    `0601` and `no` are what was written.
    """

    path: Path
    value: Any = None
    lines: dict[Where, int] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)

    def placed(self) -> tuple[str, ...]:
        """Every complaint as `F.yaml:12: tenants[0].name: what`, in the file's order."""
        ordered = sorted(self.complaints, key=lambda complaint: self._line(complaint) or 0)
        return tuple(self._placed(complaint) for complaint in ordered)

    def _line(self, complaint: Complaint) -> int | None:
        """The line of the nearest thing that is there; None in an empty file."""
        where = complaint.path
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where)

    def _placed(self, complaint: Complaint) -> str:
        line = self._line(complaint)
        spot = f"{self.path}:{line}" if line is not None else str(self.path)
        return (
            f"{spot}: {complaint.where}: {complaint.what}" if complaint.path else f"{spot}: {complaint.what}"
        )


class NotYamlError(Exception):
    """The file can't be read; the text says where and why."""


def read(path: Path) -> Document:
    """The document in `path`; its complaints say what was wrong with keys and secrets in files."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise NotYamlError(f"{path}: {error.strerror}") from None
    if len(text) > LARGEST:
        raise NotYamlError(f"{path}: larger than {LARGEST} octets; split it")
    document = Document(path)
    root = _compose(path, text)
    if root is not None:
        document.value = _Reader(document).value(root, ())
    return document


def _compose(path: Path, text: bytes) -> yaml.Node | None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise NotYamlError(f"{path}{line}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise NotYamlError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return root


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def value(self, node: yaml.Node, where: Where) -> Any:
        self._nodes += 1
        if self._nodes > NODES:
            raise NotYamlError(f"{self._document.path}: more than {NODES} values; split it")
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
        if where and where[-1] in _SECRETS and set(found) == {"file"}:
            return self._secret(found["file"], where)
        return found

    def _secret(self, name: Any, where: Where) -> str | None:
        path = self._document.path.parent / str(name)
        try:
            with path.open("rb") as file:
                if file.fileno() and stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
                    raise PermissionError(0, "everybody can read it; chmod 600 it")
                text = file.read(SECRET_LARGEST + 1).decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            self._document.complaints.append(Complaint(where, f"{path}: {reason}"))
            return None
        if len(text) > SECRET_LARGEST:
            self._document.complaints.append(Complaint(where, f"{path}: larger than a secret can be"))
        return text.rstrip("\r\n")

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
