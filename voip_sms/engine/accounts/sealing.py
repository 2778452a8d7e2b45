"""Secrets as they are kept: digest hashes of SIP passwords, hashes of API keys and of mail passwords."""

import hashlib
import hmac
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from argon2.exceptions import Argon2Error
from argon2.low_level import Type, hash_secret, verify_secret

from voip_sms.core import ids
from voip_sms.wire.sip.digest import Algorithm, ha1

KEY_PREFIX: Final = "vsk"
KEY_OCTETS: Final = 16
"""128 bits: nobody guesses a key, so that a plain SHA-256 of it is safe to keep."""
HINT_LENGTH: Final = 8
_CHECK_LENGTH: Final = 6
_CHECK_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS: Final = 5

# Argon2id (RFC 9106), 19 MiB twice over, 30 ms: a stolen table is dear to guess through, a login is quick.
_MEMORY_KIB, _PASSES, _LANES = 19 * 1024, 2, 1
_HASH_OCTETS: Final = 32
_SALT_OCTETS: Final = 16
# RFC 7914: what passwords were kept as before. They are proven still, and sealed anew when they change.
_SCRYPT_BLOCK, _SCRYPT_PARALLEL = 8, 1
_SCRYPT_MEMORY: Final = 64 * 2**20

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A password on its way to being kept as a salted hash."""

    plain: str


def sip_hashes(user: str, realm: str, password: str) -> dict[str, str]:
    """HA1 by algorithm (RFC 7616 section 3.4.2): all that challenges of ours need."""
    return {algorithm.value: ha1(algorithm, user, realm, password) for algorithm in Algorithm}


def token_hash(token: str) -> bytes:
    """What an API key is found by."""
    return hashlib.sha256(token.encode()).digest()


def token_hint(token: str) -> str:
    """How a key begins: enough to recognise it, too little to guess it."""
    return token[:HINT_LENGTH]


def new_token(random: Random) -> str:
    """`vsk_` + 26 characters of chance + 6 of checksum, which tells a typing error from a wrong key."""
    body = ids.to_text(KEY_PREFIX, random(KEY_OCTETS))
    number = zlib.crc32(body.encode())
    return body + "".join(_CHECK_ALPHABET[number >> _BITS * place & 31] for place in range(_CHECK_LENGTH))


class Vault:
    """Makes and proves salted hashes, each pair once: planning twice costs the work of one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._proved: dict[tuple[str, str], bool] = {}
        self._made: dict[str, str] = {}

    def seal(self, secret: Sealed) -> str:
        """As `sealed` writes it."""
        if secret.plain not in self._made:
            self._made[secret.plain] = sealed(secret.plain, self._random)
        return self._made[secret.plain]

    def proves(self, secret: Sealed, stored: str | None) -> bool:
        """Whether `stored` was made of this secret."""
        if not stored:
            return False
        pair = (secret.plain, stored)
        if pair not in self._proved:
            self._proved[pair] = proves(secret.plain, stored)
        return self._proved[pair]


def sealed(password: str, random: Random) -> str:
    """A salted hash that begins with `$argon2id$` and says how it was made. Takes some 30 ms."""
    made = hash_secret(
        password.encode(),
        random(_SALT_OCTETS),
        time_cost=_PASSES,
        memory_cost=_MEMORY_KIB,
        parallelism=_LANES,
        hash_len=_HASH_OCTETS,
        type=Type.ID,
    )
    return made.decode()


def proves(password: str, stored: str) -> bool:
    """Whether `stored` was made of this password. Takes some 30 ms; what can't be read proves nothing."""
    if stored.startswith("scrypt$"):
        return _scrypt_proves(password, stored)
    try:
        return verify_secret(stored.encode(), password.encode(), Type.ID)
    except (Argon2Error, ValueError):  # of the hash, or of a text that is no Unicode
        return False


def _scrypt_proves(password: str, stored: str) -> bool:
    """`scrypt$cost$salt$hash` in hex."""
    try:
        _, cost, salt, expected = stored.split("$")
        found = hashlib.scrypt(
            password.encode(),
            salt=bytes.fromhex(salt),
            n=int(cost),
            r=_SCRYPT_BLOCK,
            p=_SCRYPT_PARALLEL,
            maxmem=_SCRYPT_MEMORY,
            dklen=_HASH_OCTETS,
        )
    except ValueError:
        return False
    return hmac.compare_digest(found.hex(), expected)
