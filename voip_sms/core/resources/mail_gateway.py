"""Mail senders, groups and keywords as `/v1` and the panel show them, and what changes them."""

from typing import Annotated, Final, Literal

from pydantic import Field

from voip_sms.core.resources.answers import IdentityShown
from voip_sms.core.resources.customers import OBJECTS, MailLimits
from voip_sms.core.resources.identities import Abroad, Identity
from voip_sms.core.resources.messages import Shown
from voip_sms.core.resources.values import (
    MailAddress,
    MailAddressOrNothing,
    Password,
    Reachable,
    Resource,
    Span,
)

# What ids of these objects begin with, outside.
MAIL_SENDER: Final = "mls"
GROUP: Final = "grp"
KEYWORD: Final = "kwd"


class MailSenderPatch(Resource):
    """PATCH /v1/mail-senders/{id}; `limits` replaces both, `token` null takes it away."""

    secret: Password | None = None
    token: Annotated[str, Field(pattern=r"^[a-z0-9]{4,32}$")] | None = None
    identity: Identity | None = None
    abroad: Abroad | None = None
    enabled: bool | None = None
    subject: Literal["auto", "prefix", "text"] | None = None
    mode: Literal["normal", "premium"] | None = None
    over_limit: Literal["refuse", "cut"] | None = None
    limits: MailLimits | None = None
    failure_to: MailAddressOrNothing | None = None
    notify_delivered: bool | None = None
    auto_generated: bool | None = None
    reply_window: Span | None = None


class GroupPatch(Resource):
    """PATCH /v1/groups/{id}: `numbers` replaces the whole list."""

    numbers: Annotated[tuple[Reachable, ...], Field(max_length=OBJECTS)] | None = None


class KeywordPatch(Resource):
    """PATCH /v1/keywords/{id}."""

    mail: MailAddress | None = None


class MailLimitsShown(Shown):
    """Messages per day and month; null: not limited."""

    day: int | None
    month: int | None


class MailSenderShown(Shown):
    """A mail address that may send. Of `secret` and `token` only whether they are set."""

    id: str
    address: str
    secret_set: bool
    token_set: bool
    identity: IdentityShown
    abroad: Abroad
    enabled: bool
    subject: Literal["auto", "prefix", "text"]
    mode: Literal["normal", "premium"]
    over_limit: Literal["refuse", "cut"]
    limits: MailLimitsShown
    failure_to: str
    notify_delivered: bool
    auto_generated: bool
    reply_window: str


class GroupShown(Shown):
    """Numbers that one name reaches."""

    id: str
    name: str
    numbers: list[str]


class KeywordShown(Shown):
    """A word that brings a text to a mailbox."""

    id: str
    number: str
    word: str
    mail: str


class MailSendersShown(Shown):
    """A page of mail senders."""

    data: list[MailSenderShown]
    has_more: bool


class GroupsShown(Shown):
    """A page of groups."""

    data: list[GroupShown]
    has_more: bool


class KeywordsShown(Shown):
    """A page of keywords."""

    data: list[KeywordShown]
    has_more: bool
