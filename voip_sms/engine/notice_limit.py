"""Bounds the notices of failure: a phone that answers each by itself must not write and be told for ever.

Such an answer is an SMS to the number that could not be reached; it fails too, and a notice of it follows.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from voip_sms.core.clock import HOUR
from voip_sms.store.units import Read, Rows, State, by_key

NOTICES: Final = 10
WITHIN: Final = 12 * HOUR
"""Notices about one number to one account: more than a person causes, and a loop costs little."""


def slots(message: Mapping[str, Any]) -> Iterable[Read]:
    """What `take_slot` looks at; `message` is the row of the SMS that failed."""
    return [by_key("loop_guard", digest) for digest in _digests(message)]


def take_slot(rows: Rows, state: State, message: Mapping[str, Any], now: int) -> bool:
    """Count one notice; False: there were too many."""
    for digest in _digests(message):
        guard = state.get("loop_guard", digest)
        if guard is None:
            rows.insert("loop_guard", digest=digest, until=now + WITHIN)
            return True
        if guard["until"] <= now:
            rows.update("loop_guard", (digest,), until=now + WITHIN)
            return True
    return False


def _digests(message: Mapping[str, Any]) -> list[bytes]:
    pair = b"\0".join((message["tenant_id"], message["account"].encode(), message["recipient"].encode()))
    return [hashlib.sha256(b"notice\0%d\0%b" % (number, pair)).digest() for number in range(NOTICES)]
