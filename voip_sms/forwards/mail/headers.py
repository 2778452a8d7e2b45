"""What headers may hold of what others chose: one line of it, addresses and Message-IDs only if clean."""

import re
from collections.abc import Iterator
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import SMTP, Policy
from typing import Final, Protocol

from voip_sms.core import addresses
from voip_sms.core.failures import Refusal
from voip_sms.core.mail.addressing import is_mailbox
from voip_sms.core.mail.composing import clean_subject
from voip_sms.core.model import MailThread

SHOWN: Final = 64
"""Characters of a sender in a header; numbers and names have a fifth of that."""
SUBJECT_SHOWN: Final = 200
"""Characters of a subject that somebody else wrote: programs find a thread by fewer."""
LOOP_HEADER: Final = "X-Loop"
"""Names our own domain in every mail of ours, so that one that comes back is recognised."""
_REFERENCES_MOST: Final = 12
_REFERENCES_OCTETS: Final = 2_000
"""RFC 5322 3.6.4 lets a program leave some out: the first and the last ones hold a thread together."""
_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}", re.ASCII)
_MESSAGE_ID: Final = re.compile(r"<[!-;=?-~]{1,120}@[!-;=?-~]{1,120}>", re.ASCII)
"""RFC 5322 3.6.4, narrower: visible ASCII without angle brackets."""
_OURS: Final = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)


class MailIdentity(Protocol):
    """What mails say about us: section `[mail]` of the configuration."""

    @property
    def domain(self) -> str:
        """Mail to number@domain becomes an SMS, so that answering a mail answers the SMS."""
        ...

    @property
    def sender(self) -> str:
        """The envelope's sender, and the address shown where nobody can be answered by SMS."""
        ...

    @property
    def relay(self) -> str:
        """The server that takes our mails."""
        ...


class _MessageIds(UnstructuredHeader, BaseHeader):
    """Message-IDs, folded between them and never inside one.

    COMPAT CPython 3.11: the library takes these headers for free text, and turns an id that is longer than
    a line (Exchange's are) into an encoded word, which no mail program finds its mail by.
    """

    max_count = 1

    def fold(self, *, policy: Policy) -> str:
        """The header with one id on each line."""
        return f"{self.name}: {(policy.linesep + ' ').join(self.split())}{policy.linesep}"


_registry = HeaderRegistry()
_registry.map_to_type("in-reply-to", _MessageIds)
_registry.map_to_type("references", _MessageIds)
POLICY: Final = SMTP.clone(header_factory=_registry)
"""How our mails are written."""


def is_address(target: str) -> bool:
    """Whether mail can go there: plain ASCII, no quoting, nothing that a header would read otherwise."""
    return is_mailbox(target) and "=?" not in target


def line(text: str, most: int = SHOWN) -> str:
    """What somebody else chose, as part of a header: one line of visible characters.

    COMPAT CPython 3.11: an encoded word (RFC 2047) in a header is decoded when it is set, and a line end in
    it becomes a new header line when it is written. So that none is seen, its opening is pulled apart.
    """
    visible = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(visible.replace("=?", "= ?").split())[:most]


def author(sender: str, identity: MailIdentity, country: str) -> Address:
    """`"+48601123456" <48601123456@domain>`: an answer to it is an SMS; a name can't be answered.

    The + stays where `country` would read the digits as a number of its own: `+49…@domain`.
    """
    shown = line(sender)
    if _NUMBER.fullmatch(shown):
        return Address(shown, local_part(shown, country), identity.domain)
    return Address(shown, addr_spec=identity.sender)


def local_part(number: str, country: str) -> str:
    """What stands before our domain where `number` (E.164) is written to."""
    digits = number.removeprefix("+")
    try:
        known = addresses.number(digits, country).e164 == f"+{digits}"
    except Refusal:
        known = False
    return digits if known else number


def answerable(sender: str) -> bool:
    """Whether an SMS can go back to whoever wrote: names and short codes take none."""
    return sender.startswith("+") and _NUMBER.fullmatch(sender) is not None


# --- threads ------------------------------------------------------------------------------------------------


def subject_of(thread: MailThread | None, fallback: str) -> str:
    """`Re: ` and the subject that was answered: programs sort by it; `fallback` where there is none."""
    asked = clean_subject(line(thread.subject, SUBJECT_SHOWN)) if thread is not None else ""
    return f"Re: {asked}" if asked else fallback


def answered(thread: MailThread | None, domain: str) -> tuple[str, tuple[str, ...]]:
    """In-Reply-To and References (RFC 5322 3.6.4); ids that aren't well formed are left out."""
    if thread is None:
        return "", ()
    last = _message_id(thread.message_id, domain)
    found = [_message_id(one, domain) for one in (*thread.references, thread.message_id)]
    return last, tuple(_bounded([one for one in dict.fromkeys(found) if one]))


def _message_id(text: str, domain: str) -> str:
    if _MESSAGE_ID.fullmatch(text) and "=?" not in text:
        return text
    return f"<{text}@{domain}>" if _OURS.fullmatch(text) else ""


def _bounded(ids: list[str]) -> Iterator[str]:
    """The first, and the last ones that there is room for."""
    room = _REFERENCES_OCTETS - sum(map(len, ids[:1]))
    kept: list[str] = []
    for one in reversed(ids[1:]):
        room -= len(one)
        if room < 0 or len(kept) + 1 >= _REFERENCES_MOST:
            break
        kept.append(one)
    yield from ids[:1]
    yield from reversed(kept)
