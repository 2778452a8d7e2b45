"""A mail whose writer was proven, on its way to the engine, and what became of it."""

from dataclasses import dataclass

from voip_sms.core.directory import MailSender
from voip_sms.core.failures import Refusal
from voip_sms.core.mail.addressing import Recipient
from voip_sms.core.model import Item
from voip_sms.wire.mail.model import Mail


@dataclass(frozen=True, slots=True)
class Letter:
    """`recipients`: of the envelope, in order. `digest`: SHA-256 of the mail's octets; it stands for a
    Message-ID that is missing. `proof`: how the writer was proven, in words for the trace (`auth`, `token`,
    `dkim example.pl`).
    """

    sender: MailSender
    mail: Mail
    recipients: tuple[Recipient, ...]
    digest: bytes
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of one recipient of the envelope: a message or a refusal for each number of a group."""

    recipient: Recipient
    items: tuple[Item, ...] = ()
    refused: Refusal | None = None

    @property
    def accepted(self) -> bool:
        """Whether anything came of it: a stored message, or (for `info@`) a queued answer."""
        return self.refused is None and (not self.items or any(item.message for item in self.items))

    @property
    def why_not(self) -> Refusal | None:
        """The first reason, where nothing came of it."""
        if self.accepted:
            return None
        return self.refused or next((item.refused for item in self.items if item.refused), None)
