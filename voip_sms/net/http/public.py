"""Which addresses belong to the public internet, and which exceptions the operator has made."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registry of IPv4, and what is no host of somebody else's (RFC 6890, 1112, 919).
_IPV4_CLOSED: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # behind a carrier's NAT (RFC 6598); some clouds keep metadata here
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_IPV6_OPEN: Final = IPv6Network("2000::/3")  # the only range that is given out (RFC 4291 section 2.4)
_IPV6_CLOSED: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address of anybody's choice
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def is_public(address: Address) -> bool:
    """Whether a stranger may have us connect there. IPv4 inside IPv6 counts as the IPv4 address."""
    plain = _unwrapped(address)
    if isinstance(plain, IPv4Address):
        return not any(plain in network for network in _IPV4_CLOSED)
    return plain in _IPV6_OPEN and not any(plain in network for network in _IPV6_CLOSED)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def read_address(text: str) -> Address:
    """An address as the resolver gives it; a zone (`fe80::1%eth0`) is no part of it. ValueError."""
    return ip_address(text.partition("%")[0])


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Networks that URLs of a scheme may lead to all the same."""

    networks: tuple[tuple[str, Network], ...] = ()

    def allow(self, scheme: str, address: Address) -> bool:
        """Whether the operator has opened this address to URLs of this scheme."""
        plain = _unwrapped(address)
        return any(scheme == known and plain in network for known, network in self.networks)


def read_exceptions(entries: Iterable[str]) -> Exceptions:
    """Exceptions as they are configured: `http://127.0.0.0/8`, `https://[fd00::]/8`; ValueError."""
    return Exceptions(tuple(map(_entry, entries)))


def _entry(text: str) -> tuple[str, Network]:
    scheme, _, rest = text.partition("://")
    if scheme not in ("http", "https"):
        raise ValueError(f"{text!r}: write scheme://network, such as http://192.168.0.0/16")
    return scheme, ip_network(rest.replace("[", "").replace("]", ""), strict=False)
