"""What passes through the rooms: submissions, plans, parts, receipts, messages, bindings and forward jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from voip_sms.core.directory import Account, ForwardKind, Id, IdentityKind, Micros, Via
from voip_sms.core.failures import Refusal
from voip_sms.core.quotas import Gauge
from voip_sms.wire.sip.imdn import Disposition

INTERNAL: Final = "internal"
"""A message between two accounts of one customer: its sender's kind, and its flag."""


class Options(NamedTuple):
    """What a sender may ask for beside recipient and text. Times in epoch microseconds; `validity` too.

    `hold`: microseconds that it waits at least, so that whoever sent it can think again; nothing to an
    extension waits.
    """

    sender: str | None = None
    client_ref: str | None = None
    max_parts: int = 10
    transliterate: bool | None = None
    send_at: int | None = None
    validity: int | None = None
    message_class: str = "full"
    priority: int | None = None
    hold: int = 0


class Idempotency(NamedTuple):
    """`key`: SHA-256 over (tenant, credential, door, client's key); `fingerprint`: SHA-256 of the request."""

    key: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class ReceiptRequest:
    """What a phone wants to hear of its message (RFC 5438).

    `imdn_id` is its name for the message; `peer` the URI it wrote to, "" if that is not kept: receipts come
    from there, or the phone doesn't find the conversation they belong to.
    """

    imdn_id: str
    wants: tuple[Disposition, ...]
    peer: str = ""


@dataclass(frozen=True, slots=True)
class MailThread:
    """The mail that another one answers. `message_id` `<…>`; `references` likewise, oldest first; `subject`
    as its writer wrote it. In `message_id` and `references`, a `fwd_…` without `<>` is a mail of ours: the
    id of its forward job, which `forwards/mail` completes with our domain.
    """

    message_id: str
    references: tuple[str, ...] = ()
    subject: str = ""


class Step(NamedTuple):
    """One line of a trace: which step decided what, and why; plain values, safe to show to the tenant."""

    step: str
    decision: str
    reason: str = ""


class Submission(NamedTuple):
    """What a customer asked a door for. `recipients` as typed; the engine normalises and may refuse each.

    `cause` is the id of the row that caused it (a forward job), if one did. `receipts`: for a phone that
    wants to hear what becomes of it. `steps`: what the door decided, the first lines of each trace.
    `thread`: the mail that it came as, which answers belong to for `replies` microseconds. `counts`: the
    limits of a call, each message being one more; a mail's are its sender's.
    """

    account: Account
    door: str
    recipients: tuple[str, ...]
    text: str
    options: Options = Options()
    idempotency: Idempotency | None = None
    cause: Id | None = None
    receipts: ReceiptRequest | None = None
    steps: tuple[Step, ...] = ()
    thread: MailThread | None = None
    replies: int = 0
    counts: tuple[Gauge, ...] = ()

    @property
    def tenant_id(self) -> Id:
        """The tenant that pays and sees it."""
        return self.account.tenant_id


class Sender(NamedTuple):
    """The chosen originator: E.164 with +, a name, or `sip:101`. `kind` as in Identity; `pool` for 2way.

    `internal`: an account of the same customer, which its own phones show.
    """

    kind: IdentityKind | Literal["internal"]
    value: str
    pool: str = ""


class Plan(NamedTuple):
    """What would happen to one recipient: either `refused`, or everything needed to store and send.

    `price` is for all parts, 10^-6 units; `parts` the text of each part in order. `whole`: the carrier wants
    the text in one piece; it is priced by parts all the same.
    """

    to: str
    """E.164, `sip:102` for an account of the same customer, or what was typed when it is neither."""
    sender: Sender | None = None
    encoding: Literal["gsm7", "ucs2", "utf8"] = "gsm7"
    parts: tuple[str, ...] = ()
    price: Micros = 0
    currency: str = ""
    carrier: str = ""
    refused: Refusal | None = None
    trace: tuple[Step, ...] = ()
    whole: bool = False

    @property
    def internal(self) -> bool:
        """Whether it goes straight to phones: no carrier, no price, one part however long."""
        return self.sender is not None and self.sender.kind == INTERNAL

    @property
    def pieces(self) -> tuple[str, ...]:
        """The texts that are handed to the carrier, one by one."""
        return ("".join(self.parts),) if self.whole else self.parts


# --- messages as everybody sees them ----------------------------------------------------------------------


class Event(NamedTuple):
    """One status change with its time (epoch microseconds) and cause."""

    at: int
    status: str
    cause: str = ""


