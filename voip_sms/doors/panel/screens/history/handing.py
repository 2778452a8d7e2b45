"""To whom a message was handed on, as its page shows it: the way, the state in words, every try."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core.clock import from_rfc3339
from voip_sms.core.directory import Micros
from voip_sms.doors.panel.frame.words import Words, marked


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt. `cause`: what the other side said, as it was."""

    at: Micros
    words: str
    cause: str


@dataclass(frozen=True, slots=True)
class Handover:
    """One target. `tone` of its badge; `next_try_at` while it waits; `displayed_at`: somebody read it."""

    kind: str
    target: str
    words: str
    tone: str
    cause: str
    tries: int
    next_try_at: Micros | None
    displayed_at: Micros | None
    attempts: tuple[Try, ...]


def handover(shown: Mapping[str, Any], words: Words) -> Handover:
    """One as `HandoverShown` has it."""
    said, tone = _STATES.get(shown["state"], (shown["state"], "mute"))
    return Handover(
        kind=shown["kind"],
        target=shown["target"],
        words=words(said),
        tone=tone,
        cause=shown["cause"],
        tries=shown["tries"],
        next_try_at=_moment(shown["next_try_at"]),
        displayed_at=_moment(shown["displayed_at"]),
        attempts=tuple(_try(one, words) for one in shown["attempts"]),
    )


def _try(shown: Mapping[str, Any], words: Words) -> Try:
    said = words(_OUTCOMES.get(shown["outcome"], shown["outcome"]))
    phones = "; ".join(f"{one['contact']} {one['cause']}" for one in shown.get("contacts", ()))
    return Try(from_rfc3339(shown["at"]), said, phones or shown["cause"])


def _moment(text: str | None) -> Micros | None:
    return None if text is None else from_rfc3339(text)


_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "queued": (marked("waiting"), "info"),
    "sending": (marked("being handed on"), "info"),
    "done": (marked("handed on"), "good"),
    "failed": (marked("not accepted"), "bad"),
    "expired": (marked("given up"), "bad"),
    "fell_back": (marked("went another way"), "warn"),
}
_OUTCOMES: Final[Mapping[str, str]] = {
    "accepted": marked("accepted"),
    "temporary": marked("not now"),
    "permanent": marked("refused"),
    "uncertain": marked("no answer"),
}
