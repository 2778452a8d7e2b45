"""Time-based one-time passwords: RFC 6238 over RFC 4226, as telephones' authenticator programs make them."""

import base64
import hashlib
import hmac
from typing import Final
from urllib.parse import quote, urlencode

SECRET_OCTETS: Final = 20
"""RFC 4226 section 4, R6: 160 bits are recommended; SHA-1's own size."""
PERIOD: Final = 30
"""Seconds of one step (RFC 6238 section 5.2)."""
DIGITS: Final = 6
"""What authenticator programs show; some know nothing else."""
WINDOW: Final = 1
"""Steps before and after this one that count: clocks differ, and typing takes time (RFC 6238 section 5.2)."""


def step_at(seconds: int) -> int:
    """The number of the step at `seconds` since the epoch (T of RFC 6238 section 4.2)."""
    return seconds // PERIOD


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """What the program shows during a step, with leading zeros (HOTP of RFC 4226 section 5.3)."""
    digest = hmac.new(secret, step.to_bytes(8), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def matching_step(secret: bytes, said: str, seconds: int, used: int) -> int | None:
    """The step whose code `said` is, if it is in the window and later than `used`; else None.

    `used`: the last step that was taken, -1 for none. A step is taken once (RFC 6238 section 5.2), and none
    before it afterwards. Wrong codes take equally long.
    """
    now = step_at(seconds)
    found = None
    for step in range(max(now - WINDOW, 0), now + WINDOW + 1):
        right = hmac.compare_digest(code(secret, step).encode(), said.encode("utf-8", "replace"))
        if right and step > used and found is None:
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """The secret as people type it into a program: base32 (RFC 4648) without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def otpauth(secret: bytes, issuer: str, account: str) -> str:
    """The URL that a QR code holds: `otpauth://totp/issuer:account?secret=…&issuer=…`.

    The form that authenticator programs share ("Key Uri Format"); what they take for granted is left out:
    SHA-1, six digits, thirty seconds.
    """
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    query = urlencode({"secret": secret_text(secret), "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{label}?{query}"