class Message(NamedTuple):
    """One message to or from one number, as API, panel, webhooks and forwards show it."""

    id: Id
    tenant_id: Id
    direction: Literal["outbound", "inbound"]
    status: str
    sender: str
    to: str
    text: str | None
    encoding: str
    parts: int
    price: Micros | None
    currency: str
    door: str
    account: str
    client_ref: str | None
    created_at: int
    possible_duplicate: bool = False
    events: tuple[Event, ...] = ()
    error_code: str | None = None
    error_detail: str | None = None
    flags: frozenset[str] = frozenset()
    """`partial` (a joined inbound with parts missing), `blocked`, `internal` …"""
    send_at: int | None = None
    """When it was to leave, where that was not at once."""


class Item(NamedTuple):
    """The result for one recipient of a submission: a stored message, or why not."""

    to: str
    message: Message | None = None
    refused: Refusal | None = None


class Submitted(NamedTuple):
    """The answer to a submission, given after its commit. `replayed`: a repeat; nothing new was stored."""

    submission_id: Id
    items: Sequence[Item]
    replayed: bool = False


# --- between engine and carriers --------------------------------------------------------------------------


class OutboundPart(NamedTuple):
    """One stored part on its way to a carrier. `text` is this part's text only: with `total` 1 all of it.

    `reference` (0-65535) is shared by the parts of one message; `validity` is what is left, in seconds.
    """

    tenant_id: Id
    message_id: Id
    no: int
    total: int
    reference: int
    sender: Sender
    to: str
    text: str
    encoding: Literal["gsm7", "ucs2"]
    priority: int
    validity: int
    attempt: int = 0
    possible_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class InboundPart:
    """One MO as a carrier gave it. Numbers as E.164 with + where the carrier says international.

    `digest`: SHA-256 over the PDU without its sequence number, for dedupe within a day.
    """

    sender: str
    to: str
    text: str
    encoding: Literal["gsm7", "ucs2"]
    digest: bytes
    reference: int | None = None
    no: int = 1
    total: int = 1


@dataclass(frozen=True, slots=True)
class CarrierReceipt:
    """A delivery receipt. `references`: every spelling under which the carrier's id may be stored.

    `status` from `core/status.py` or None for an intermediate notice; `cause` e.g. `UNDELIV 069`.
    `recipient`: whom the message went to (E.164), '' if not said: tells ids apart that two spellings share.
    """

    references: tuple[str, ...]
    status: str | None
    cause: str
    at: int | None = None
    raw: str = ""
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class LinkState:
    """How a carrier connection is: `bound | connecting | refused`, since when, and why.

    `node`: the process that has it, where that is another one than this.
    """

    state: Literal["bound", "connecting", "refused"]
    since: int
    detail: str = ""
    in_flight: int = 0
    node: str = ""


# --- between engine and forwards --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Binding:
    """One registered contact. `source`: host:port REGISTER came from; `flow`: its connection's id."""

    user: str
    contact: str
    source: str
    transport: Literal["udp", "tcp", "tls"]
    flow: str
    call_id: str
    cseq: int
    expires_at: int
    q: float = 1.0
    agent: str = ""
    """User-Agent of its REGISTER."""
    cpim: bool = False
    """It has written in message/cpim."""
    host: str = ""
    """What the phone calls us, `host` or `host:port`, where that isn't our domain."""


@dataclass(frozen=True, slots=True)
class PhoneSource:
    """The phone that a MESSAGE came from: `source` host:port, `flow` its connection's id, its User-Agent."""

    source: str
    flow: str
    agent: str


@dataclass(frozen=True, slots=True)
class ForwardJob:
    """One due hand-over to one target. `event` is a webhook event type; `message` what it is about.

    `bindings` are the live contacts of a SIP target, read when the job was claimed. `imdn_id`: what the
    target calls the message, where the job is a receipt for it (`core/dispositions.py`); `imdn_peer`: the URI
    it wrote to.
    """

    id: Id
    tenant_id: Id
    kind: ForwardKind
    target: str
    event: str
    message: Message
    attempt: int
    created_at: int
    secret: str = ""
    secret_before: str = ""
    """The one it replaced, while both sign."""
    mode: str = "standard"
    verified: bool = False
    bindings: tuple[Binding, ...] = ()
    via: Via = "direct"
    """Where the phones of a SIP target are; other than directly there are no `bindings`."""
    taken: Mapping[str, int] = field(default_factory=dict)
    """By contact: how many characters of the text earlier tries have brought it, in pieces."""
    language: str = "en"
    timezone: str = "UTC"
    instead_of: Account | None = None
    """The SIP account whose phones did not take the text in time, if it fell back to this target."""
    imdn_id: str = ""
    imdn_peer: str = ""
    thread: MailThread | None = None
    """The mail that a mail about `message` answers, if there is one."""
    autoreply: bool = False
    """The mailbox is a premium sender's: its server may answer by itself whoever texted."""
    payload: Mapping[str, object] = field(default_factory=dict)
    """What a mail says that is about no message (`core/mail/notices.py` has the shapes)."""
