"""Where a server listens, as settings spell it: `host:port`."""

from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import AfterValidator

PORT_MAX: Final = 65535


def split_listener(text: str) -> tuple[str, int]:
    """Host (v6 without brackets) and port of `host:port`; ValueError that says what to write."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host == f"[{bare}]"
    if not (colon and bare and port.isascii() and port.isdigit()) or (":" in bare) != bracketed:
        raise ValueError("must be host:port such as 127.0.0.1:8080; empty switches it off, port 0 picks one")
    if int(port) > PORT_MAX:
        raise ValueError(f"{port} is no port; write 0 to {PORT_MAX}")
    return bare, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it; also an IPv4 address as IPv6 sockets show it."""
    try:
        found = ip_address(host)
    except ValueError:
        return host == "localhost"
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _listener(text: str) -> str:
    """`host:port`, `[v6]:port` or '' for none."""
    if text:
        split_listener(text)
    return text


Listener = Annotated[str, AfterValidator(_listener)]
"""One listener, or "" for none."""
