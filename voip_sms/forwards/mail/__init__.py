"""Mails to customers: inbound SMS, and what became of what they sent."""

from voip_sms.forwards.mail.compose import compose
from voip_sms.forwards.mail.forwarder import MailForwarder, Sign
from voip_sms.forwards.mail.headers import MailIdentity

__all__ = ["MailForwarder", "MailIdentity", "Sign", "compose"]
