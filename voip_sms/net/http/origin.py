"""Whether a request comes from our own page or from a program, and not from a page elsewhere."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

# Names that nobody can register, so that no stranger's name leads here (RFC 6761, RFC 8375, RFC 9476).
_OURS: Final = (".localhost", ".test", ".local", ".internal", ".home.arpa", ".lan")


def is_elsewhere(request: web.Request, known_as: str = "") -> bool:
    """Whether a browser says that it sent this for another site's page.

    Fetch Metadata (W3C) and Origin (RFC 6454) say for whom; what has neither comes from no browser.
    `known_as`: host and port that a proxy in front has, where it passes on another Host.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin", "none"):
        return True
    return origin is not None and _host_of(origin) not in {request.host.lower(), known_as.lower()} - {""}


def says_ours(request: web.Request, known_as: str = "") -> bool:
    """Whether a browser says that it sent this for our page."""
    return _is_a_browsers(request) and not is_elsewhere(request, known_as)


def is_foreign(request: web.Request) -> bool:
    """Whether it is for another site's page, or under a name that a stranger may own.

    A name of a stranger's that leads to loopback (DNS rebinding) makes its page look like ours: only Host
    tells. Where a session is needed this is no way in: its cookie belongs to our name.
    """
    if not _is_a_browsers(request):
        return False
    return is_elsewhere(request) or not _is_ours(request.host)


def from_our_page(request: web.Request) -> bool:
    """Whether a form of ours was sent: a browser says so, and nothing speaks against it."""
    return _is_a_browsers(request) and not is_foreign(request)


def _is_a_browsers(request: web.Request) -> bool:
    return "Sec-Fetch-Site" in request.headers or "Origin" in request.headers


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


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
