"""The life of a message: its statuses, which may follow which, and how parts make a whole."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Status(StrEnum):
    """Where a part or a message stands."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELED = "canceled"
    RECEIVED = "received"


_RECEIPTED: Final = frozenset({Status.DELIVERED, Status.UNDELIVERED, Status.EXPIRED, Status.FAILED})
# What is in the carrier's hands can no longer be called back.
_WAITING_ENDS: Final = _RECEIPTED | {Status.CANCELED}

# Everything that may follow a status. A step may be left out (a fast carrier), none is ever taken back:
# a temporary failure leaves the status and only moves the hour of the next attempt.
FOLLOWERS: Final[Mapping[str, frozenset[Status]]] = MappingProxyType(
    {
        Status.ACCEPTED: frozenset({Status.SCHEDULED, Status.QUEUED, Status.SENDING, Status.SENT})
        | _WAITING_ENDS,
        Status.SCHEDULED: frozenset({Status.QUEUED, Status.SENDING, Status.SENT}) | _WAITING_ENDS,
        Status.QUEUED: frozenset({Status.SENDING, Status.SENT}) | _WAITING_ENDS,
        Status.SENDING: frozenset({Status.SENT}) | _RECEIPTED,
        Status.SENT: _RECEIPTED,
        Status.DELIVERED: frozenset[Status](),
        Status.UNDELIVERED: frozenset[Status](),
        Status.EXPIRED: frozenset[Status](),
        Status.FAILED: frozenset[Status](),
        Status.CANCELED: frozenset[Status](),
        Status.RECEIVED: frozenset[Status](),
    }
)
TERMINAL: Final[frozenset[str]] = frozenset(status for status, after in FOLLOWERS.items() if not after)

_PROGRESS: Final[Mapping[str, int]] = MappingProxyType(
    {
        Status.ACCEPTED: 0,
        Status.SCHEDULED: 1,
        Status.QUEUED: 2,
        Status.SENDING: 3,
        Status.SENT: 4,
    }
)
_BADNESS: Final[Mapping[str, int]] = MappingProxyType(
    {
        Status.RECEIVED: 0,
        Status.DELIVERED: 0,
        Status.CANCELED: 1,
        Status.EXPIRED: 2,
        Status.UNDELIVERED: 3,
        Status.FAILED: 4,
    }
)

# SMPP 3.4 appendix B, table B-2, with the spellings that carriers use instead.
# ACCEPTD and ENROUTE are on the way: no entry, no change. An unknown word changes nothing either.
_RECEIPT_STATS: Final = MappingProxyType(
    {
        "DELIVRD": Status.DELIVERED,
        "DELIVERED": Status.DELIVERED,
        "EXPIRED": Status.EXPIRED,
        "UNDELIV": Status.UNDELIVERED,
        "UNDELIVERED": Status.UNDELIVERED,
        "UNDELIVERABLE": Status.UNDELIVERED,
        "DELETED": Status.UNDELIVERED,
        "UNKNOWN": Status.UNDELIVERED,
        "REJECTD": Status.FAILED,
        "REJECTED": Status.FAILED,
        "FAILED": Status.FAILED,
    }
)
# SMPP 3.4 section 5.2.28, message_state. 1 ENROUTE and 6 ACCEPTED change nothing.
_MESSAGE_STATES: Final = MappingProxyType(
    {
        2: Status.DELIVERED,
        3: Status.EXPIRED,
        4: Status.UNDELIVERED,
        5: Status.UNDELIVERED,
        7: Status.UNDELIVERED,
        8: Status.FAILED,
    }
)


def advance(current: str, new: str) -> bool:
    """Whether `new` may follow `current`: statuses, or their words. Standing still is no advance."""
    return new in FOLLOWERS[current]


def combine(parts: Sequence[str]) -> str:
    """The status of a message from those of its parts (at least one), or their words.

    While any part is on its way, the one that is furthest behind speaks for the message; then the worst
    outcome does: delivered only when all were. As parts only move forward, so does the result.
    """
    if len(parts) == 1:
        return parts[0]
    moving = [status for status in parts if status in _PROGRESS]
    if moving:
        return min(moving, key=_PROGRESS.__getitem__)
    return max(parts, key=_BADNESS.__getitem__)


def from_receipt_stat(stat: str) -> Status | None:
    """The status that the `stat` word of an SMPP receipt calls for, in any case; None changes nothing."""
    return _RECEIPT_STATS.get(stat.strip().upper())


def from_message_state(state: int) -> Status | None:
    """The status that an SMPP message_state calls for; None changes nothing."""
    return _MESSAGE_STATES.get(state)
