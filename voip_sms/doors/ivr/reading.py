"""Reads flows from their files, and refuses what could go wrong in a call: file, line, step and reason."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from voip_sms.core.resources import documents
from voip_sms.core.resources.complaints import complaints
from voip_sms.core.resources.documents import Document, NotYamlError
from voip_sms.core.resources.values import DEFAULT_COUNTRY
from voip_sms.doors.ivr.checking import check
from voip_sms.doors.ivr.flow import Flow, FlowFile, flow_of

LARGEST: Final = 256 * 1024
"""Octets of a file: two hundred steps with long texts."""
NODES: Final = 20_000
"""Values in it."""
FILES: Final = 1000
"""Flows of a folder: reading them takes a few seconds."""
SUFFIXES: Final = frozenset({".yaml", ".yml"})


class FlowError(Exception):
    """A file is no flow that could run; `lines` say why, as `F.yaml:12: steps.send.on_error: what`."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


def read_flow(path: Path, *, country: str = DEFAULT_COUNTRY) -> Flow:
    """The flow in `path`; `country` (ISO 3166) reads national numbers. FlowError."""
    try:
        document = documents.parse(str(path), _octets(path), nodes=NODES)
    except NotYamlError as error:
        raise FlowError((str(error),)) from None
    flow = _flow(path, document, country) if not document.complaints else None
    if flow is None:
        raise FlowError(document.placed())
    return flow


def read_flows(folder: Path, *, country: str = DEFAULT_COUNTRY) -> tuple[dict[str, Flow], tuple[str, ...]]:
    """The flows of a folder by name, and what is wrong with the files that are none.

    Of two with one name the first by file name counts: the dialplan knows a flow by its name alone.
    """
    flows: dict[str, Flow] = {}
    problems: list[str] = []
    for path in _files(folder, problems):
        try:
            flow = read_flow(path, country=country)
        except FlowError as error:
            problems += error.lines
            continue
        first = flows.setdefault(flow.name, flow)
        if first is not flow:
            line = flow.line(("name",)) if ("name",) in flow.lines else 1
            problems.append(f"{path}:{line}: name: {flow.name} is the flow in {first.path.name} already")
    return flows, tuple(problems)


def _files(folder: Path, problems: list[str]) -> Iterator[Path]:
    try:
        found = sorted(
            Path(entry.path)
            for entry in os.scandir(folder)
            if Path(entry.name).suffix in SUFFIXES and not entry.name.startswith(".")
        )
    except OSError as error:
        problems.append(f"{folder}: {error.strerror}")
        return
    if len(found) > FILES:
        problems.append(f"{folder}: more than {FILES} flows; the others were left out")
    yield from found[:FILES]


def _octets(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise NotYamlError(f"{path}: {error.strerror}") from None
    if len(text) > LARGEST:
        raise NotYamlError(f"{path}: larger than {LARGEST} octets; split it")
    return text


def _flow(path: Path, document: Document, country: str) -> Flow | None:
    """The flow of a document, or None with its complaints in there."""
    value = document.value if document.value is not None else {}
    if isinstance(value, dict):
        value.setdefault("name", path.stem)
    try:
        file = FlowFile.model_validate(value, context={"country": country})
    except ValidationError as error:
        document.complaints += complaints(error, FlowFile)
        return None
    document.complaints += check(file)
    return flow_of(path, file, document.lines) if not document.complaints else None
