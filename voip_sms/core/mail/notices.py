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
BALANCE_LOW: Final = "notice.balance_low"
"""A company's balance is below what it set. By mail or SMS, as the next two. Payload BalancePayload."""
LIMIT_REACHED: Final = "notice.limit_reached"
"""One of its limits is used up. Payload LimitReachedPayload."""
NAME_APPROVED: Final = "notice.name_approved"
"""It may send under a name. Payload NameApprovedPayload."""
WISHED: Final = frozenset({BALANCE_LOW, LIMIT_REACHED, NAME_APPROVED})
"""Only for people who wished it (W5)."""
PEOPLE: Final = WISHED | frozenset({INVITATION, FORGOTTEN, REGISTERED, APPROVED, NOT_ACCEPTED})
"""To people, and not to a mailbox of the configuration: only `engine/people` makes them."""
LIMIT_HOOK: Final = "limit.reached"
"""One of a company's limits is used up: to the URLs that subscribed. Payload LimitHookPayload."""
EVENTS: Final = frozenset({INFO, LIMIT, CUT, REFUSED, LIMIT_HOOK}) | PEOPLE
"""All that are about no message."""


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


class WishedPayload(ToPerson):
    """What a person wished to be told of; `mail`: where it goes when the SMS can't."""

    mail: str


class BalancePayload(WishedPayload):
    """`notice.balance_low`: amounts with their currency, `3.20 PLN`."""

    available: str
    low: str


class LimitReachedPayload(WishedPayload):
    """`notice.limit_reached`: `of` the address or flow, "" where it is all of the account's."""

    whose: Literal["address", "account", "flow"]
    of: str
    period: Literal["day", "month"]
    limit: int
    until: int


class LimitHookPayload(TypedDict):
    """`limit.reached`, as LimitReachedPayload."""

    whose: Literal["address", "account", "flow"]
    of: str
    period: Literal["day", "month"]
    limit: int
    until: int


class NameApprovedPayload(WishedPayload):
    """`notice.name_approved`."""

    sender: str


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
