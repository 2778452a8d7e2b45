"""Whether a request comes from our own page or from a program, and not from a page elsewhere."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

# Names that nobody can register, so that no stranger's name leads here (RFC 6761, RFC 8375, RFC 9476).
_OURS: Final = (".localhost", ".test", ".local", ".internal", ".home.arpa", ".lan")


def is_foreign(request: web.Request) -> bool:
    """Whether a browser sent this for another site's page, or under a name that a stranger may own.

    Fetch Metadata (W3C) and Origin (RFC 6454) say for whom; what has neither comes from no browser. A name
    of a stranger's that leads to loopback (DNS rebinding) makes its page look like ours: only Host tells.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is None and origin is None:
        return False
    if site not in (None, "same-origin", "none"):
        return True
    if origin is not None and urlsplit(origin).netloc != request.host:
        return True
    return not _is_ours(request.host)


def from_our_page(request: web.Request) -> bool:
    """Whether a form of ours was sent: a browser says so, and nothing speaks against it."""
    said = "Sec-Fetch-Site" in request.headers or "Origin" in request.headers
    return said and not is_foreign(request)


def _is_ours(host: str) -> bool:
    """A literal address, a name without a dot, or one that can't be registered."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_OURS)
    return True
