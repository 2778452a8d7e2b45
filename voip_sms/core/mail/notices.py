"""Mails of ours that are about no message: the shapes of `ForwardJob.payload`, one for each event.

Kept as JSON in `forward_job.payload`, read by `forwards/mail`. Times are epoch microseconds.
"""

from typing import Final, Literal, NotRequired, TypedDict

INFO: Final = "mail.info"
"""The answer to a mail to `info@`: limits and use. Free. Payload InfoPayload."""
LIMIT: Final = "mail.limit"
"""A limit is used up: told once in its period. Payload LimitPayload."""
CUT: Final = "mail.cut"
"""A text was cut because it was too long (`over_limit: cut`). Payload CutPayload."""
REFUSED: Final = "mail.refused"
"""Some recipients of a mail that was taken got nothing. Payload RefusedPayload."""
EVENTS: Final = frozenset({INFO, LIMIT, CUT, REFUSED})


class ThreadPayload(TypedDict):
    """`model.MailThread`; in every payload as `thread`, where the mail answers another."""

    message_id: str
    references: list[str]
    subject: str


class UsePayload(TypedDict):
    """One limit: `scope` whose (one address, or all of the account), how much of it is used."""

    scope: Literal["address", "account"]
    period: Literal["day", "month"]
    limit: int | None
    used: int
    until: int


class InfoPayload(TypedDict):
    """`mail.info`."""

    address: str
    uses: list[UsePayload]
    thread: NotRequired[ThreadPayload]


class LimitPayload(TypedDict):
    """`mail.limit`."""

    address: str
    use: UsePayload
    thread: NotRequired[ThreadPayload]


class CutPayload(TypedDict):
    """`mail.cut`: `kept` of `of` characters went to `to`."""

    to: list[str]
    kept: int
    of: int
    thread: NotRequired[ThreadPayload]


class RefusedItem(TypedDict):
    """One recipient: `code` of `core/failures.CODES`, `detail` in English."""

    to: str
    code: str
    detail: str


class RefusedPayload(TypedDict):
    """`mail.refused`; `more`: refusals beyond those listed."""

    items: list[RefusedItem]
    more: int
    thread: NotRequired[ThreadPayload]
