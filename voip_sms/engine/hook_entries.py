"""What the audit log tells of webhooks: new secrets, and hand-overs that were asked for once more."""

from collections.abc import Mapping
from typing import Any, Final

from voip_sms.core import ids
from voip_sms.core.audit import CHANGED, SET, By, Entry
from voip_sms.core.directory import Id
from voip_sms.core.resources.answers import FORWARD as FORWARD_ID
from voip_sms.core.resources.handovers import shown_url
from voip_sms.engine.accounts.inventory import forward_label
from voip_sms.engine.accounts.kinds import FORWARD
from voip_sms.engine.context import Context

HAND_OVERS: Final = "webhook_deliveries"
"""The kind of what is replayed."""


def rotated(context: Context, row: Mapping[str, Any], by: By, owner: str) -> Entry:
    """The rule `row`, as it was, gets a new secret; `owner` is the tenant's name."""
    was = bool(row["secret"])
    told = {**row, "targets": [shown_url(target) for target in row["targets"]]}
    return Entry(
        id=context.new_id(),
        tenant_id=row["tenant_id"],
        at=context.clock.now(),
        by=by,
        action="rotated",
        kind=FORWARD.name,
        label=f"tenants[{owner}]{forward_label(told)}",
        object_id=ids.to_text(FORWARD_ID, row["id"]),
        before={"secret": SET if was else None},
        after={"secret": CHANGED if was else SET},
    )


def replayed(context: Context, tenant_id: Id, by: By, owner: str, event: str = "") -> Entry:
    """One hand-over (`evt_…`), or several: whoever queues them adds how many."""
    which = f"[{event}]" if event else ""
    return Entry(
        id=context.new_id(),
        tenant_id=tenant_id,
        at=context.clock.now(),
        by=by,
        action="replayed",
        kind=HAND_OVERS,
        label=f"tenants[{owner}].{HAND_OVERS}{which}",
        object_id=event,
        before={},
        after={},
    )
