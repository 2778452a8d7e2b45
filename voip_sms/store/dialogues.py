"""Reads what one number, or each of some, has with a tenant: its messages, its last words, notes about it.

What was said by either is found by `ix_message_peer`, what came in by `ix_message_from`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, ScalarSelect, select

from voip_sms.core.conversations import COUNTED_MOST, Note
from voip_sms.core.directory import Id
from voip_sms.store.lists import (
    COLUMNS,
    WANTED,
    counted,
    end_of,
    other_end,
    wanted_of,
    wanted_rows,
)
from voip_sms.store.tables import message, peer_note

RECENT: Final = 50
"""Messages among which our own last one is looked for."""
NOTES_MOST: Final = 200
COPY: Final = "forward"
NO_COPY: Final = message.c.door != COPY
"""A copy of what came in, sent on to a colleague's telephone, begins no conversation."""

_later = message.alias("later")
_this_end, _later_end = end_of("message"), end_of("later")
_later_wanted = wanted_of("later")


def heads(connection: Connection, tenant_id: Id, peers: Sequence[str]) -> dict[str, Id]:
    """The newest message of each that has any."""
    if not peers:
        return {}
    wanted = wanted_rows(("peer",), [(peer,) for peer in peers])
    head = _recent(tenant_id, wanted, message.c.id).limit(1).scalar_subquery()
    found = connection.execute(select(wanted.c.peer, head))
    return {peer: message_id for peer, message_id in found if message_id is not None}


def last_words(connection: Connection, tenant_id: Id, peers: Sequence[str]) -> dict[str, Id]:
    """Our own last message to each, among the last `RECENT`; where there is none, an id below all others."""
    if not peers:
        return {}
    wanted = wanted_rows(("peer",), [(peer,) for peer in peers])
    recent = _recent(tenant_id, wanted, message.c.id, message.c.direction).limit(RECENT).subquery()
    last = select(recent.c.id).where(recent.c.direction == "outbound").order_by(recent.c.id.desc()).limit(1)
    found = connection.execute(select(wanted.c.peer, last.scalar_subquery()))
    return {peer: at or b"\x00" for peer, at in found}


def received_since(
    connection: Connection, tenant_id: Id, marks: Mapping[str, Id], most: int = COUNTED_MOST
) -> dict[str, int]:
    """How many came from each, up to `most`, since the message that stands beside it."""
    if not marks:
        return {}
    wanted = wanted_rows(("peer", "mark"), list(marks.items()))
    theirs = (message.c.tenant_id == tenant_id, message.c.sender == wanted.c.peer)
    came = select(message.c.id).where(*theirs, WANTED, message.c.id > wanted.c.mark).correlate(wanted)
    found = connection.execute(select(wanted.c.peer, counted(came, most)))
    return {peer: count for peer, count in found}  # noqa: C416 - rows are no pairs to the checker


def later_said(tenant_id: Id, *, copies: bool = True) -> ScalarSelect[Id]:
    """For a query of `message`: the number's next message, if there is one; with or without copies.

    With a LIMIT, as `later_received`: so PostgreSQL looks into the index for each, and doesn't join all.
    """
    theirs = [_later.c.tenant_id == tenant_id, _later_end == _this_end, _later.c.id > message.c.id]
    if not copies:
        theirs.append(_later.c.door != COPY)
    return select(_later.c.id).where(*theirs).order_by(_later.c.id).limit(1).scalar_subquery()


def later_received(tenant_id: Id) -> ScalarSelect[Id]:
    """For a query of what was received: what came next from the same sender, if anything did."""
    same = (_later.c.tenant_id == tenant_id, _later.c.sender == message.c.sender)
    next_one = select(_later.c.id).where(*same, _later_wanted, _later.c.id > message.c.id)
    return next_one.order_by(_later.c.id).limit(1).scalar_subquery()


def messages(
    connection: Connection, tenant_id: Id, peer: str, before: Id | None, limit: int
) -> list[dict[str, Any]]:
    """Its newest `limit` messages, below `before` if that is given."""
    statement = select(*COLUMNS).where(message.c.tenant_id == tenant_id, other_end == peer)
    if before is not None:
        statement = statement.where(message.c.id < before)
    found = connection.execute(statement.order_by(message.c.id.desc()).limit(limit))
    return [row._asdict() for row in found]


def notes(connection: Connection, tenant_id: Id, peer: str, since: Id, before: Id | None) -> Iterator[Note]:
    """Notes about it above `since`, and below `before` if that is given."""
    columns = (peer_note.c.id, peer_note.c.author, peer_note.c.body, peer_note.c.at)
    statement = select(*columns).where(
        peer_note.c.tenant_id == tenant_id, peer_note.c.peer == peer, peer_note.c.id > since
    )
    if before is not None:
        statement = statement.where(peer_note.c.id < before)
    for row in connection.execute(statement.order_by(peer_note.c.id.desc()).limit(NOTES_MOST)):
        yield Note(*row)


def _recent(tenant_id: Id, wanted: CTE, *columns: ColumnElement[Any]) -> Any:
    """Messages of the number in `wanted`, the newest first."""
    theirs = (message.c.tenant_id == tenant_id, other_end == wanted.c.peer)
    return select(*columns).where(*theirs).order_by(message.c.id.desc()).correlate(wanted)
