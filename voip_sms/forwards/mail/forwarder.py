"""Hands a mail to the relay: an inbound SMS, or a notice about what its reader sent."""

import asyncio
from collections.abc import Callable
from email.message import EmailMessage
from typing import Final

from voip_sms.core.failures import Outcome, Permanent, Temporary
from voip_sms.core.model import ForwardJob
from voip_sms.forwards.mail.compose import RECEIVED, compose, known
from voip_sms.forwards.mail.headers import POLICY, MailIdentity, is_address
from voip_sms.net.smtp import MailRelay

Sign = Callable[[bytes], bytes]
"""A mail with its DKIM-Signature in front. Blocks for some milliseconds, so it is called in a thread."""
NOBODY: Final = ""
"""The null reverse-path `<>` (RFC 5321 4.5.5): nothing comes back about a notice."""


class MailForwarder:
    """`ports.Forwarder` for mailboxes. Message-ID is the job's: a repeat is the same mail to its reader."""

    def __init__(self, identity: MailIdentity, country: str = "PL", *, sign: Sign | None = None) -> None:
        """ValueError when `identity.relay` is no URL of a relay; without one, mails wait.

        `country` reads numbers without +, as the mail door does. Without `sign`, mails aren't signed.
        """
        self._identity = identity
        self._country = country
        self._sign = sign
        self._relay = MailRelay(identity.relay, identity.domain) if identity.relay else None

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Hand one mail to the relay."""
        if self._relay is None:
            return Temporary("no_relay")
        if not known(job.event):
            return Permanent("event_unknown")
        if job.event == RECEIVED and job.message.text is None:
            return Permanent("text_gone")
        if not is_address(job.target):
            return Permanent("address_invalid", "only plain ASCII addresses are served")
        composed = compose(job, self._identity, self._country)
        mail = composed.as_bytes(policy=POLICY)
        if self._sign is not None:
            mail = await asyncio.to_thread(self._sign, mail)
        return await self._relay.send(self._envelope(job, composed), job.target, mail)

    def _envelope(self, job: ForwardJob, mail: EmailMessage) -> str:
        """Autoresponders answer the envelope's sender (RFC 3834 4): where they may, whoever texted."""
        if job.event != RECEIVED:
            return NOBODY
        return mail["From"].addresses[0].addr_spec if job.autoreply else self._identity.sender
