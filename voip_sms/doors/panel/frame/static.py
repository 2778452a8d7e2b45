"""The panel's own files, under a path that changes with what is in them: a browser asks for each once."""

import hashlib
from importlib import resources
from typing import Final

from aiohttp import web

from voip_sms.doors.panel.frame.headers import dress
from voip_sms.doors.panel.frame.routes import ROOT

_KINDS: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".ico": "image/x-icon",
}
_TEXTS: Final = frozenset({".css", ".js", ".svg"})
_HASH: Final = 16
"""Hex digits of the hash: as many as nobody meets twice."""


class Static:
    """Read once: a file that changes is another version's."""

    def __init__(self) -> None:
        folder = resources.files("voip_sms.doors.panel").joinpath("static")
        self._files = {
            one.name: one.read_bytes()
            for one in sorted(folder.iterdir(), key=lambda one: one.name)
            if _kind(one.name) in _KINDS
        }
        whole = hashlib.sha256()
        for name, body in self._files.items():
            whole.update(name.encode() + b"\0" + hashlib.sha256(body).digest())
        self._hash = whole.hexdigest()[:_HASH]

    def path(self, name: str) -> str:
        """Where a file is. KeyError: there is none."""
        if name not in self._files:
            raise KeyError(name)
        return f"{ROOT}/static/{self._hash}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """GET /panel/static/{hash}/{name}. 404 also for another version's."""
        name = request.match_info["name"]
        body = self._files.get(name)
        if body is None or request.match_info["hash"] != self._hash:
            raise web.HTTPNotFound
        kind = _kind(name)
        response = web.Response(
            body=body, content_type=_KINDS[kind], charset="utf-8" if kind in _TEXTS else None
        )
        dress(response, immutable=True)
        return response


def _kind(name: str) -> str:
    return name[name.rfind(".") :] if "." in name else ""
