"""Marks that only this service can make: of a form, that its page was ours; of a notice, that we wrote it."""

import base64
import hashlib
import hmac
from typing import Final

import orjson

FIELD: Final = "csrf"
"""The hidden field of every form."""
_OCTETS: Final = 18
"""144 bits of the HMAC: nobody guesses them, and they end without padding in base64."""


class Seal:
    """HMAC-SHA256 under a key of the service (RFC 2104), bound to a browser's session or visit."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 secret octets, the same on every node."""
        self._key = hmac.digest(key, b"panel", hashlib.sha256)

    def form(self, bound_to: str) -> str:
        """The token of this browser's forms."""
        return self._mark(b"form", bound_to, b"")

    def is_ours(self, token: str, bound_to: str) -> bool:
        """Whether a posted token is of this browser."""
        return bool(bound_to) and hmac.compare_digest(
            self.form(bound_to).encode(), token.encode("utf-8", "replace")
        )

    def written(self, value: object, bound_to: str) -> str:
        """A small value for a cookie, which nobody but us can write."""
        body = base64.urlsafe_b64encode(orjson.dumps(value))
        return f"{body.decode().rstrip('=')}.{self._mark(b'value', bound_to, body)}"

    def read(self, text: str, bound_to: str) -> object | None:
        """What `written` wrote for this browser; None for anything else."""
        bare, _, mark = text.partition(".")
        body = bare.encode("utf-8", "replace")
        body += b"=" * (-len(body) % 4)
        ours = self._mark(b"value", bound_to, body).encode()
        if not hmac.compare_digest(ours, mark.encode("utf-8", "replace")):
            return None
        value: object = orjson.loads(base64.urlsafe_b64decode(body))
        return value

    def _mark(self, what: bytes, bound_to: str, body: bytes) -> str:
        said = b"\0".join((what, bound_to.encode("utf-8", "replace"), body))
        return base64.urlsafe_b64encode(hmac.digest(self._key, said, hashlib.sha256)[:_OCTETS]).decode()
