"""What people look for among a customer's messages, and what is counted for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from voip_sms.core.clock import DAY
from voip_sms.core.directory import Id, Micros
from voip_sms.core.model import Message
from voip_sms.core.status import Status

BAD: Final[tuple[str, ...]] = (Status.UNDELIVERED.value, Status.EXPIRED.value, Status.FAILED.value)
"""Statuses of what did not arrive."""
SUMMED_DAYS: Final = 31 * DAY
"""The longest stretch that is summed up: a month."""


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What a list is narrowed to; None or () leaves a field open.

    `sender`, `recipient` as stored (E.164 or a name); `peer`: the number at the other end, whichever way the
    message went. `since` up to, without, `until`: when it was accepted or received.
    """

    direction: Literal["outbound", "inbound"] | None = None
    door: str | None = None
    account: str | None = None
    sender: str | None = None
    recipient: str | None = None
    peer: str | None = None
    statuses: tuple[str, ...] = ()
    since: Micros | None = None
    until: Micros | None = None


EVERYTHING: Final = HistoryFilter()


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Messages with texts, newest first; their prices are without what was given back.

    `after`: ask for the next page with it; None: that was all.

    `searched_to`: the page is not full, yet nothing older than this moment has been looked at so far.
    """

    messages: Sequence[Message]
    after: Id | None = None
    searched_to: Micros | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """Of everything that a filter finds. `prices`: by currency, 10^-6 units; what is free isn't in it.

    `whole` False: there is more than is counted at once, and these are sums of the newest.
    """

    messages: int
    parts: int
    prices: Mapping[str, Micros]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Share:
    """The messages of one submission that have this status: how many, and their price in 10^-6 of `currency`.

    `created_at` of the first; `send_at`: when the first is to go, None where nobody named a time.
    """

    status: str
    count: int
    price: Micros
    currency: str
    created_at: Micros
    send_at: Micros | None


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour's traffic, from `start`: accepted to send, received, and what of it did not arrive."""

    start: Micros
    sent: int
    received: int
    failed: int


@dataclass(frozen=True, slots=True)
class Attention:
    """What somebody should look at. Each is counted up to `ATTENTION_MOST`."""

    undelivered: int
    """Messages of today that did not arrive."""
    unanswered: int
    """Conversations whose last word is the other one's, within the last days."""
    unread: int
    """Conversations with something that this person has not seen."""


ATTENTION_MOST: Final = 100
