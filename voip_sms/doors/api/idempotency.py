"""Makes a repeated request recognisable: the Idempotency-Key header and what it was used with."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import orjson

from voip_sms.core.directory import Account
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Idempotency

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
_LONGEST: Final = 255


def idempotency_of(keys: Sequence[str], account: Account, door: str, body: Any) -> Idempotency | None:
    """What the header's `keys` say, for a parsed `body`; None without any; Refusal `idempotency_key_invalid`.

    A key counts within (tenant, credential, door). The same body is the same JSON value, however it is
    spaced and ordered.
    """
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not (1 <= len(key) <= _LONGEST and key.isascii() and key.isprintable()):
        raise Refusal("idempotency_key_invalid", "send one key of 1 to 255 printable ASCII characters")
    scope = b"".join((account.tenant_id, account.id, door.encode(), b"\0", key.encode()))
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return Idempotency(sha256(scope).digest(), sha256(canonical).digest())
