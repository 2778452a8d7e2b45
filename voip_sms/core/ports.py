"""The boundaries between the rooms: what a door may ask the engine, what carriers and forwards offer it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from voip_sms.core.calls import CallOrder
from voip_sms.core.directory import Account, Id, Identity, MailSender, SipAccount
from voip_sms.core.failures import Outcome, Refusal
from voip_sms.core.mail.addressing import Recipient
from voip_sms.core.mail.letters import Letter, Posted
from voip_sms.core.model import (
    Binding,
    CarrierReceipt,
    ForwardJob,
    InboundPart,
    Item,
    LinkState,
    Message,
    OutboundPart,
    PhoneSource,
    Plan,
    Submission,
    Submitted,
)
from voip_sms.wire.sip.imdn import Receipt

# --- what doors call ----------------------------------------------------------------------------------------


class Submitter(Protocol):
    """The one way to send. The engine normalises recipients; the door passes on what was typed."""

    async def submit(self, submission: Submission) -> Submitted:
        """Store it and answer after the commit. Per-recipient refusals are items, never exceptions.

        Raises Refusal for what concerns the whole request: `idempotency_mismatch`, `store_unavailable`,
        `rate_limited`. Idempotent by `submission.idempotency`.
        """
        ...

    async def explain(self, submission: Submission) -> Sequence[Plan]:
        """What `submit` would do, per recipient, with its trace. Stores nothing."""
        ...

    async def cancel(self, tenant_id: Id, message_id: Id) -> Message:
        """Cancel a scheduled message and release its money. Refusal `not_found` or `too_late`."""
        ...


class Credentials(Protocol):
    """Who somebody is. Never awaits: it looks into the snapshot."""

    def api_key(self, token: str) -> Account | None:
        """The account of an API key, or None."""
        ...

    def sip_account(self, user: str) -> SipAccount | None:
        """The SIP account with this user part, or None; disabled accounts and tenants are None."""
        ...


class Registrations(Protocol):
    """Durable SIP bindings. Each call answers after its commit; Refusal `store_unavailable`."""

    async def register(self, account: Account, bindings: Sequence[Binding]) -> Sequence[Binding]:
        """Add or refresh bindings (expires_at <= now removes one); the account's live bindings then.

        A binding with the same Call-ID and a CSeq not above the stored one changes nothing (RFC 3261 10.3).
        Messages that wait for the account become due at once.
        """
        ...

    async def announced(self, account: Account) -> None:
        """A phone registered at the proxy in front of us: what waits for the account becomes due at once.

        Where it is reached is the proxy's to know; nothing is kept of it here.
        """
        ...

    async def unregister_all(self, account: Account) -> None:
        """`Contact: *` with `Expires: 0`."""
        ...

    async def bindings(self, account: Account) -> Sequence[Binding]:
        """The live bindings, newest first."""
        ...

    async def everywhere(self, most: int) -> Sequence[Binding]:
        """Live bindings of all accounts, at most so many: what a door has to know again after a restart."""
        ...

    async def flow_died(self, flow: str) -> None:
        """A TCP/TLS connection is gone: its bindings are unreachable at once and dropped."""
        ...

    async def drop(self, account: Account, contact: str, seen: Binding | None = None) -> None:
        """A contact answered 404 or 410: its binding is removed.

        With `seen`, the binding as it was then, only if it was not registered anew since.
        """
        ...


class Dispositions(Protocol):
    """What phones tell in receipts (RFC 5438). Answers after the commit; Refusal `store_unavailable`."""

    async def take(self, account: Account, receipts: Sequence[Receipt]) -> None:
        """Move the messages forward that this account's phones were given; whatever else is ignored."""
        ...

    async def wrote_cpim(self, account: Account, writer: PhoneSource) -> bool:
        """A phone wrote in message/cpim, so it reads it; whether it is one of the account's contacts."""
        ...


