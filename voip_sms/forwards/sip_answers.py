"""What phones' answers to a MESSAGE mean, each for itself and together (RFC 3261 21 as phones use it)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from voip_sms.core.failures import Accepted, ContactResult, Outcome, Permanent, Temporary
from voip_sms.core.model import Binding
from voip_sms.net.sip.traffic import Ending, Result

_SUCCESS: Final = 2
_SERVER_FAILURE: Final = 5
"""Classes of final statuses (RFC 3261 7.2)."""
_LATER: Final = frozenset({408, 429, 430, 477, 480, 482, 486, 491, 600})
"""Final statuses below 500 (and 600) after which the same contact may take it. 482: another binding of the
same phone has it already, or will."""
_GONE: Final = frozenset({404, 410})
_RETRY_AFTER: Final = re.compile(r"\d{1,6}(?=\s*(?:$|[;(]))", re.ASCII)
"""Seconds of a Retry-After value, up to eleven days (RFC 3261 20.33)."""


class Rank(IntEnum):
    """What a contact's answer means for the message, best last."""

    REFUSED = 0
    GONE = 1
    LATER = 2
    TAKEN = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """One contact's answer; `cause` is its status or why there is none.

    `taken`: characters from the text's beginning that it has, where they went in pieces.
    """

    binding: Binding
    rank: Rank
    cause: str
    retry_after: int | None = None
    taken: int = 0


def answer_of(binding: Binding, result: Result) -> Answer:
    """What the end of a transaction means."""
    if result.ending is not Ending.ANSWERED:
        return Answer(binding, Rank.LATER, str(result.ending))
    wait = _RETRY_AFTER.match(result.headers.get("retry-after"))
    return Answer(binding, rank(result.status), str(result.status), int(wait[0]) if wait else None)


def rank(status: int) -> Rank:
    """What a final status of a contact means."""
    if status in _GONE:
        return Rank.GONE
    if status in _LATER or (status // 100 == _SERVER_FAILURE):
        return Rank.LATER
    return Rank.TAKEN if status // 100 == _SUCCESS else Rank.REFUSED


def outcome_of(answers: Sequence[Answer]) -> Outcome:
    """The best answer decides; a phone that was dropped may register again, so that is only temporary."""
    best = max(answers, key=lambda answer: answer.rank)
    contacts = tuple(ContactResult(one.binding.contact, one.cause, one.taken) for one in answers)
    if best.rank is Rank.TAKEN:
        return Accepted(best.binding.contact, contacts=contacts)
    if best.rank is Rank.REFUSED:
        return Permanent(f"sip_{best.cause}", contacts=contacts)
    return Temporary(f"sip_{best.cause}", retry_after=best.retry_after, contacts=contacts)
