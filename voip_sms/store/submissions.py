"""Reads what came of one submission: all its messages counted, some of them as they are listed."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from voip_sms.core.directory import Id
from voip_sms.core.history import Share
from voip_sms.core.model import Message
from voip_sms.core.status import Status
from voip_sms.store.charges import all_given_back
from voip_sms.store.lists import COLUMNS, texts_of
from voip_sms.store.messages import LIST_LIMIT, SUBMISSION_LIMIT, as_message
from voip_sms.store.tables import message

_CANCELED: Final = Status.CANCELED.value


def shares(connection: Connection, tenant_id: Id, submission_id: Id) -> list[Share]:
    """Its messages by their status, the most frequent first."""
    count = func.count()
    columns = (
        message.c.status,
        count,
        func.sum(message.c.price),
        func.max(message.c.currency),
        func.min(message.c.created_at),
        func.min(message.c.send_at),
    )
    grouped = select(*columns).where(*_of(tenant_id, submission_id)).group_by(message.c.status)
    rows = connection.execute(grouped.order_by(count.desc(), message.c.status))
    return [Share(status, many, int(price or 0), *rest) for status, many, price, *rest in rows]


def kept_back(connection: Connection, tenant_id: Id, submission_id: Id) -> int:
    """What was given back of messages that nobody called back, in 10^-6 of their currency."""
    tests = (*_of(tenant_id, submission_id), message.c.status != _CANCELED)
    return sum(all_given_back(connection, tenant_id, tests).values())


def some(connection: Connection, tenant_id: Id, wanted: Sequence[Id]) -> list[Message]:
    """Those of these that are the tenant's, in their order; all have one text, and the first has it here."""
    wanted = wanted[:LIST_LIMIT]
    mine = (message.c.tenant_id == tenant_id, message.c.id.in_(wanted))
    rows = {row.id: row._asdict() for row in connection.execute(select(*COLUMNS).where(*mine))}
    there = [one for one in wanted if one in rows]
    texts = texts_of(connection, tenant_id, there[:1])
    return [as_message(rows[one], texts.get(one)) for one in there]


def ids_of(connection: Connection, tenant_id: Id, submission_id: Id) -> list[Id]:
    """All its messages that are kept."""
    found = select(message.c.id).where(*_of(tenant_id, submission_id)).order_by(message.c.id)
    return list(connection.execute(found.limit(SUBMISSION_LIMIT)).scalars())


def _of(tenant_id: Id, submission_id: Id) -> tuple[ColumnElement[bool], ...]:
    return (message.c.tenant_id == tenant_id, message.c.submission_id == submission_id)
