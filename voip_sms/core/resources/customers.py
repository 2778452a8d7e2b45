"""What a tenant has: accounts of every kind, sender names, numbers, groups, blacklist."""

import zoneinfo
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from voip_sms.core.clock import DAY
from voip_sms.core.directory import NumberKind, Via
from voip_sms.core.keywords import wrong_with
from voip_sms.core.resources.forwards import Forward, Subscription
from voip_sms.core.resources.identities import DEFAULT_IDENTITY, Abroad, Identity
from voip_sms.core.resources.people import Person
from voip_sms.core.resources.values import (
    MailAddress,
    MailAddressOrNothing,
    Money,
    Name,
    Password,
    Reachable,
    Resource,
    SipUser,
    Span,
    Title,
    Token,
    Word,
    complaint,
    country_of,
    read_digits,
    read_number,
    read_prefix,
)

Language = Literal["en", "pl"]
Scope = Literal["messages", "admin", "accounts"]
"""`messages`: send and read; `admin`: also accounts, numbers, forwards, blacklist and keys.

`accounts`: send in the name of the tenant's SIP accounts, for a PBX whose phones these are.
"""
SCOPES = 3

SHORT_KINDS = frozenset({"sc", "sci", "premium", "nd"})
"""Kinds of number that may be dialled in one country only and then have no E.164 form."""

FALLBACK_LATEST = 3 * DAY
"""As long as a text is kept for a phone."""

# One file, one transaction: bounds that a large operator stays under and that keep a diff in memory.
OBJECTS = 10_000
TENANTS = 5_000


class SenderName(Resource):
    """An alphanumeric sender; usable when `approved`. `reason`: why it was rejected."""

    name: Name
    status: Literal["pending", "approved", "rejected"] = "pending"
    reason: Annotated[str, Field(max_length=500)] = ""


class Key(Resource):
    """An API key; of `token` only a hash is kept."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("token",)

    name: Title
    token: Token | None = None
    scopes: Annotated[tuple[Scope, ...], Field(max_length=SCOPES)] = ("messages",)
    identity: Identity = DEFAULT_IDENTITY
    abroad: Abroad = "2way"
    enabled: bool = True


class Fallback(Resource):
    """Where a text goes that no phone of the account took within `after`: to `mail`, or to `number`.

    An SMS to `number` is charged; `verified`: its owner agreed.
    """

    after: Span
    mail: MailAddress | None = None
    number: Reachable | None = None
    verified: bool = False

    @field_validator("after")
    @classmethod
    def _while_it_waits(cls, value: int) -> int:
        if value > FALLBACK_LATEST:
            raise complaint("at most 3d: no text waits longer for a phone")
        return value

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.mail is None) == (self.number is None):
            raise complaint("a fallback goes to one of mail and number")
        return self


class SipAccount(Resource):
    """A SIP account; of `password` only digest hashes are kept."""

    user: SipUser
    password: Password | None = None
    """Needed unless its phones are on an Asterisk, which knows them."""
    identity: Identity = DEFAULT_IDENTITY
    abroad: Abroad = "2way"
    """How it sends to another country where its own number can't: with replies or without."""
    language: Language = "en"
    fallback: Fallback | None = None
    """null: a text waits for the phone until it expires."""
    via: Via = "direct"
    enabled: bool = True


class MailLimits(Resource):
    """Messages per day and month; what is left out is not limited."""

    day: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    month: Annotated[int, Field(ge=0, le=100_000_000)] | None = None


class MailSender(Resource):
    """A mail address that may send: by SMTP AUTH with `secret`, or with `token` in the recipient."""

    address: MailAddress
    secret: Password | None = None
    token: Annotated[str, Field(pattern=r"^[a-z0-9]{4,32}$")] | None = None
    identity: Identity = DEFAULT_IDENTITY
    abroad: Abroad = "2way"
    enabled: bool = True
    subject: Literal["auto", "prefix", "text"] = "auto"
    mode: Literal["normal", "premium"] = "normal"
    """`premium`: the first 160 characters, one part."""
    over_limit: Literal["refuse", "cut"] = "refuse"
    limits: MailLimits = MailLimits()
    failure_to: MailAddressOrNothing = ""
    """Who hears of failures; '' = the sender."""
    notify_delivered: bool = False
    auto_generated: bool = False
    """Take mail that machines wrote (alarms)."""
    reply_window: Annotated[Span, Field(json_schema_extra={"default": "7d"})] = 7 * DAY
    """How long an answer SMS belongs to the thread of the mail it answers."""


