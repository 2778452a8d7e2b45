"""Two people who edit one object: the second is told that it was changed meanwhile, and by whom."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.core import clock
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.store.audit import AuditFilter, page_of_entries

_CHARACTERS: Final = 32
"""128 bits: no two states of an object are taken for one."""


def seen_of(shown: Mapping[str, Any]) -> str:
    """A digest of an object as it was shown: a form carries it, and `change` compares it."""
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_CHARACTERS]


def check_seen(connection: Connection, tenant_id: Id, now_shown: Mapping[str, Any], seen: str) -> None:
    """Refusal `conflict` if the object is another one than was `seen`; "" has seen whatever is there.

    Its data: `who` changed it and `at` (RFC 3339), where the audit log says so.
    """
    if not seen or seen == seen_of(now_shown):
        return
    # Of this object, the newest: it was changed since somebody opened a form, so it stands near the end.
    only = AuditFilter(object=str(now_shown.get("id", "")))
    found, _ = page_of_entries(connection, tenant_id, only, limit=1)
    if not found:
        raise Refusal("conflict", "somebody changed it meanwhile")
    entry = found[0].entry
    data = {"who": entry.by.who, "at": clock.to_rfc3339(entry.at)}
    raise Refusal("conflict", f"{entry.by.who} changed it meanwhile", data)
