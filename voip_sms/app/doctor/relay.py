"""The mail relay: whether it answers, encrypts, lets us in, and takes mails of our size."""

import smtplib
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from voip_sms.app.doctor.findings import CONNECT, Finding
from voip_sms.doors.mail.settings import MailSettings
from voip_sms.net.listeners import is_loopback

LEAST: Final = 256 * 1024
"""Octets that a relay must take: a mail of ten parts with its headers has a tenth of that."""
_PORTS: Final = {"smtp": 25, "smtps": 465}


def look(settings: MailSettings, *, needed: bool) -> Iterator[Finding]:
    """`needed`: somebody has a forward to a mailbox. Nothing is sent."""
    if not settings.relay:
        advice = "set mail.relay: forwards to mailboxes need one"
        yield Finding("fail" if needed else "skip", "mail.relay", "none", advice)
        return
    parts = urlsplit(settings.relay)
    where = f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"
    try:
        with _connected(settings) as relay:
            yield from _dialogue(relay, settings, where)
    except ssl.SSLError as error:
        advice = (
            "its certificate must be for the host that mail.relay names, of an authority this system knows"
        )
        yield Finding("fail", "mail.relay", f"{where}: TLS: {error.reason or error}", advice)
    except smtplib.SMTPException as error:
        yield Finding("fail", "mail.relay", f"{where}: {error}", "does it take mail from this machine?")
    except OSError as error:
        found = f"{where}: {error.strerror or error}"
        if needed:
            yield Finding("fail", "mail.relay", found, "are host and port right, and is it running?")
        else:
            yield Finding("warn", "mail.relay", found, "nobody has a forward to a mailbox yet")


def _connected(settings: MailSettings) -> smtplib.SMTP:
    parts = urlsplit(settings.relay)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    helo = settings.domain
    if parts.scheme == "smtps":
        return smtplib.SMTP_SSL(
            host, port, local_hostname=helo, timeout=CONNECT, context=ssl.create_default_context()
        )
    return smtplib.SMTP(host, port, local_hostname=helo, timeout=CONNECT)


def _dialogue(relay: smtplib.SMTP, settings: MailSettings, where: str) -> Iterator[Finding]:
    parts = urlsplit(settings.relay)
    relay.ehlo_or_helo_if_needed()
    encrypted, near = parts.scheme == "smtps", is_loopback(parts.hostname or "")
    if not encrypted and relay.has_extn("starttls") and not near:
        relay.starttls(context=ssl.create_default_context())
        relay.ehlo()
        encrypted = True
    yield Finding("ok", "mail.relay", f"{where} answers{', encrypted' if encrypted else ''}")
    if not encrypted and not near:
        advice = "texts pass in the clear: a relay with STARTTLS, or one on this machine"
        yield Finding("warn", "mail.relay_tls", f"{where} offers no STARTTLS", advice)
    if parts.username:
        yield _login(relay, unquote(parts.username), unquote(parts.password or ""))
    yield from _size(relay)


def _login(relay: smtplib.SMTP, user: str, password: str) -> Finding:
    try:
        relay.login(user, password)
    except smtplib.SMTPException as error:
        return Finding("fail", "mail.relay_login", f"{user}: {error}", "user and password of mail.relay")
    return Finding("ok", "mail.relay_login", f"{user} may log in")


def _size(relay: smtplib.SMTP) -> Iterator[Finding]:
    """RFC 1870: 0, or no number, is no fixed limit."""
    offered = relay.esmtp_features.get("size", "").strip()
    if offered.isdecimal() and 0 < int(offered) < LEAST:
        yield Finding("warn", "mail.relay_size", f"it takes {offered} octets at most", f"raise it to {LEAST}")
