"""A flow of calls: what its file says, checked and ready to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from voip_sms.core import directory
from voip_sms.core.resources.complaints import Path as Where
from voip_sms.core.resources.customers import CallLimits, Language
from voip_sms.core.resources.identities import Identity
from voip_sms.core.resources.values import Resource, Title, Word, complaint
from voip_sms.doors.ivr.calendar import Holidays, read_holidays
from voip_sms.doors.ivr.parts import OwnName, Prompt, PromptKind, StepName, Text
from voip_sms.doors.ivr.steps import AnyStep, Step, prompts_of
from voip_sms.doors.ivr.templates import Template

VERSION: Final = "1"
STEPS: Final = 200
"""Steps of a flow: a caller gives up at the fifth."""


def _version(value: object) -> object:
    if value != VERSION:
        raise complaint(f"this program reads version {VERSION}")
    return value


def _holidays(value: object) -> Holidays:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise complaint('must be a list such as [pl, "12-31", "2026-05-02"]')
    try:
        return read_holidays(value)
    except ValueError as error:
        raise complaint(str(error)) from None


class FlowFile(Resource):
    """The keys of a flow's file."""

    version: Annotated[str, BeforeValidator(_version)]
    tenant: Title
    name: Word
    identity: Identity | None = None
    limits: CallLimits = CallLimits()
    language: Language = "en"
    holidays: Annotated[Any, BeforeValidator(_holidays)] = Holidays()
    variables: Annotated[
        dict[OwnName, Annotated[str, Field(max_length=500)]], Field(default_factory=dict, max_length=100)
    ]
    expects: Annotated[tuple[OwnName, ...], Field(max_length=50)] = ()
    templates: Annotated[dict[StepName, Text], Field(default_factory=dict, max_length=50)]
    start: StepName
    on_failure: StepName | None = None
    steps: Annotated[dict[StepName, AnyStep], Field(min_length=1, max_length=STEPS)]


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that callers may hear, and where the file says so.

    `text` as it was written: a sound's name, or a template; `fixed`: it is the same in every call.
    """

    step: str
    line: int
    kind: PromptKind
    text: str
    language: Language
    fixed: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow as it runs. `identity` and `limits`: what its file says, which configuration may overrule."""

    path: Path
    name: str
    tenant: str
    identity: directory.Identity | None
    limits: directory.CallLimits
    language: Language
    holidays: Holidays
    variables: Mapping[str, str]
    expects: frozenset[str]
    templates: Mapping[str, Template]
    start: str
    on_failure: str | None
    steps: Mapping[str, Step]
    lines: Mapping[Where, int]

    def prompts(self) -> Sequence[Heard]:
        """All that callers may hear, in the file's order."""
        return [
            self._heard(name, where, prompt)
            for name, step in self.steps.items()
            for where, prompt in prompts_of(step)
        ]

    def _heard(self, name: str, where: Where, prompt: Prompt) -> Heard:
        return Heard(
            step=name,
            line=self.line(("steps", name, *where)),
            kind=prompt.kind,
            text=prompt.template.source if prompt.template is not None else prompt.sound or "",
            language=prompt.language or self.language,
            fixed=prompt.template is None or prompt.template.fixed,
        )

    def line(self, where: Where) -> int:
        """The line of the nearest thing that is there."""
        while where not in self.lines:
            where = where[:-1]
        return self.lines[where]


def flow_of(path: Path, file: FlowFile, lines: Mapping[Where, int]) -> Flow:
    """The flow that a file says."""
    identity = file.identity
    return Flow(
        path=path,
        name=file.name,
        tenant=file.tenant,
        identity=directory.Identity(identity.kind, identity.value) if identity is not None else None,
        limits=directory.CallLimits(file.limits.caller, file.limits.flow),
        language=file.language,
        holidays=file.holidays,
        variables=file.variables,
        expects=frozenset(file.expects),
        templates=file.templates,
        start=file.start,
        on_failure=file.on_failure,
        steps=file.steps,
        lines=lines,
    )
