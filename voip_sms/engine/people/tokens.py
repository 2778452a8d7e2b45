"""What opens something and is kept as its hash only: ids of sessions, tokens of links, recovery codes."""

import base64
import hashlib
from collections.abc import Callable
from typing import Final

TOKEN_OCTETS: Final = 32
"""256 bits: nobody guesses one, so that a plain SHA-256 of it is safe to keep."""
TOKEN_LONGEST: Final = 128
"""Characters worth hashing: ours have 43."""
RECOVERY_CODES: Final = 10
_RECOVERY_OCTETS: Final = 10
"""80 bits: what is typed from paper, and still out of reach for whoever has its hash."""
_GROUP: Final = 4
_CODE_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing that is read as something else."""
_CODE_LENGTH: Final = 8
"""Of a registration code: 40 bits, few enough to type into a bank's form."""

Random = Callable[[int], bytes]


def new_token(random: Random) -> str:
    """43 characters that may stand in a URL and a cookie."""
    return base64.urlsafe_b64encode(random(TOKEN_OCTETS)).decode().rstrip("=")


def token_hash(token: str) -> bytes:
    """What a token is found by."""
    return hashlib.sha256(token[:TOKEN_LONGEST].encode("utf-8", "replace")).digest()


def new_recovery_codes(random: Random) -> tuple[str, ...]:
    """`abcd-efgh-ijkl-mnop`, each good for one sign-in without the telephone."""
    return tuple(_recovery_code(random(_RECOVERY_OCTETS)) for _ in range(RECOVERY_CODES))


def _recovery_code(octets: bytes) -> str:
    text = base64.b32encode(octets).decode().lower()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def recovery_hash(code: str) -> str:
    """Of a recovery code as it was typed: case, blanks and dashes don't count. Hex, for a JSON column."""
    bare = "".join(char for char in code[:TOKEN_LONGEST].lower() if char.isalnum())
    return hashlib.sha256(bare.encode("utf-8", "replace")).hexdigest()


def new_registration_code(random: Random) -> str:
    """`7K3M-Q2XA`: what a company writes into the title of its transfers."""
    number = int.from_bytes(random(5))
    text = "".join(_CODE_ALPHABET[number >> 5 * place & 31] for place in range(_CODE_LENGTH))
    return f"{text[:_GROUP]}-{text[_GROUP:]}"
