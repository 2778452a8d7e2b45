"""Where a phone can be called whose connection is gone: at its Contact, if that is no private address."""

from ipaddress import ip_address
from typing import Final

from voip_sms.net.sip.traffic import Target
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.uri import SipUri, parse_host_port, parse_uri

PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}
"""RFC 3261 19.1.2."""


def dial(contact: str, source: str, transport: str) -> Target | None:
    """Where to send instead of over the lost connection, or None: behind a NAT nobody can be called.

    `contact` is the registered URI, `source` the `host:port` that REGISTER came from, over `transport`. Only
    a Contact on the very host that registered is believed: anything else is private, or somebody else's.
    """
    try:
        uri = parse_uri(contact)
        came_from, _ = parse_host_port(source)
    except GrammarError:
        return None
    if not isinstance(uri, SipUri) or not _same(uri.host, came_from):
        return None
    over = "tls" if uri.secure else uri.params.get("transport", transport).lower()
    if over not in PORTS:
        return None
    return Target(over, uri.host.strip("[]"), uri.port or PORTS[over])


def _same(one: str, other: str) -> bool:
    try:
        return ip_address(one.strip("[]")) == ip_address(other.strip("[]"))
    except ValueError:
        return False
