"""What a phone is handed for a job: the octets and their type, in the form that this contact reads."""

from dataclasses import dataclass, replace
from typing import Final

from voip_sms.core.clock import to_datetime
from voip_sms.core.dispositions import JOB_PREFIX, reads_cpim, receipt_of
from voip_sms.core.failures import Outcome, Permanent, Temporary
from voip_sms.core.ids import to_text
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.net.sip.traffic import Outgoing, Result
from voip_sms.wire.sip import cpim, imdn

PLAIN: Final = "text/plain;charset=UTF-8"
_INNER: Final = "text/plain; charset=UTF-8"
ON_UDP: Final = 700
"""Octets of a wrapped text and its Request-URI over UDP: beyond that the wrapping could make it too long
for a datagram (1300, RFC 3428 8), and a plain text is better than one in pieces."""


RECEIPT_SECONDS: Final = 5.0
"""For a receipt, four copies over UDP: texts wait behind it, and a phone that is gone stays silent."""


_OTHER_TYPE: Final = frozenset({406, 415, 488})
"""Statuses that refuse what a body is rather than the message (RFC 3261 21.4)."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Who writes to whom (SIP URIs), when it was written (epoch microseconds), and what."""

    sender: str
    recipient: str
    moment: int
    text: str


def content_of(job: ForwardJob, binding: Binding, letter: Letter, *, whole: bool = True) -> tuple[str, bytes]:
    """Content-Type and body of the MESSAGE; a piece of a text (`whole` False) is always plain."""
    state = receipt_of(job.event)
    if state is not None:
        moment = _rfc3339(job.message.created_at)
        receipt = imdn.write_receipt(job.imdn_id, moment, letter.sender, state)
        envelope = cpim.Envelope(letter.sender, letter.recipient, moment, _message_id(job))
        return cpim.MEDIA_TYPE, cpim.write_cpim(envelope, imdn.MEDIA_TYPE, receipt, notification=True)
    text = letter.text.encode("utf-8", "replace")
    if whole and job.event == "message.received" and reads_cpim(binding):
        wrapped = _wrapped(job, letter, text)
        if binding.transport != "udp" or len(wrapped) + len(binding.contact) <= ON_UDP:
            return cpim.MEDIA_TYPE, wrapped
    return PLAIN, text


def may_read(job: ForwardJob, binding: Binding) -> bool:
    """Whether to offer the job to this contact at all: receipts are for those that write message/cpim."""
    return receipt_of(job.event) is None or reads_cpim(binding)


def in_time(job: ForwardJob, outgoing: Outgoing) -> Outgoing:
    """A receipt's answer is waited for RECEIPT_SECONDS only; others as they are."""
    return outgoing if receipt_of(job.event) is None else replace(outgoing, timeout=RECEIPT_SECONDS)


def may_cut(job: ForwardJob) -> bool:
    """Whether it can go in pieces: only texts can."""
    return receipt_of(job.event) is None


def wants_plainer(job: ForwardJob, offered: Outgoing, result: Result) -> bool:
    """Whether a contact refused a text for its wrapping: it may still read it plain."""
    wrapped = ("content-type", cpim.MEDIA_TYPE) in offered.headers
    return wrapped and may_cut(job) and result.status in _OTHER_TYPE


def settled(job: ForwardJob, outcome: Outcome) -> Outcome:
    """A receipt is tried once: texts wait behind it."""
    if isinstance(outcome, Temporary) and receipt_of(job.event) is not None:
        return Permanent(outcome.cause)
    return outcome


def _wrapped(job: ForwardJob, letter: Letter, text: bytes) -> bytes:
    """In message/cpim, with the wish to hear of delivery and reading."""
    envelope = cpim.Envelope(
        letter.sender,
        letter.recipient,
        _rfc3339(letter.moment),
        _message_id(job),
        ("delivered", "displayed"),
    )
    return cpim.write_cpim(envelope, _INNER, text)


def _message_id(job: ForwardJob) -> str:
    return to_text(JOB_PREFIX, job.id)


def _rfc3339(moment: int) -> str:
    """Whole seconds, as phones write them."""
    return to_datetime(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
