"""Addresses of listeners and peers: `host:port` texts, and the network that a peer counts as."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_HIGHEST_PORT = 65_535


def read_listen(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8080` or `[::1]:8080`; ValueError that says what to write."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    plain = bool(colon and host) and (bracketed or ":" not in host)
    if not (plain and port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT):
        raise ValueError(f"{text!r} is no address to listen at: write host:port, such as 127.0.0.1:8080")
    return host, int(port)


def show_listen(host: str, port: int) -> str:
    """The text that `read_listen` reads."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(maxsize=1024)  # whoever talks with us now; each request and mail asks again
def source_of(peer: str | None) -> str:
    """What a peer is counted as: an IPv4 address itself, of an IPv6 address its /64.

    One customer's line has a whole IPv6 /64 (RFC 6177 section 2): counting addresses would count nothing.
    """
    try:
        address = ip_address(peer or "")
    except ValueError:
        return peer or ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64)) + "/64"
    return str(address)
