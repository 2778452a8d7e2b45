"""Nonces without memory, and the window of nonce counts that stops replays (RFC 7616 5.4, 5.5)."""

import hashlib
import hmac
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from enum import Enum
from typing import Final

_STAMP: Final = 5
_SALT: Final = 7
_MAC: Final = 12
"""Octets of time in seconds, salt and truncated HMAC: 24 octets, 32 characters."""
COUNT_WINDOW: Final = 64
"""How far behind the highest nonce count a late request may be: a phone has a handful in flight."""


class NonceState(Enum):
    """What a nonce is worth."""

    FRESH = "fresh"
    STALE = "stale"
    FOREIGN = "foreign"


class NonceMint:
    """Makes nonces that prove their own age: a challenge costs no memory and survives a restart."""

    def __init__(self, key: bytes, lifetime: float = 900.0) -> None:
        """`lifetime` in seconds: three registration intervals, so most requests need no second challenge."""
        if len(key) < 16:  # noqa: PLR2004 - 128 bits
            raise ValueError("nonce key too short")
        self._key = key
        self._lifetime = lifetime

    def mint(self, now: float, salt: bytes) -> str:
        """A nonce of this second; `salt` (random, at least 7 octets) tells it from its neighbours."""
        head = int(now).to_bytes(_STAMP, "big") + salt[:_SALT].ljust(_SALT, b"\0")
        return urlsafe_b64encode(head + self._mac(head)).decode("ascii")

    def state(self, nonce: str, now: float) -> NonceState:
        """Whether the nonce is ours and young enough. FOREIGN may also be one of before a change of key."""
        try:
            octets = urlsafe_b64decode(nonce.encode("ascii"))
        except ValueError:
            return NonceState.FOREIGN
        head, mac = octets[: _STAMP + _SALT], octets[_STAMP + _SALT :]
        if len(octets) != _STAMP + _SALT + _MAC or not hmac.compare_digest(mac, self._mac(head)):
            return NonceState.FOREIGN
        age = now - int.from_bytes(head[:_STAMP], "big")
        return NonceState.FRESH if -self._lifetime <= age <= self._lifetime else NonceState.STALE

    def tag(self, text: str) -> str:
        """A short token that is always the same for `text`: To-tags of replies sent without memory."""
        return b32encode(self._mac(text.encode("utf-8", "surrogateescape"))[:10]).decode("ascii").lower()

    def _mac(self, octets: bytes) -> bytes:
        return hmac.digest(self._key, octets, hashlib.sha256)[:_MAC]


class NonceCounts:
    """Remembers which nonce counts were used; a request repeated octet for octet may use its count again.

    Holds the `capacity` most recently used (nonce, client) pairs; what falls out is trusted once more: the
    idempotency of the store covers that.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        """20,000 pairs are one per phone of a large installation, at about 400 octets each."""
        self._capacity = capacity
        self._seen: OrderedDict[str, dict[int, bytes]] = OrderedDict()

    def admit(self, client: str, count: int, fingerprint: bytes) -> bool:
        """Use `count` (1 and up) for `client`, the text of nonce, cnonce and user; False means replay.

        `fingerprint` says which request it is: the same one may come again, another may not.
        """
        used = self._seen.get(client)
        if used is None:
            self._seen[client] = {count: fingerprint}
            if len(self._seen) > self._capacity:
                self._seen.popitem(last=False)
            return True
        self._seen.move_to_end(client)
        known = used.get(count)
        if known is not None:
            return known == fingerprint
        if count <= max(used) - COUNT_WINDOW:
            return False
        used[count] = fingerprint
        if len(used) > COUNT_WINDOW:
            del used[min(used)]
        return True
