"""Reads what a tenant's rules kept from it: inbound messages that were blocked, and by which rule."""

import json
from typing import Any

from sqlalchemy import Connection, select, text

from voip_sms.core.directory import Id
from voip_sms.core.model import Message, Step
from voip_sms.store.messages import LIST_LIMIT, as_message
from voip_sms.store.tables import message, message_text

_BLOCKED = text("message.error_code = 'blocked'")
"""As the index has it."""


def list_blocked(
    connection: Connection, tenant_id: Id, *, limit: int, starting_after: Id | None = None
) -> tuple[list[tuple[Message, Step]], bool]:
    """Messages with the step of their trace that blocked them, newest first, and whether more follow."""
    limit = max(1, min(limit, LIST_LIMIT))
    both = message.outerjoin(message_text, message_text.c.message_id == message.c.id)
    wanted = select(message, message_text.c.body).select_from(both)
    wanted = wanted.where(message.c.tenant_id == tenant_id, _BLOCKED, message.c.direction == "inbound")
    if starting_after is not None:
        wanted = wanted.where(message.c.id < starting_after)
    rows = connection.execute(wanted.order_by(message.c.id.desc()).limit(limit + 1)).mappings().all()
    found = [(as_message(dict(row), row["body"]), _why(row)) for row in rows[:limit]]
    return found, len(rows) > limit


def _why(row: Any) -> Step:
    steps = [Step(*step) for step in json.loads(row["trace"])]
    return next((step for step in steps if step.decision == "blocked"), Step("", "blocked"))
