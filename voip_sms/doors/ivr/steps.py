"""The steps of a flow as its file writes them: what each kind needs, and where it leads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from voip_sms.core.resources.complaints import Path as Where
from voip_sms.core.resources.values import Resource, complaint, country_of, read_reachable
from voip_sms.doors.ivr.parts import (
    CALLER,
    ChannelVariable,
    Condition,
    Context,
    Count,
    Extension,
    Key,
    OwnName,
    Prompt,
    Prompts,
    Seconds,
    StepName,
    Text,
    Tries,
)
from voip_sms.doors.ivr.templates import Template, compile_template


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of a step. `keyed`: only a caller who pressed something takes it."""

    where: Where
    label: str
    target: str
    keyed: bool = False
    gives: frozenset[str] = frozenset()
    """Variables that are known from here on."""


class Play(Resource):
    """Say something, then go on. Keys are not heard."""

    do: Literal["play"]
    prompt: Prompts
    next: StepName

    def exits(self) -> Iterator[Exit]:
        """Where it leads."""
        yield Exit(("next",), "next", self.next)


class Menu(Resource):
    """Offer keys. Silence and other keys: `wrong` if there is one, the prompt again, up to `tries` in all."""

    do: Literal["menu"]
    prompt: Prompts
    keys: Annotated[dict[Key, StepName], Field(min_length=1)]
    timeout: Seconds = 5
    tries: Tries = 3
    wrong: Prompts | None = None
    on_none: StepName

    def exits(self) -> Iterator[Exit]:
        """Where it leads."""
        for key, target in self.keys.items():
            yield Exit(("keys", key), key, target, keyed=True)
        yield Exit(("on_none",), "nothing", self.on_none)


class Gather(Resource):
    """Take digits into a variable. `end` ends them, * starts anew; `kind` mobile: a number that takes SMS."""

    do: Literal["gather"]
    prompt: Prompts
    into: OwnName
    digits: Count = Count()
    end: Literal["#", "*", ""] = "#"
    timeout: Seconds = 8
    tries: Tries = 3
    kind: Literal["mobile", "any"] = "any"
    wrong: Prompts | None = None
    on_digits: StepName
    on_none: StepName

    def exits(self) -> Iterator[Exit]:
        """Where it leads."""
        yield Exit(("on_digits",), "digits", self.on_digits, keyed=True, gives=frozenset({self.into}))
        yield Exit(("on_none",), "nothing", self.on_none)


class Branch(Resource):
    """Go to the first condition that holds, else to `otherwise`."""

    do: Literal["branch"]
    when: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=50)]
    otherwise: StepName

    def exits(self) -> Iterator[Exit]:
        """Where it leads."""
        for place, condition in enumerate(self.when):
            yield Exit(("when", place, "then"), condition.label, condition.then)
        yield Exit(("otherwise",), "otherwise", self.otherwise)