class CallLimits(Resource):
    """SMS a day; what is left out is the flow's file to say."""

    caller: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    """That the calls of one number cause."""
    flow: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    """Of all calls together."""


class IvrFlow(Resource):
    """In whose name a flow of calls sends, and how much: what its file says of that counts no more."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("identity",)

    name: Word
    identity: Identity | None = None
    abroad: Abroad = "2way"
    language: Language = "en"
    limits: CallLimits = CallLimits()
    enabled: bool = True


class Group(Resource):
    """Numbers that one name reaches; `numbers` replaces the whole list."""

    name: Word
    numbers: Annotated[tuple[Reachable, ...], Field(max_length=OBJECTS)] = ()


class Keyword(Resource):
    """A text to `number` whose first word is `word` goes to the mailbox `mail`, and nowhere else."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("mail",)

    number: str
    word: Annotated[str, Field(min_length=1, max_length=64)]
    mail: MailAddress | None = None

    @field_validator("number")
    @classmethod
    def _a_number_or_code(cls, value: str, info: ValidationInfo) -> str:
        return read_digits(value) or read_number(value, country_of(info))

    @field_validator("word")
    @classmethod
    def _usable(cls, value: str) -> str:
        wrong = wrong_with(value)
        if wrong:
            raise complaint(wrong)
        return value


class OwnNumber(Resource):
    """A number of the tenant, and where its inbound goes; `forwarding` false switches all of that off."""

    CREATE_NEEDS: ClassVar[tuple[str, ...]] = ("kind", "carrier")

    kind: NumberKind | None = None
    number: str
    carrier: Word = ""
    forwarding: bool = True
    forwards: Annotated[tuple[Forward, ...], Field(max_length=20)] = ()

    @field_validator("number")
    @classmethod
    def _fits_the_kind(cls, value: str, info: ValidationInfo) -> str:
        # `kind` stands before `number` so that it is known here; left out, it is what the store has.
        kind = info.data.get("kind")
        digits = read_digits(value)
        if digits is not None and (kind is None or kind in SHORT_KINDS):
            return digits
        return read_number(value, country_of(info))


class BlockRule(Resource):
    """A sender that is not wanted: an exact number or short code, a prefix, or a name."""

    match: Literal["exact", "prefix", "name"]
    value: Annotated[str, Field(min_length=1, max_length=64)]

    @field_validator("value")
    @classmethod
    def _fits_the_match(cls, value: str, info: ValidationInfo) -> str:
        match = info.data.get("match")
        if match == "exact":
            return read_digits(value) or read_number(value, country_of(info))
        return read_prefix(value) if match == "prefix" else value


class Tenant(Resource):
    """One customer with everything that is theirs. What a file leaves out stays as it is."""

    name: Title
    price_list: Word = ""
    credit: Money = 0
    """Everything ever paid in: what is available is credit − reserved − settled."""
    enabled: bool = True
    blocked_inbound: bool = False
    timezone: str = "UTC"
    language: Language = "en"
    transliterate: Literal["never", "ask", "auto"] = "never"
    keep_sent_text: bool = True
    mail_limits: MailLimits = MailLimits()
    self_service: bool = False
    """Its administrators look after their own people and addresses."""
    balance_low: Money = 0
    """People who wish it are told when less than this is available; 0: never."""
    sender_names: Annotated[tuple[SenderName, ...], Field(max_length=OBJECTS)] = ()
    keys: Annotated[tuple[Key, ...], Field(max_length=OBJECTS)] = ()
    numbers: Annotated[tuple[OwnNumber, ...], Field(max_length=OBJECTS)] = ()
    sip_accounts: Annotated[tuple[SipAccount, ...], Field(max_length=OBJECTS)] = ()
    mail_senders: Annotated[tuple[MailSender, ...], Field(max_length=OBJECTS)] = ()
    ivr_flows: Annotated[tuple[IvrFlow, ...], Field(max_length=OBJECTS)] = ()
    groups: Annotated[tuple[Group, ...], Field(max_length=OBJECTS)] = ()
    keywords: Annotated[tuple[Keyword, ...], Field(max_length=OBJECTS)] = ()
    webhooks: Annotated[tuple[Subscription, ...], Field(max_length=20)] = ()
    blacklist: Annotated[tuple[BlockRule, ...], Field(max_length=OBJECTS)] = ()
    users: Annotated[tuple[Person, ...], Field(max_length=OBJECTS)] = ()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise complaint(f"no time zone {value!r}: write it as Europe/Warsaw") from None
        return value
