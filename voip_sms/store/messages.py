"""Reads a tenant's messages with their texts and histories."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from voip_sms.core import proofs
from voip_sms.core.directory import Id
from voip_sms.core.model import Event, Message, Step
from voip_sms.core.status import Status
from voip_sms.store.tables import idempotency, message, message_event, message_text

LIST_LIMIT = 1_000
"""The most that one page holds, whatever is asked for: a page is held in memory whole."""
SUBMISSION_LIMIT = 10_000
"""The most recipients that a submission has (`docs/contract.md`)."""


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What a list is narrowed to; None leaves a field open. `sender` and `to` as stored (E.164 or a name)."""

    direction: str | None = None
    to: str | None = None
    sender: str | None = None
    status: str | None = None
    client_ref: str | None = None


EVERYTHING = MessageFilter()


def get_message(connection: Connection, tenant_id: Id, message_id: Id) -> Message | None:
    """The tenant's message with its text and history; None if it isn't there or isn't theirs."""
    found = _load(connection, _messages(tenant_id).where(message.c.id == message_id))
    return found[0] if found else None


def list_messages(
    connection: Connection,
    tenant_id: Id,
    only: MessageFilter = EVERYTHING,
    *,
    limit: int = 50,
    starting_after: Id | None = None,
) -> tuple[list[Message], bool]:
    """The tenant's messages, newest first, and whether more follow; `starting_after`: the last id seen."""
    limit = max(1, min(limit, LIST_LIMIT))
    statement = _messages(tenant_id).where(*_tests(only)).order_by(message.c.id.desc()).limit(limit + 1)
    if starting_after is not None:
        statement = statement.where(message.c.id < starting_after)
    found = _load(connection, statement)
    return found[:limit], len(found) > limit


def messages_of_submission(connection: Connection, tenant_id: Id, submission_id: Id) -> list[Message]:
    """Every message of one submission, in the order of their ids."""
    statement = _messages(tenant_id).where(message.c.submission_id == submission_id)
    return _load(connection, statement.order_by(message.c.id).limit(SUBMISSION_LIMIT))


def request_of_key(connection: Connection, tenant_id: Id, key: bytes) -> tuple[Id, str] | None:
    """The submission that came of a request, and its items as they were remembered (JSON); None: none."""
    test = (idempotency.c.key == key, idempotency.c.tenant_id == tenant_id)
    row = connection.execute(select(idempotency.c.submission_id, idempotency.c["items"]).where(*test)).first()
    return None if row is None else (row[0], row[1])


def message_trace(connection: Connection, tenant_id: Id, message_id: Id) -> tuple[Step, ...] | None:
    """Why the message went as it did; None if it isn't there or isn't theirs."""
    test = (message.c.tenant_id == tenant_id, message.c.id == message_id)
    found = connection.execute(select(message.c.trace).where(*test)).scalar_one_or_none()
    return None if found is None else tuple(Step(*step) for step in json.loads(found))


def as_message(row: Mapping[str, Any], body: str | None, events: Iterable[Event] = ()) -> Message:
    """A `message` row as everybody sees it. `events` are those after the first, which the row itself is.

    The text of a code that proves a phone is nobody's to see but the phone's.
    """
    return Message(
        id=row["id"],
        tenant_id=row["tenant_id"],
        direction=row["direction"],
        status=row["status"],
        sender=row["sender"],
        to=row["recipient"],
        text=None if row["door"] == proofs.DOOR else body,
        encoding=row["encoding"],
        parts=row["parts"],
        price=row["price"],
        currency=row["currency"],
        door=row["door"],
        account=row["account"],
        client_ref=row["client_ref"],
        created_at=row["created_at"],
        possible_duplicate=bool(row["possible_duplicate"]),
        events=(Event(row["created_at"], _first_status(row)), *events),
        error_code=row["error_code"],
        error_detail=row["error_detail"],
        flags=frozenset(row["flags"].split()),
        send_at=row["send_at"],
    )


def _first_status(row: Mapping[str, Any]) -> str:
    if row["direction"] == "inbound":
        return Status.RECEIVED.value
    return Status.ACCEPTED.value if row["send_at"] is None else Status.SCHEDULED.value


def _messages(tenant_id: Id) -> Select[Any]:
    text_of = message.outerjoin(message_text, message_text.c.message_id == message.c.id)
    columns = (column for column in message.columns if column is not message.c.trace)
    return select(*columns, message_text.c.body).select_from(text_of).where(message.c.tenant_id == tenant_id)


def _tests(only: MessageFilter) -> list[ColumnElement[bool]]:
    wanted = {
        message.c.direction: only.direction,
        message.c.recipient: only.to,
        message.c.sender: only.sender,
        message.c.status: only.status,
        message.c.client_ref: only.client_ref,
    }
    return [column == value for column, value in wanted.items() if value is not None]


def _load(connection: Connection, statement: Select[Any]) -> list[Message]:
    rows = [row._asdict() for row in connection.execute(statement)]
    histories = _histories(connection, [row["id"] for row in rows])
    return [as_message(row, row["body"], histories.get(row["id"], ())) for row in rows]


def _histories(connection: Connection, ids: Sequence[Id]) -> Mapping[Id, list[Event]]:
    found: dict[Id, list[Event]] = defaultdict(list)
    if not ids:
        return found
    columns = (message_event.c.message_id, message_event.c.at, message_event.c.status, message_event.c.cause)
    statement = (
        select(*columns)
        .where(message_event.c.message_id.in_(ids), message_event.c.part == 0)  # 0: the message as a whole
        .order_by(message_event.c.message_id, message_event.c.id)
    )
    for message_id, at, status, cause in connection.execute(statement):
        found[message_id].append(Event(at, status, cause))
    return found
