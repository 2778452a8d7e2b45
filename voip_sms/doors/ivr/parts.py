"""What steps are made of: names, texts, prompts, counts and conditions, as a flow's file writes them."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from voip_sms.core.resources.customers import Language
from voip_sms.core.resources.values import Resource, complaint
from voip_sms.doors.ivr import calendar
from voip_sms.doors.ivr.calendar import Dates, Days, Hours
from voip_sms.doors.ivr.templates import Template, compile_template

CALLER: Final = "caller"
"""As recipient: whoever calls."""
HIDDEN: Final = "hidden"
"""As a caller's pattern: no number is shown."""
BUILT_IN: Final = frozenset({"caller", "called", "call_id", "flow", "now", "today"})
"""Variables that every call has."""
SAID_LONGEST: Final = 1000
"""Characters of a text to be spoken: a minute and a half."""
KEYED_LONGEST: Final = 32
"""Keys of one answer: the longest thing that anybody keys in is an account number."""
PROMPTS: Final = 20
PromptKind = Literal["say", "sound", "digits", "number"]
PROMPT_KINDS: Final[tuple[PromptKind, ...]] = ("say", "sound", "digits", "number")
TRIES: Final = 10
LONGEST_WAIT: Final = 60
"""Seconds: nobody listens to silence for longer."""


def _plainly(read: Callable[[str], Any]) -> PlainValidator:
    """A text that `read` understands, whose ValueErrors are complaints."""

    def validate(value: object) -> Any:
        if not isinstance(value, str):
            raise complaint("must be a text; put it in quotes")
        try:
            return read(value)
        except ValueError as error:
            raise complaint(str(error)) from None

    return PlainValidator(validate)


def _shaped(pattern: str, what: str) -> PlainValidator:
    """A text of this shape, or a complaint that says `what` it must be."""
    shape = re.compile(pattern, re.ASCII)

    def read(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError(f"{text[:40]!r}: {what}")
        return text

    return _plainly(read)


def _own_name(name: str) -> str:
    if name in BUILT_IN:
        raise complaint(f"{name} is what every call has; choose another name")
    return name


def _said(text: str) -> Template:
    """Line ends are for whoever reads the file: a text is spoken, and known again, without them."""
    said = " ".join(text.split())
    if not said:
        raise ValueError("there is nothing to say")
    if len(said) > SAID_LONGEST:
        raise ValueError(f"at most {SAID_LONGEST} characters at a time; split it")
    return compile_template(said)


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]
StepName = Annotated[
    str, _shaped(r"[A-Za-z][A-Za-z0-9_-]{0,39}", "a name is a letter, then letters, digits, _ and -")
]
VariableName = Annotated[
    str, _shaped(r"[a-z][a-z0-9_]{0,39}", "a variable is a small letter, then small letters, digits and _")
]
OwnName = Annotated[VariableName, AfterValidator(_own_name)]
SoundName = Annotated[
    str, _shaped(r"[\w-]{1,40}(/[\w-]{1,40}){0,7}", "a sound is named as the PBX does, without its suffix")
]
ChannelVariable = Annotated[
    str, _shaped(r"[A-Z][A-Z0-9_]{0,39}", "a channel variable is in capital letters, digits and _")
]
Context = Annotated[
    str, _shaped(r"[A-Za-z0-9_-]{1,79}", "a context of the dialplan has letters, digits, _ and -")
]
Extension = Annotated[
    str, _shaped(r"[A-Za-z0-9_+*#-]{1,79}", "an extension has letters, digits and + * # _ -")
]
Text = Annotated[Template, _plainly(compile_template)]
Seconds = Annotated[int, Field(ge=1, le=LONGEST_WAIT)]
Tries = Annotated[int, Field(ge=1, le=TRIES)]
Callers = Annotated[
    tuple[
        Annotated[str, _shaped(r"hidden|\+?[0-9]{1,15}\*?", 'write hidden, "+48601234567" or "+48601*"')], ...
    ],
    BeforeValidator(_one_or_many),
    Field(min_length=1, max_length=100),
]
Values = Annotated[
    tuple[Annotated[str, Field(max_length=200)], ...],
    BeforeValidator(_one_or_many),
    Field(min_length=1, max_length=100),
]


class Prompt(Resource):
    """One thing that a caller hears; exactly one of its first four keys."""

    say: Annotated[Template, _plainly(_said)] | None = None
    sound: SoundName | None = None
    digits: Text | None = None
    number: Text | None = None
    language: Language | None = None
    """null: the flow's."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in PROMPT_KINDS) != 1:
            raise complaint(f"exactly one of {', '.join(PROMPT_KINDS)}")
        return self

    @property
    def kind(self) -> PromptKind:
        """Which of the four it is."""
        return next(kind for kind in PROMPT_KINDS if getattr(self, kind) is not None)

    @property
    def template(self) -> Template | None:
        """What is to be filled in; None for a sound."""
        return self.say or self.digits or self.number


Prompts = Annotated[
    tuple[Prompt, ...], BeforeValidator(_one_or_many), Field(min_length=1, max_length=PROMPTS)
]


class Count(Resource):
    """How many digits."""

    min: Annotated[int, Field(ge=1, le=KEYED_LONGEST)] = 1
    max: Annotated[int, Field(ge=1, le=KEYED_LONGEST)] = KEYED_LONGEST

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise complaint("min is larger than max")
        return self


class Condition(Resource):
    """When it goes to `then`: everything that it names must hold."""

    days: Annotated[Days, _plainly(calendar.read_days)] | None = None
    hours: Annotated[Hours, _plainly(calendar.read_hours)] | None = None
    dates: Annotated[Dates, _plainly(calendar.read_dates)] | None = None
    holiday: bool | None = None
    caller: Callers | None = None
    variable: VariableName | None = None
    value: Values | None = Field(None, alias="is")
    then: StepName

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if (self.variable is None) != (self.value is None):
            raise complaint("variable and is need each other")
        if not self.model_fields_set - {"then"}:
            raise complaint("names no days, hours, dates, holiday, caller or variable: that is otherwise")
        return self

    @property
    def label(self) -> str:
        """What it asks, as it was written."""
        return self._asked(f"{self.variable} = {' | '.join(self.value)}" if self.value is not None else "")

    @property
    def reason(self) -> str:
        """The same for a trace, where nobody reads what a variable was: it may be a PIN that was keyed."""
        return self._asked(self.variable or "")

    def _asked(self, variable: str) -> str:
        asked = [one.text for one in (self.days, self.hours, self.dates) if one is not None]
        if self.holiday is not None:
            asked.append("holiday" if self.holiday else "no holiday")
        if self.caller is not None:
            asked.append(f"caller {' | '.join(self.caller)}")
        return ", ".join(filter(None, (*asked, variable)))
