"""What the machine of a call and whoever drives it say to each other: events in, actions out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `id` is Asterisk's Uniqueid, `caller` the number as the PBX shows it, "" where it is hidden,
    `called` what was dialled, `variables` what the dialplan handed over (name to text).
    """

    id: str
    caller: str
    called: str
    variables: Mapping[str, str] = field(default_factory=dict)


# --- what happens to a call ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed: one of 0-9, *, #, A-D."""

    key: str


@dataclass(frozen=True, slots=True)
class Played:
    """All prompts of the last Play ended by themselves; `ok` is False if one of them could not be played."""

    ok: bool = True


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The last Wait ended."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a Send: "refused" (or "error": nobody knows, nothing was stored) with the public
    `code`; accepted ones have the `message_id`.
    """

    result: Literal["accepted", "refused", "error"]
    message_id: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone, or the PBX ended the call."""


Event = Digit | Played | TimedOut | Sent | HungUp

# --- what a caller hears ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """A text to be spoken in `language` ("pl" or "en")."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound that the PBX has, by its name without suffix."""

    name: str


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits (0-9, *, #) read one by one in `language`."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number read as a number in `language`."""

    value: int
    language: str


Prompt = Say | Sound | Digits | Number

# --- what is to be done -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Play:
    """Play these one after the other; Played follows, unless Silence or another Play came first."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop what is playing: a key came. No Played follows."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Say TimedOut in so many seconds, 1 to 60; replaces the timer before."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """One SMS to `to` (E.164); Sent follows. Channel and `step` are its identity: what was accepted is not
    asked for again, what came to nothing up to three times in all. `fixed`: the flow's file names the number,
    nobody in the call chose it.
    """

    step: str
    to: str
    text: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Back to the dialplan: `context` and `extension` "" are those that the call came from. `variables` are
    set on the channel first.
    """

    context: str
    extension: str
    priority: int
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the trace of this call."""

    step: str
    decision: str
    reason: str = ""


Action = Play | Silence | Wait | Send | Leave | HangUp | Note
