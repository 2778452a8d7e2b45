"""Whose address a request comes from, also where a proxy in front passes it on."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol

from multidict import MultiMapping

Proxies = Sequence[IPv4Network | IPv6Network]
_HEADER = "x-forwarded-for"


class Asking(Protocol):
    """What is looked at of a request: aiohttp's, or one that came directly (`net/http/direct.py`)."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, found in lower case."""
        ...

    @property
    def remote(self) -> str | None:
        """The address that is connected with us."""
        ...


def source_of(request: Asking, proxies: Proxies) -> str:
    """The address that asks, "" for none. `proxies`: whose word in X-Forwarded-For counts.

    Each proxy adds whom it heard at the end: from there back, the first that is no proxy of ours has asked.
    What stands before it anybody may have written.
    """
    heard = request.remote or ""
    if not _is_among(heard, proxies):
        return heard
    for said in reversed(_said(request.headers)):
        if not _is_address(said):
            return heard
        heard = said
        if not _is_among(said, proxies):
            return said
    return heard


def _said(headers: Mapping[str, str]) -> list[str]:
    """The entries of all header lines of the name, in order; an IPv6 address may stand in brackets."""
    lines = headers.getall(_HEADER, []) if isinstance(headers, MultiMapping) else [headers.get(_HEADER, "")]
    entries = (entry.strip() for line in lines for entry in line.split(","))
    return [entry.removeprefix("[").removesuffix("]") for entry in entries if entry]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_among(text: str, networks: Proxies) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
