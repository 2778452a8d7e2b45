"""Whom a numeric address stands for where sources are counted."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address


@lru_cache(maxsize=1024)  # whoever talks with us now; each request and mail asks again
def site_of(host: str | None) -> str:
    """An IPv4 address itself, of an IPv6 address its /64 without the length; what is none stays as it is.

    A customer's line has a whole IPv6 /64 (RFC 6177 section 2) and may use every address in it: counting
    addresses would count nothing. None is "".
    """
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:
        return host or ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False).network_address)
