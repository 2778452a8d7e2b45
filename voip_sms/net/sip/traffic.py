"""What passes between the SIP endpoint and its users: requests in and out, replies, results."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from voip_sms.wire.sip.headers import Headers, Via
from voip_sms.wire.sip.rules import Read
from voip_sms.wire.sip.timers import TIMER_F

Address = tuple[str, int]
"""Numeric host and port."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that passed the general checks. `flow` names the connection it came on."""

    read: Read
    transport: str
    source: Address
    flow: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A final reply. `reason` "" means the usual phrase.

    `keep=False` sends it without memory: a retransmission is handled anew (401, RFC 3261 8.2.7 and 22).
    """

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    keep: bool = True


Handler = Callable[[Incoming], Reply | Awaitable[Reply | None] | None]
"""Serves one method. An awaitable is for work that waits; None leaves the request without a reply.

It is cancelled when it outlasts the endpoint's deadline; the sender then gets 503 with Retry-After.
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: over the live connection `flow`, else to a numeric or resolvable host and port.

    With a TCP `flow` no new connection is ever made: whoever is behind NAT can't be dialled. For UDP `flow`
    names the listener that sends.
    """

    transport: str
    host: str
    port: int
    flow: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A non-INVITE request to send. `sender` and `recipient` are complete From and To values.

    The endpoint adds Via, Max-Forwards, CSeq, Call-ID and Content-Length; `headers` is everything else.
    `late` is called, at most once, with a final reply that comes after `send` gave up or was cancelled.
    """

    method: str
    uri: str
    sender: str
    recipient: str
    call_id: str
    cseq: int
    target: Target
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout: float = TIMER_F
    late: "Callable[[Result], None] | None" = None


class Ending(StrEnum):
    """How a client transaction ended."""

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a client transaction; `status`, `reason` and `headers` are those of a final reply.

    TOO_LARGE: over 1300 octets and only UDP to send it (RFC 3428 8); nothing was sent.
    UNREACHABLE: no connection, or it broke before the reply came.
    """

    ending: Ending
    status: int = 0
    reason: str = ""
    headers: Headers = Headers()  # noqa: RUF009 - immutable


class Path(Protocol):
    """The way a request came, and its replies go back."""

    @property
    def transport(self) -> str: ...

    @property
    def source(self) -> Address: ...

    @property
    def flow(self) -> str: ...

    def reply(self, octets: bytes, via: Via) -> None:
        """Send a reply to the request whose top Via was `via`; on a dead path it is lost."""
        ...