class Mailing(Protocol):
    """What the mail door asks of the engine. Only `authenticate` and `accept` take time."""

    def sender(self, address: str) -> MailSender | None:
        """The sender with this address (any case), or None: unknown, or it or its tenant is off.

        An address alone proves nothing: the door must know who wrote before it trusts one.
        """
        ...

    async def authenticate(self, user: str, secret: str) -> MailSender | None:
        """SMTP AUTH: the sender whose address and secret these are, else None; as slow for unknown users.

        Refusal `rate_limited`: too many are logging in, and this one isn't known from a moment ago.
        """
        ...

    def known(self, recipient: Recipient, sender: MailSender | None = None) -> Refusal | None:
        """What can be said at RCPT: None, or why it can't be written to.

        A number that can't take an SMS; a group that `sender` (None: nobody at all) doesn't have.
        """
        ...

    async def accept(self, letter: Letter) -> Sequence[Posted]:
        """Compose the text, submit it to each recipient, and answer after the commits: one Posted for each.

        Idempotent by Message-ID, text and recipient, for a day: a repeated mail changes nothing. `info@` is
        answered by a mail. Where some recipients were refused and others not, the sender gets a mail about
        it: the door answers 250. Where none was accepted nothing is queued: the door answers 5xx with the
        first `why_not`.

        A text that can't be sent (`text_empty`, `text_too_long`) is each recipient's refusal. Raises Refusal
        `store_unavailable` or `rate_limited`: the sender's server shall come again, and nothing is repeated
        of what was stored already.
        """
        ...


class Calling(Protocol):
    """What the IVR door asks of the engine: in whose name a flow sends, and to send."""

    def account(self, tenant: str, flow: str, identity: Identity | None) -> Account | None:
        """The account that the flow `flow` of the customer named `tenant` sends as. Never awaits.

        `identity`: what the flow's file says; what is configured for the flow comes before it. None: there
        is no such customer, it or the flow is switched off, or nobody says what recipients see. Ask anew for
        each call: configuration changes.
        """
        ...

    async def send(self, order: CallOrder) -> Item:
        """Store what one step of one call sends, and answer after the commit.

        Idempotent by the call and the step for a day: a repeat stores nothing and gets the message as it
        stands now. The same step of the same call to somebody else is refused, `idempotency_mismatch`.
        Refusals are the item's; `limit_reached`: the caller or the flow has had what it may in a day.

        Raises Refusal `store_unavailable` or `rate_limited`: nothing was stored, and nobody knows better
        than the caller whether to ask again.
        """
        ...


# --- what carriers offer, and what they call ----------------------------------------------------------------


class CarrierLink(Protocol):
    """A connection to one carrier. Reconnects by itself; never raises out of these calls."""

    @property
    def name(self) -> str:
        """The carrier's name."""
        ...

    def state(self) -> LinkState:
        """For `GET /v1/carriers` and metrics."""
        ...

    def free(self) -> int:
        """How many parts it takes right now: free window, bounded by rate; 0 when not bound or slow."""
        ...

    def on_free(self, wake: Callable[[], None]) -> None:
        """`wake` is called whenever `free()` may have risen from 0 (bound, response, rate, throttle over)."""
        ...

    def submit(self, part: OutboundPart, done: Callable[[OutboundPart, Outcome], None]) -> None:
        """Send it; `done` is called exactly once, on the loop, at the latest after the response timeout."""
        ...

    async def start(self) -> None:
        """Begin connecting; returns at once."""
        ...

    async def stop(self, drain: float) -> None:
        """Take no more, wait up to `drain` seconds for responses, unbind, close."""
        ...


class CarrierEvents(Protocol):
    """What the engine does with what a carrier brings. Returns after the commit: only then may it be acked.

    Raises Refusal `store_unavailable`: answer the carrier with a temporary error, it will come again.
    """

    async def receive(self, carrier: str, part: InboundPart) -> None:
        """An MO. Idempotent by its digest within a day."""
        ...

    async def receipt(self, carrier: str, receipt: CarrierReceipt) -> None:
        """A delivery receipt. Idempotent; unknown ids are kept and matched again later."""
        ...


# --- what forwards offer ------------------------------------------------------------------------------------


class Forwarder(Protocol):
    """Hands one inbound message or event to one target. Retries are the engine's; bounded in time."""

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Try once. `Accepted` = the target took it."""
        ...