class SendSms(Resource):
    """Send one SMS of `text`, or of one of the flow's `templates`."""

    do: Literal["send_sms"]
    to: Template | Literal["caller"]
    text: Text | None = None
    template: StepName | None = None
    on_accepted: StepName
    on_refused: StepName
    on_error: StepName
    on_no_number: Annotated[StepName | None, Field(validate_default=True)] = None

    @field_validator("to", mode="plain")
    @classmethod
    def _somebody(cls, value: object, info: ValidationInfo) -> Template | str:
        if not isinstance(value, str) or not value:
            raise complaint("must be caller, a number in quotes, or a variable such as {{ number }}")
        if value == CALLER:
            return CALLER
        try:
            written = compile_template(value)
        except ValueError as error:
            raise complaint(str(error)) from None
        if not written.fixed:
            return written
        return compile_template(read_reachable(value, country_of(info)))

    @field_validator("on_no_number")
    @classmethod
    def _asks_who_hides(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("to") == CALLER:
            raise complaint("missing; some callers have no mobile number or hide it")
        return value

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if (self.text is None) == (self.template is None):
            raise complaint("exactly one of text and template")
        return self

    def exits(self) -> Iterator[Exit]:
        """Where it leads."""
        yield Exit(("on_accepted",), "accepted", self.on_accepted)
        yield Exit(("on_refused",), "refused", self.on_refused)
        yield Exit(("on_error",), "error", self.on_error)
        if self.on_no_number is not None:
            yield Exit(("on_no_number",), "no number", self.on_no_number)


class Consent(Resource):
    """Ask for a yes. Only `key` is one; another key, or none after `tries`, is a no."""

    do: Literal["consent"]
    prompt: Prompts
    key: Key = "1"
    timeout: Seconds = 5
    tries: Tries = 2
    on_yes: StepName
    on_no: StepName

    def exits(self) -> Iterator[Exit]:
        """Where it leads."""
        yield Exit(("on_yes",), f"yes ({self.key})", self.on_yes, keyed=True)
        yield Exit(("on_no",), "no", self.on_no)


class SetValues(Resource):
    """Give variables values."""

    do: Literal["set"]
    values: Annotated[dict[OwnName, Text], Field(min_length=1, max_length=50)]
    next: StepName

    def exits(self) -> Iterator[Exit]:
        """Where it leads."""
        yield Exit(("next",), "next", self.next, gives=frozenset(self.values))


class Place(Resource):
    """A place in the dialplan."""

    context: Context
    extension: Extension = "s"
    priority: Annotated[int, Field(ge=1, le=1000)] = 1


class Transfer(Resource):
    """Back to the dialplan: to a place there, or where the call came from. `variables` go along."""

    do: Literal["transfer"]
    to: Place | None = None
    variables: Annotated[dict[ChannelVariable, Text], Field(default_factory=dict, max_length=20)]

    def exits(self) -> Iterator[Exit]:
        """Out of the flow."""
        yield from ()


class HangUp(Resource):
    """End the call, after a last word if there is one."""

    do: Literal["hangup"]
    prompt: Prompts | None = None

    def exits(self) -> Iterator[Exit]:
        """Out of the flow."""
        yield from ()


KINDS: Final = ("play", "menu", "gather", "branch", "send_sms", "consent", "set", "transfer", "hangup")


def _kind(value: Any) -> str | None:
    """The tag of a step's kind; tags begin with a colon so that error paths can leave them out."""
    kind = value.get("do") if isinstance(value, dict) else getattr(value, "do", None)
    return f":{kind}" if kind in KINDS else None


Step = Play | Menu | Gather | Branch | SendSms | Consent | SetValues | Transfer | HangUp
AnyStep = Annotated[
    Annotated[Play, Tag(":play")]
    | Annotated[Menu, Tag(":menu")]
    | Annotated[Gather, Tag(":gather")]
    | Annotated[Branch, Tag(":branch")]
    | Annotated[SendSms, Tag(":send_sms")]
    | Annotated[Consent, Tag(":consent")]
    | Annotated[SetValues, Tag(":set")]
    | Annotated[Transfer, Tag(":transfer")]
    | Annotated[HangUp, Tag(":hangup")],
    Discriminator(
        _kind,
        custom_error_type="value",
        custom_error_message="{text}",
        custom_error_context={"text": f"do must be one of {', '.join(KINDS)}"},
    ),
]


def prompts_of(step: Step) -> Sequence[tuple[Where, Prompt]]:
    """Everything that a step may say, and where it stands in the step."""
    return [
        ((key, place), prompt)
        for key in ("prompt", "wrong")
        for place, prompt in enumerate(getattr(step, key, None) or ())
    ]


def templates_of(step: Step) -> Iterator[tuple[Where, Template]]:
    """Every text with variables of a step, and where it stands in it."""
    for where, prompt in prompts_of(step):
        if prompt.template is not None:
            yield where, prompt.template
    if isinstance(step, SendSms):
        if isinstance(step.to, Template):
            yield ("to",), step.to
        if step.text is not None:
            yield ("text",), step.text
    if isinstance(step, SetValues):
        yield from ((("values", name), value) for name, value in step.values.items())
    if isinstance(step, Transfer):
        yield from ((("variables", name), value) for name, value in step.variables.items())
