"""Who and what exists: tenants, accounts, numbers, carriers, routes, prices and rules, as one picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Id = bytes
"""UUIDv7 as 16 octets (`core/ids.py`); shown outside as `msg_…`."""
Micros = int
"""Money: integers of 10^-6 currency unit. Time: epoch microseconds, UTC."""

IdentityKind = Literal["number", "2way", "name", "random", "default"]
AccountKind = Literal["key", "sip", "mail", "ivr", "user", "forward", "operator"]
NumberKind = Literal["own_mobile", "2way", "nd", "ndi", "ndi_mms", "sc", "sci", "premium", "foreign"]
ForwardKind = Literal["sip", "mail", "number", "webhook"]
Via = Literal["direct", "asterisk", "proxy"]
"""How the phones of a SIP account are reached: they register here, at a PBX, or at the SIP proxy in front."""


OPERATOR = "operator"
"""The one scope of the operator's keys; no tenant's key has it."""
NO_TENANT: Id = b""
"""Whose an operator's key is: no row has this tenant, so that it sends nothing and sees nobody's objects.

The operator's own chain of the audit log is the one exception.
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """The sender an account shows: a number (E.164), a pool's name for 2way, or an approved name."""

    kind: IdentityKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Whoever submits: an API key, a SIP account, a mail sender … `name` is unique per tenant and kind."""

    id: Id
    tenant_id: Id
    kind: AccountKind
    name: str
    identity: Identity
    scopes: frozenset[str] = frozenset()
    enabled: bool = True
    language: str = "en"
    abroad: Literal["2way", "random"] = "2way"
    """What an own number sends from to other countries, where it can't itself."""

    @property
    def ref(self) -> str:
        """How messages name it: `sip:101`, `key:app`."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Fallback:
    """Where a text goes that no phone of a SIP account took within `after` (microseconds).

    `to`: a mail address, or E.164 of a phone whose owner agreed: that one costs an SMS.
    """

    after: int
    kind: Literal["mail", "number"]
    to: str


@dataclass(frozen=True, slots=True)
class SipAccount:
    """A SIP account: `ha1` maps digest algorithm (`MD5`, `SHA-256`) to HA1 hex, realm = `sip.domain`."""

    account: Account
    ha1: Mapping[str, str]
    fallback: Fallback | None = None
    via: Via = "direct"


@dataclass(frozen=True, slots=True)
class Quota:
    """Messages per day and per month, in the tenant's zone; None: as many as come."""

    day: int | None = None
    month: int | None = None


NO_QUOTA = Quota()


@dataclass(frozen=True, slots=True)
class MailSender:
    """A mail address that may send; `account.name` is the address, in lower case.

    `secret_hash` (of the AUTH password) and `token` ("" : none) prove who writes. `replies`: microseconds
    within which an answer SMS belongs to the thread of the mail it answers.
    """

    account: Account
    secret_hash: str = ""
    token: str = ""
    subject: Literal["auto", "prefix", "text"] = "auto"
    mode: Literal["normal", "premium"] = "normal"
    over_limit: Literal["refuse", "cut"] = "refuse"
    limits: Quota = NO_QUOTA
    failure_to: str = ""
    notify_delivered: bool = False
    auto_generated: bool = False
    replies: int = 7 * 24 * 3600 * 1_000_000

    @property
    def address(self) -> str:
        """The sender's mailbox."""
        return self.account.name


@dataclass(frozen=True, slots=True)
class CallLimits:
    """SMS a day, in the tenant's zone, that calls of one caller and of a whole flow cause; None: not said."""

    caller: int | None = None
    flow: int | None = None


NO_CALL_LIMITS = CallLimits()


@dataclass(frozen=True, slots=True)
class IvrFlow:
    """What is set for a flow of calls; `account.name` is the flow's name. What it does is a file's to say."""

    account: Account
    limits: CallLimits = NO_CALL_LIMITS


