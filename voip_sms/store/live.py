"""Reads a tenant's newest messages as they stand, to see what has changed since the last look."""

from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from voip_sms.core.directory import Id
from voip_sms.store.lists import other_end
from voip_sms.store.tables import message

LOOKED_AT: Final = 200
"""The newest messages whose changes are told: what a page shows, and what was committed out of order."""


class Standing(NamedTuple):
    """A message as it stands now."""

    id: Id
    peer: str
    direction: str
    status: str


def newest(connection: Connection, tenant_id: Id) -> list[Standing]:
    """The newest `LOOKED_AT`, the newest first."""
    statement = (
        select(message.c.id, other_end, message.c.direction, message.c.status)
        .where(message.c.tenant_id == tenant_id)
        .order_by(message.c.id.desc())
        .limit(LOOKED_AT)
    )
    return [Standing(*row) for row in connection.execute(statement)]
