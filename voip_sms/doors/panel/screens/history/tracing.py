"""Why a message went as it did, in plain words: each line of a trace as a title and a sentence."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from voip_sms.core.addresses import readable
from voip_sms.core.model import INTERNAL, Step
from voip_sms.doors.panel.frame.words import Words
from voip_sms.doors.panel.reasons import why_not
from voip_sms.doors.panel.screens.history.trace_words import (
    ALPHABETS,
    BEHIND,
    PATTERNS,
    REASONS,
    TARGETS,
    TITLES,
    WORDS,
)

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """One line. `tone`: bad where it stopped the message."""

    title: str
    text: str
    note: str = ""
    tone: str = ""


def told(step: Step, words: Words) -> Told:
    """A line in the reader's language; what has no words of its own is shown as it was written down."""
    if step.step == "refused":
        return Told(words("Refused"), why_not(step.decision, words, step.reason), tone="bad")
    title = words(TITLES[step.step]) if step.step in TITLES else _call(step.step, words)
    says = _DECISIONS.get(step.step, _as_it_is)
    bad = step.decision in ("blocked", "refused")
    return Told(title, says(step.decision, words), _reason(step.reason, words), "bad" if bad else "")


def _call(step: str, words: Words) -> str:
    """A step of a call's flow: `ivr menu`."""
    kind, _, name = step.partition(" ")
    return words("In the call: %(step)s", step=name) if kind == "ivr" and name else step


def _reason(reason: str, words: Words) -> str:
    if reason in REASONS:
        return words(REASONS[reason])
    behind = BEHIND.fullmatch(reason)
    if behind is not None:
        return f"{_reason(behind['reason'], words)}; {_reason(behind['rest'], words)}"
    for pattern, text in PATTERNS:
        found = pattern.fullmatch(reason)
        if found is not None:
            return words(text, **{name: _shown(value, words) for name, value in found.groupdict().items()})
    return _NUMBER.sub(lambda number: readable(number[0]), reason)


def _shown(value: str, words: Words) -> str:
    """A number as people write it, a word of the rules in the reader's language."""
    return words(WORDS[value]) if value in WORDS else _NUMBER.sub(lambda one: readable(one[0]), value)


# --- what was decided ---------------------------------------------------------------------------------------


def _as_it_is(decision: str, words: Words) -> str:
    return _shown(decision, words)


def _text(decision: str, words: Words) -> str:
    """`gsm7, 2 parts`."""
    found = re.fullmatch(r"(\w+), (\d+) parts?", decision)
    if found is None:
        return _shown(decision, words)
    count = words.several("%(count)s part", "%(count)s parts", int(found[2]))
    return f"{count}, {words(ALPHABETS.get(found[1], found[1]))}"


def _route(decision: str, words: Words) -> str:
    return words("straight to the phones") if decision == INTERNAL else decision


def _handed(decision: str, words: Words) -> str:
    """`mail anna@acme.test`."""
    kind, _, target = decision.partition(" ")
    return f"{words(TARGETS[kind])} {_shown(target, words)}".rstrip() if kind in TARGETS else decision


_DECISIONS: Final[Mapping[str, Callable[[str, Words], str]]] = {
    "text": _text,
    "route": _route,
    "forward": _handed,
}
