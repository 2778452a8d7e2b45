"""Entries of the audit log as `/v1`, the panel and the command line show them."""

from typing import Any, Literal

from pydantic import Field

from voip_sms.core import audit
from voip_sms.core.audit import Link
from voip_sms.core.resources.messages import Shown

ACTIONS = frozenset({"added", "changed", "removed", "rotated", "replayed"})


class AuditEntryShown(Shown):
    """One administrative act: who did what, and which fields were and are then different.

    `tenant`: whose chain it is in, null for the operator's. `label` is what `apply` calls the object,
    `object` its id where it has one. Of secrets `before` and `after` say `(set)` or `(changed)`. `seq`,
    `prev` and `hash` (hex) come with its seal, some seconds later: `hash` is the SHA-256 of the octets of
    `prev` and of this object without these three, as JSON in ASCII with sorted keys and without blanks.
    """

    id: str
    tenant: str | None
    at: str = Field(json_schema_extra={"format": "date-time"})
    who: str
    door: Literal["api", "apply", "cli", "panel"]
    action: Literal["added", "changed", "removed", "rotated", "replayed"]
    kind: str
    label: str
    object: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    seq: int | None
    prev: str | None
    hash: str | None


class AuditEntriesShown(Shown):
    """A page of the audit log."""

    data: list[AuditEntryShown]
    has_more: bool


def entry_resource(link: Link) -> dict[str, Any]:
    """An entry in its place as `AuditEntryShown`."""
    return {
        **audit.shown(link.entry),
        "seq": link.seq,
        "prev": None if link.prev is None else link.prev.hex(),
        "hash": None if link.hash is None else link.hash.hex(),
    }
