"""What is said to RCPT: whether an address is one of ours, and what it stands for."""

from collections.abc import Sequence

from voip_sms.core.directory import MailSender
from voip_sms.core.failures import Refusal
from voip_sms.core.mail.addressing import Recipient, recipient_of
from voip_sms.core.ports import Mailing
from voip_sms.doors.mail import answers
from voip_sms.doors.mail.answers import Answer


class Recipients:
    """Addresses at `domain`; `most` in one mail."""

    def __init__(self, mailing: Mailing, domain: str, most: int) -> None:
        self._mailing = mailing
        self._domain = domain
        self._most = most

    def look(self, address: str, before: Sequence[str], sender: MailSender | None) -> Answer | None:
        """Why `address` isn't taken beside those taken `before`, or None. `sender`: who logged in."""
        local, at, domain = address.rpartition("@")
        if (at and domain.lower().rstrip(".") != self._domain) or not (at or _is_postmaster(address)):
            return Answer(550, "5.7.1", *(one.format(domain=self._domain) for one in answers.NOT_OURS_TEXTS))
        if len(before) >= self._most:
            return answers.TOO_MANY_RECIPIENTS
        try:
            recipient = recipient_of(_unquoted(local if at else address))
        except Refusal as refusal:
            return answers.refused(refusal)
        unknown = self._mailing.known(recipient, sender)
        return answers.refused(unknown) if unknown is not None else None

    def read(self, addresses: Sequence[str]) -> tuple[Recipient, ...]:
        """Those that were taken, each once."""
        found = [recipient_of(_unquoted(one.rpartition("@")[0] or one)) for one in addresses]
        return tuple(dict.fromkeys(found))


def _unquoted(local: str) -> str:
    """`"601123456"` is the same mailbox as `601123456` (RFC 5321 4.1.2)."""
    return local[1:-1] if len(local) > 1 and local.startswith('"') and local.endswith('"') else local


def _is_postmaster(address: str) -> bool:
    """The one address that needs no domain (RFC 5321 4.1.1.3)."""
    return address.lower() == "postmaster"
