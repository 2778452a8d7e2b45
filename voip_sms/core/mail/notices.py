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
INVITATION: Final = "people.invited"
"""Somebody was made a user: where to set the password. Payload InvitationPayload."""
FORGOTTEN: Final = "people.forgotten"
"""Somebody says that the password is forgotten: where to set another. Payload ForgottenPayload."""
REGISTERED: Final = "registration.received"
"""A company asked to become a customer. Payload RegistrationPayload."""
APPROVED: Final = "registration.approved"
"""It is one now: where its first administrator sets the password. Payload ApprovedPayload."""
NOT_ACCEPTED: Final = "registration.refused"
"""It is none. Payload RefusedRegistrationPayload."""
PEOPLE: Final = frozenset({INVITATION, FORGOTTEN, REGISTERED, APPROVED, NOT_ACCEPTED})
"""To people, and not to a mailbox of the configuration: only `engine/people` makes them."""
EVENTS: Final = frozenset({INFO, LIMIT, CUT, REFUSED}) | PEOPLE


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


class ToPerson(TypedDict):
    """Who a mail to people is for."""

    language: str
    name: str


class InvitationPayload(ToPerson):
    """`people.invited`: `by` whom, "" if by the service; `link` opens once, and until then."""

    by: str
    link: str
    until: int


class ForgottenPayload(ToPerson):
    """`people.forgotten`: `address` where it was said; `link` opens once, and until then."""

    address: str
    link: str
    until: int


class RegistrationPayload(TypedDict):
    """`registration.received`: `code` stands in the company's bank transfers.

    Nothing that was typed: the address is one that nobody has proven yet.
    """

    language: str
    code: str


class ApprovedPayload(ToPerson):
    """`registration.approved`."""

    company: str
    code: str
    link: str
    until: int


class RefusedRegistrationPayload(ToPerson):
    """`registration.refused`: `reason` in the operator's words."""

    company: str
    reason: str
