"""A whole mail: its head, who wrote it, and its text."""

from voip_sms.wire.mail.model import Auto, Body, Cut, Mail, MailBroken

__all__ = ["Auto", "Body", "Cut", "Mail", "MailBroken"]
