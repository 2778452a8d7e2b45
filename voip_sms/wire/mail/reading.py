"""A whole mail: who wrote it, in what thread, and its text.

Broken mails are read as far as they go; what had to be guessed or is lost is flagged in the body. Whoever
checks the author (SPF, DKIM, DMARC) takes `from_address` from here, so that both speak of the same one.
"""

import re
from dataclasses import replace
from typing import Final

from voip_sms.wire.mail.auto import kind_of
from voip_sms.wire.mail.bodies import read_body
from voip_sms.wire.mail.charsets import Decoded
from voip_sms.wire.mail.heads import (
    MAX_VALUE,
    Fields,
    addresses,
    message_ids,
    split_head,
    subject_of,
)
from voip_sms.wire.mail.model import Auto, Body, Cut, Mail, MailBroken
from voip_sms.wire.mail.parts import Splitter

__all__ = ["Auto", "Body", "Cut", "Mail", "MailBroken", "read_mail"]

MAX_REFERENCES: Final = 50
"""Ids of a thread that are kept: the first, which began it, and the latest."""
MAX_LOOPS: Final = 50
_PASSED_ON: Final = re.compile(r"\s{0,3}(?:fwd?|wg|pd|wł|przekazane|przek)\s{0,3}:", re.IGNORECASE)


def read_mail(octets: bytes) -> Mail:
    """The mail in `octets`, as it came after DATA (dots already unstuffed), with CRLF or LF.

    Raises MailBroken only if there is no head, or one that no mail program writes (256 KiB, 2,000 fields).
    """
    start = octets.find(b"\n") + 1 if octets.startswith((b"From ", b">From ")) else 0
    fields, at = split_head(octets, start)
    if not fields.pairs:
        raise MailBroken("no header field")
    splitter = Splitter(octets)
    root = splitter.part(fields, at, len(octets))
    subject = subject_of(fields)
    name, address = _author(fields)
    body, attachments = read_body(
        octets, root, forwarded=bool(_PASSED_ON.match(subject.text)), overflow=splitter.overflow
    )
    return Mail(
        from_address=address,
        from_name=name,
        to=_recipients(fields, "to"),
        cc=_recipients(fields, "cc"),
        subject=subject.text,
        message_id=next(iter(message_ids(fields.first("message-id"))), ""),
        references=_references(fields),
        in_reply_to=next(iter(message_ids(fields.first("in-reply-to"))), ""),
        auto=kind_of(fields, root.kind, address, subject.text),
        hops=fields.count("received"),
        loops=tuple(fields.all("x-loop")[:MAX_LOOPS]),
        body=_flagged(body, subject),
        attachments=attachments,
    )


def _author(fields: Fields) -> tuple[str, str]:
    """Name and address of the one author; without an address if there are several, or From stands twice."""
    lines = fields.all("from")
    found = addresses(lines[0][:MAX_VALUE]) if len(lines) == 1 else []
    if len(found) == 1:
        return found[0]
    return (found[0][0], "") if found else ("", "")


def _recipients(fields: Fields, name: str) -> tuple[str, ...]:
    return tuple(address for _, address in addresses(fields.first(name, 8 * MAX_VALUE)) if address)


def _references(fields: Fields) -> tuple[str, ...]:
    found = message_ids(fields.first("references", 8 * MAX_VALUE))
    return found if len(found) <= MAX_REFERENCES else (found[0], *found[1 - MAX_REFERENCES :])


def _flagged(body: Body, subject: Decoded) -> Body:
    """The subject may become text: what is wrong with it is wrong with the mail."""
    if not (subject.repaired or subject.damaged):
        return body
    return replace(body, repaired=body.repaired or subject.repaired, damaged=body.damaged or subject.damaged)
