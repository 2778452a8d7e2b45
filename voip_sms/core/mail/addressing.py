"""What the local part of one of our addresses means: a number, a group, or one of the service's own names."""

import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from voip_sms.core import addresses
from voip_sms.core.addresses import Address
from voip_sms.core.failures import Refusal

_LOCAL_LONGEST: Final = 100
"""RFC 5321 4.5.3.1.1 has 64; a token of 32 and a number with its separators stay below in any case."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{4,32}", re.ASCII)
_NUMBER: Final = re.compile(r"\+?[0-9(][0-9(). /-]*", re.ASCII)
_GROUP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_MAILBOX_LONGEST: Final = 254
"""RFC 5321 4.5.3.1.3, without the angle brackets."""
INFO: Final = "info"
SERVICE: Final = frozenset({"postmaster", "abuse", "mailer-daemon", "noreply", "no-reply"})
"""RFC 5321 4.5.1, RFC 2142 and what programs answer: never a group's."""


def is_mailbox(text: str) -> bool:
    """Whether mail can go there: a dot-atom at a domain (RFC 5321 4.1.2). Quoted ones are nobody's."""
    return len(text) <= _MAILBOX_LONGEST and _MAILBOX.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Number:
    """A phone, as it was typed; `token` "" if none was added."""

    typed: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One of a tenant's groups; names are compared without case."""

    name: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Info:
    """`info@`: a mail to it is answered with limits and use."""

    token: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A name that stands for whoever runs the service (`postmaster`)."""

    name: str
    token: str = ""


Recipient = Number | Group | Info | Service


@lru_cache(maxsize=1024)  # asked at RCPT, and again when the mail is there
def recipient_of(local: str) -> Recipient:
    """What `local` (before the @, without quotes) stands for: `601123456`, `+48601123456+k7q2`, `staff`.

    Refusal `recipient_invalid` for what can be none of these. That a number can't take an SMS, or that there
    is no such group, is not looked at: see `number_of` and `ports.Mailing.known`.
    """
    if not 1 <= len(local) <= _LOCAL_LONGEST:
        raise Refusal("recipient_invalid", "the address is too long for a number")
    sign = "+" if local.startswith("+") else ""
    name, plus, token = local.removeprefix("+").rpartition("+")
    if not plus:
        name, token = token, ""
    elif not _TOKEN.fullmatch(token):
        raise Refusal("recipient_invalid", "what follows the + is no token")
    token = token.lower()
    if _NUMBER.fullmatch(sign + name):
        return Number(sign + name, token)
    folded = name.lower()
    if sign or not _GROUP.fullmatch(name):
        raise Refusal("recipient_invalid", "write the number before the @, such as 601123456")
    if folded == INFO:
        return Info(token)
    return Service(folded, token) if folded in SERVICE else Group(folded, token)


def number_of(recipient: Number, country: str) -> Address:
    """The number that can take an SMS; Refusal `recipient_invalid` or `recipient_forbidden`."""
    return addresses.recipient(recipient.typed, country)


def shown(recipient: Recipient) -> str:
    """How it is called in notices: as it was typed, without its token."""
    match recipient:
        case Number(typed=typed):
            return typed
        case Info():
            return INFO
        case Group(name=name) | Service(name=name):
            return name


def proves(recipient: Recipient, token: str) -> bool:
    """Whether the address carries this sender's token; "" proves nothing. Wrong ones take equally long."""
    return bool(token) and hmac.compare_digest(recipient.token.encode(), token.lower().encode())
