"""DNS: whether phones and mail servers find this service by its domains."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

from voip_sms.app.doctor.findings import Finding
from voip_sms.app.settings import Settings
from voip_sms.net.listeners import split_listener

Resolve = Callable[[str], list[str]]

_UNREAL: Final = (".test", ".example", ".invalid", ".localhost", ".local", ".lan", ".internal", ".home.arpa")
"""Names that no public DNS has (RFC 6761, RFC 6762, RFC 8375), or that only one network knows."""
_SERVICES: Final = (
    ("udp", "_sip._udp", "5060"),
    ("tcp", "_sip._tcp", "5060"),
    ("tls", "_sips._tcp", "5061"),
)
"""RFC 3263 4.1, in the order in which we'd have phones choose them last to first."""


def resolve(host: str) -> list[str]:
    """The addresses of a name as this system knows it; empty if there are none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def look(settings: Settings, resolved: Resolve = resolve) -> Iterator[Finding]:
    """`sip.domain`, and `mail.domain` where mail is taken."""
    yield _sip(settings, resolved)
    if settings.mail.listen or settings.mail.tls_listen:
        yield _mail(settings.mail.domain, resolved)


def _sip(settings: Settings, resolved: Resolve) -> Finding:
    domain = settings.sip.domain
    addresses = resolved(domain)
    if not addresses:
        if domain.endswith(_UNREAL) or "." not in domain:
            text = f"{domain} is in no public DNS"
            return Finding(
                "ok", "sip.domain", text, "phones need this machine's address as their outbound proxy"
            )
        advice = f"give phones our address as outbound proxy, or add: {'; '.join(records(settings))}"
        return Finding("warn", "sip.domain", f"{domain} has no address", advice)
    ours = [address for address in addresses if is_own(address)]
    shown = ", ".join(addresses)
    if not ours:
        advice = "fine behind a NAT or a proxy that hands SIP on to us; else correct its records"
        return Finding("warn", "sip.domain", f"{domain} is {shown}, none of them this machine's", advice)
    return Finding("ok", "sip.domain", f"{domain} is {shown}", "SRV records are not looked at")


def records(settings: Settings) -> Iterator[str]:
    """The records with which phones find every listener by the domain alone (RFC 3263)."""
    domain = settings.sip.domain
    yield f"{domain}. A <our address>"
    for transport, service, usual in _SERVICES:
        listener = getattr(settings.sip, transport)
        first = listener if isinstance(listener, str) else next(iter(listener), "")
        if first:
            port = split_listener(first)[1] or usual
            yield f"{service}.{domain}. SRV 10 0 {port} {domain}."


def is_own(address: str) -> bool:
    """Whether this machine has the address: then a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _mail(domain: str, resolved: Resolve) -> Finding:
    addresses = resolved(domain)
    if not addresses:
        advice = (
            f"add: {domain}. MX 10 <our name>.  (if it has one, this is fine: MX records are not looked at)"
        )
        return Finding("warn", "mail.domain", f"{domain} has no address", advice)
    return Finding("ok", "mail.domain", f"{domain} is {', '.join(addresses)}", "MX records are not looked at")
