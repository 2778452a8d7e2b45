"""Builds a mail: headers that keep it in its thread and out of loops, the words as text and as HTML."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from voip_sms.core.clock import to_datetime
from voip_sms.core.ids import to_text
from voip_sms.core.mail import notices
from voip_sms.core.model import ForwardJob
from voip_sms.core.notices import FAILURES
from voip_sms.forwards.mail.headers import (
    LOOP_HEADER,
    POLICY,
    SUBJECT_SHOWN,
    MailIdentity,
    answered,
    author,
    line,
    local_part,
    subject_of,
)
from voip_sms.forwards.mail.pages import Page, page_of

RECEIVED: Final = "message.received"
DELIVERED: Final = "message.delivered"
_GENERATED: Final = frozenset({RECEIVED, notices.LIMIT}) | notices.PEOPLE
"""Not the answer to a mail: `auto-generated`; all others are `auto-replied` (RFC 3834 5)."""
BY_A_PERSON: Final = "no"
_SUPPRESS: Final = "OOF, AutoReply, RN, NRN"
"""COMPAT Exchange (MS-OXCMAIL, this header): its autoresponder heeds this header and not Auto-Submitted."""


def known(event: str) -> bool:
    """Whether there is a mail for this event."""
    return event in {RECEIVED, DELIVERED} or event in FAILURES or event in notices.EVENTS


def compose(job: ForwardJob, identity: MailIdentity, country: str = "PL") -> EmailMessage:
    """The mail; its Date is that of the SMS or of what happened to it, however late it leaves."""
    received = job.event == RECEIVED
    page = page_of(job, lambda number: f"{local_part(number, country)}@{identity.domain}")
    mail = EmailMessage(policy=POLICY)
    mail["From"] = _from(job, identity, country)
    mail["To"] = Address(addr_spec=job.target)
    own = line(page.subject, SUBJECT_SHOWN)
    mail["Subject"] = subject_of(job.thread, own) if received else own
    mail["Date"] = format_datetime(to_datetime(job.message.created_at if received else job.created_at))
    mail["Message-ID"] = f"<{to_text('fwd', job.id)}@{identity.domain}>"
    _thread(mail, job, identity.domain)
    mail["Auto-Submitted"] = _automatic(job)
    if mail["Auto-Submitted"] != BY_A_PERSON:
        mail["X-Auto-Response-Suppress"] = _SUPPRESS
    mail[LOOP_HEADER] = identity.domain
    _content(mail, page, to_text("fwd", job.id))
    return mail


def _automatic(job: ForwardJob) -> str:
    """An SMS was written by a person: where autoresponders may answer it, it says so (RFC 3834 5.1)."""
    if job.event == RECEIVED and job.autoreply:
        return BY_A_PERSON
    return "auto-generated" if job.event in _GENERATED else "auto-replied"


def _from(job: ForwardJob, identity: MailIdentity, country: str) -> Address:
    """Of an SMS whoever wrote it: Reply is an SMS; of a notice us: nobody texts by mistake."""
    if job.event == RECEIVED:
        return author(job.message.sender.removeprefix("sip:"), identity, country)
    return Address("SMS", addr_spec=identity.sender)


def _thread(mail: EmailMessage, job: ForwardJob, domain: str) -> None:
    last, references = answered(job.thread, domain)
    if last:
        mail["In-Reply-To"] = last
    if references:
        mail["References"] = " ".join(references)


def _content(mail: EmailMessage, page: Page, boundary: str) -> None:
    """Both parts quoted-printable: readable, 7-bit, and "=_" can't be in one (RFC 2045 6.7)."""
    mail.set_content(page.text(), subtype="plain", charset="utf-8", cte="quoted-printable")
    mail.add_alternative(page.html(), subtype="html", charset="utf-8", cte="quoted-printable")
    mail.set_boundary(f"=_{boundary}")  # from the id: a repeat is octet for octet the same mail