@dataclass(frozen=True, slots=True)
class Keyword:
    """The first word of a text to `number` that brings it to the mailbox `mail` of this tenant.

    `folded` is what is compared (`core/keywords.py`).
    """

    id: Id
    tenant_id: Id
    number: str
    word: str
    folded: str
    mail: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer. `currency` and rates come from its price list; `blocked_inbound` drops all MO."""

    id: Id
    name: str
    price_list: str
    enabled: bool = True
    blocked_inbound: bool = False
    timezone: str = "UTC"
    language: str = "en"
    transliterate: Literal["never", "ask", "auto"] = "never"
    keep_sent_text: bool = True
    mail_limits: Quota = NO_QUOTA
    """For all its mail senders together."""
    self_service: bool = False
    """Whether its administrators look after their own people and addresses (W3)."""
    balance_low: Micros = 0
    """People who wish it are told when less than this is available (W5); 0: never."""


@dataclass(frozen=True, slots=True)
class SenderName:
    """An alphanumeric sender of one tenant (None: the operator's shared list); usable when `approved`."""

    tenant_id: Id | None
    name: str
    status: Literal["pending", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class ForwardRule:
    """Where inbound of a number (or, with `number` None, events of the tenant) goes.

    `targets`: SIP users, mail addresses, E.164 numbers, or one URL; `events`: webhook event types.
    """

    id: Id
    tenant_id: Id
    number: str | None
    kind: ForwardKind
    targets: tuple[str, ...]
    verified: bool = False
    secret: str = ""
    mode: Literal["standard", "get"] = "standard"
    events: frozenset[str] = frozenset({"message.received"})
    enabled: bool = True
    secret_before: str = ""
    """Signs beside `secret` until `secret_before_until` (epoch microseconds): the receiver changes over."""
    secret_before_until: int = 0

    def secret_beside(self, now: int) -> str:
        """What signs beside `secret` now; empty: nothing."""
        return self.secret_before if self.secret_before_until > now else ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that belongs to a tenant; `forwarding` False switches all its forwards off (N4)."""

    id: Id
    tenant_id: Id
    e164: str
    kind: NumberKind
    carrier: str
    forwarding: bool = True


@dataclass(frozen=True, slots=True)
class Pool:
    """A 2way pool: `numbers` E.164, leased per recipient for `window` microseconds."""

    name: str
    carrier: str
    window: int
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A connection to a network; `settings` is its kind's own section, validated by `carriers/<kind>`."""

    name: str
    kind: str
    settings: Mapping[str, object] = field(default_factory=dict)
    enabled: bool = True

    @property
    def takes_whole(self) -> bool:
        """Whether a long text goes to it in one piece, to be cut there (SMPP's `long: payload`)."""
        return self.settings.get("long") == "payload"


@dataclass(frozen=True, slots=True)
class Route:
    """Destinations beginning with `prefix` go to `carrier`; the longest prefix wins, then `priority`."""

    prefix: str
    carrier: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """Price of one part to destinations beginning with `prefix`, 10^-6 units."""

    prefix: str
    amount: Micros


@dataclass(frozen=True, slots=True)
class PriceList:
    """Dated rates: in force from `valid_from` (epoch microseconds)."""

    name: str
    currency: str
    valid_from: int
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class BlockRule:
    """A sender the tenant doesn't want: exact number, prefix, or alphanumeric name (folded)."""

    id: Id
    tenant_id: Id
    match: Literal["exact", "prefix", "name"]
    value: str


@dataclass(frozen=True, slots=True)
class Directory:
    """One immutable picture of all configuration, replaced as a whole when `generation` moves."""

    generation: int = 0
    tenants: Mapping[Id, Tenant] = field(default_factory=dict)
    accounts: Mapping[Id, Account] = field(default_factory=dict)
    keys: Mapping[bytes, Account] = field(default_factory=dict)
    """API keys by SHA-256 of the token."""
    operators: Mapping[bytes, Account] = field(default_factory=dict)
    """The operator's keys, likewise."""
    sip: Mapping[str, SipAccount] = field(default_factory=dict)
    """SIP accounts by user part."""
    mail: Mapping[str, MailSender] = field(default_factory=dict)
    """Mail senders by address."""
    flows: Mapping[tuple[Id, str], IvrFlow] = field(default_factory=dict)
    """Flows of calls by (tenant, name)."""
    mailboxes: Mapping[Id, frozenset[str]] = field(default_factory=dict)
    """Addresses that a tenant's mails may go to: whatever its configuration names, and nothing else."""
    keywords: Mapping[tuple[str, str], Keyword] = field(default_factory=dict)
    """By (number, folded word)."""
    names: Mapping[tuple[Id | None, str], SenderName] = field(default_factory=dict)
    """Sender names by (tenant or None, name as written)."""
    numbers: Mapping[str, Number] = field(default_factory=dict)
    pools: Mapping[str, Pool] = field(default_factory=dict)
    pool_of: Mapping[str, str] = field(default_factory=dict)
    """Pool name by pool number."""
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    """Longest prefix first, then lowest priority value."""
    prices: Mapping[str, tuple[PriceList, ...]] = field(default_factory=dict)
    """By name, newest `valid_from` first."""
    forwards: Mapping[str, tuple[ForwardRule, ...]] = field(default_factory=dict)
    """Forwards by number E.164."""
    subscriptions: Mapping[Id, tuple[ForwardRule, ...]] = field(default_factory=dict)
    """Tenant-level webhooks by tenant."""
    blocks: Mapping[Id, tuple[BlockRule, ...]] = field(default_factory=dict)
    groups: Mapping[tuple[Id, str], tuple[str, ...]] = field(default_factory=dict)
    """Numbers by (tenant, name of the group)."""
