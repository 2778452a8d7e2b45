"""The headers that every answer of the panel carries."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from voip_sms.net.http.problems import SERVER

HEADERS: Final[Mapping[str, str]] = {
    # No inline script or style, nothing from elsewhere, in nobody's frame (CSP level 3).
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Our own forms still say where they come from: with no-referrer browsers send Origin: null.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": SERVER,
}
_KEPT_BY_NOBODY: Final = "no-store"
_A_YEAR: Final = "public, max-age=31536000, immutable"
"""For what has its hash in its path."""


def dress(response: web.StreamResponse, *, immutable: bool = False) -> None:
    """Set them, before the response is prepared."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = _A_YEAR if immutable else _KEPT_BY_NOBODY
