"""What of messages' prices was given back: nobody pays for a part that no carrier took."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from voip_sms.core.directory import Id, Micros
from voip_sms.core.history import BAD
from voip_sms.core.status import Status
from voip_sms.store.tables import ledger, message

MAY_GIVE_BACK: Final[tuple[str, ...]] = (*BAD, Status.CANCELED.value)
"""Statuses of messages with a part that never left; money of others is spent or still set aside."""
_GIVEN_BACK: Final = (ledger.c.phase == "final", ledger.c.kind == "release")


def given_back(connection: Connection, tenant_id: Id, wanted: Sequence[Id]) -> dict[Id, Micros]:
    """By message, of those of these where something was."""
    if not wanted:
        return {}
    mine = (ledger.c.message_id.in_(wanted), ledger.c.tenant_id == tenant_id, *_GIVEN_BACK)
    amounts = select(ledger.c.message_id, func.sum(ledger.c.amount)).where(*mine)
    found = connection.execute(amounts.group_by(ledger.c.message_id))
    return {message_id: int(amount) for message_id, amount in found}


def all_given_back(
    connection: Connection, tenant_id: Id, tests: Sequence[ColumnElement[bool]]
) -> dict[str, Micros]:
    """By currency, of the tenant's messages that pass these tests; what ended well is left alone."""
    statement = (
        select(message.c.currency, func.sum(ledger.c.amount))
        .select_from(message.join(ledger, ledger.c.message_id == message.c.id))
        .where(*tests, message.c.status.in_(MAY_GIVE_BACK), ledger.c.tenant_id == tenant_id, *_GIVEN_BACK)
        .group_by(message.c.currency)
    )
    return {currency: int(amount) for currency, amount in connection.execute(statement)}
