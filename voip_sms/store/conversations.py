"""Reads a tenant's conversations: lists by their newest word, the entries of one, who looks after it.

A list walks down the newest messages, keeps the last one of each number, and looks at `WALKED` of them at
most; what one number has is `store/dialogues.py`'s. Nothing is written when a message comes or goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from voip_sms.core.conversations import (
    UNSEEN,
    Claim,
    Conversation,
    ConversationPage,
    Note,
    Only,
    Thread,
)
from voip_sms.core.directory import Id, Micros
from voip_sms.core.ids import earliest
from voip_sms.core.model import Message
from voip_sms.store import dialogues
from voip_sms.store.lists import COLUMNS, WANTED, other_end, texts_of
from voip_sms.store.messages import as_message
from voip_sms.store.tables import message, peer_claim, peer_reading, user_account

PAGE_MOST: Final = 200
WALKED: Final = 2_000
"""Messages that one page looks at: of a number that was texted thousands of times the next page goes on."""
MINE_MOST: Final = 400
"""Conversations that one person looks after: those taken over last are listed. SQLite takes 500 at once."""

_HOLDER: Final = and_(
    user_account.c.id == peer_claim.c.user_id,
    user_account.c.tenant_id == peer_claim.c.tenant_id,
    user_account.c.enabled,
)
"""Whose claim it is; one of somebody who was switched off is nobody's."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks (`user_id`), when, and for which."""

    user_id: Id
    now: Micros
    only: Only = "all"

    @property
    def unseen(self) -> Id:
        """What is below counts as seen."""
        return earliest(max(self.now - UNSEEN, 0))


@dataclass(frozen=True, slots=True)
class _Walk:
    """The numbers that were met, each with the message it was met by; `floor`: nothing below was seen."""

    found: Mapping[str, Id]
    floor: Id | None


def page(
    connection: Connection, tenant_id: Id, asked: Asked, *, limit: int, after: Id | None = None
) -> ConversationPage:
    """Conversations by their newest word, or (where something received is asked for) by what came last."""
    limit = max(1, min(limit, PAGE_MOST))
    if asked.only == "mine":
        return _mine(connection, tenant_id, asked, limit, after)
    walk = _walk(connection, tenant_id, asked, limit, after)
    shown = list(walk.found.items())[:limit]
    rest = shown[-1][1] if len(walk.found) > limit else walk.floor
    return ConversationPage(tuple(_lines(connection, tenant_id, asked, [peer for peer, _ in shown])), rest)


def thread(
    connection: Connection, tenant_id: Id, asked: Asked, peer: str, *, before: Id | None, limit: int
) -> Thread | None:
    """The newest entries below `before`; None if there never was a message."""
    limit = max(1, min(limit, PAGE_MOST))
    rows = dialogues.messages(connection, tenant_id, peer, before, limit + 1)
    if not rows and before is None:
        return None
    more, rows = len(rows) > limit, rows[:limit]
    texts = texts_of(connection, tenant_id, [row["id"] for row in rows])
    since = rows[-1]["id"] if more else b""
    entries: list[Message | Note] = [as_message(row, texts.get(row["id"])) for row in rows]
    entries += dialogues.notes(connection, tenant_id, peer, since, before)
    entries.sort(key=lambda entry: entry.id)
    return Thread(
        peer=peer,
        entries=tuple(entries),
        before=since or None,
        own=_own(rows[0]) if rows else "",
        claim=claims(connection, tenant_id, [peer]).get(peer),
        unread=_unread(connection, tenant_id, asked, [peer]).get(peer, 0),
    )


def how_many(connection: Connection, tenant_id: Id, asked: Asked, most: int) -> int:
    """Conversations of which something received is asked for, up to `most`, among those that a page sees."""
    return min(len(_walk(connection, tenant_id, asked, most, None).found), most)


def newest(connection: Connection, tenant_id: Id, peer: str) -> Id | None:
    """The last message to or from this number."""
    return dialogues.heads(connection, tenant_id, [peer]).get(peer)


def claims(connection: Connection, tenant_id: Id, peers: Sequence[str]) -> dict[str, Claim]:
    """Who looks after these."""
    columns = (
        peer_claim.c.peer,
        peer_claim.c.user_id,
        peer_claim.c.at,
        user_account.c.name,
        user_account.c.mail,
    )
    statement = (
        select(*columns)
        .select_from(peer_claim.outerjoin(user_account, _HOLDER))
        .where(peer_claim.c.tenant_id == tenant_id, peer_claim.c.peer.in_(peers))
    )
    return {
        peer: Claim(user_id, name or mail or "", at)
        for peer, user_id, at, name, mail in connection.execute(statement)
    }


# --- which ones ---------------------------------------------------------------------------------------------


def _walk(connection: Connection, tenant_id: Id, asked: Asked, limit: int, after: Id | None) -> _Walk:
    """The last word of each number (or where something received is asked for, what came last of it)."""
    looked_at = [message.c.tenant_id == tenant_id]
    if asked.only != "all":
        looked_at.append(WANTED)
    if after is not None:
        looked_at.append(message.c.id < after)
    newest_first = message.c.id.desc()
    nth = select(message.c.id).where(*looked_at).order_by(newest_first).offset(WALKED).limit(1)
    floor = connection.execute(nth).scalar_one_or_none()
    if floor is not None:
        looked_at.append(message.c.id > floor)
    last = select(other_end, message.c.id).where(*looked_at, *_fitting(tenant_id, asked))
    rows = connection.execute(last.order_by(newest_first).limit(limit + 1))
    return _Walk({row[0]: row[1] for row in rows}, floor)


def _fitting(tenant_id: Id, asked: Asked) -> Iterator[ColumnElement[bool]]:
    """That a message is the one by which its number is listed."""
    match asked.only:
        case "all":
            yield dialogues.NO_COPY
            yield dialogues.later_said(tenant_id, copies=False).is_(None)
        case "unanswered":
            yield dialogues.later_said(tenant_id).is_(None)
        case "unclaimed":
            yield dialogues.later_received(tenant_id).is_(None)
            theirs = (peer_claim.c.tenant_id == tenant_id, peer_claim.c.peer == message.c.sender)
            holder = select(user_account.c.id).select_from(peer_claim.join(user_account, _HOLDER))
            yield holder.where(*theirs).scalar_subquery().is_(None)
        case "unread":
            yield message.c.id >= asked.unseen
            yield dialogues.later_received(tenant_id).is_(None)
            mine = (peer_reading.c.tenant_id == tenant_id, peer_reading.c.user_id == asked.user_id)
            seen = select(peer_reading.c.upto).where(*mine, peer_reading.c.peer == message.c.sender)
            yield func.coalesce(seen.scalar_subquery(), b"") < message.c.id


def _mine(
    connection: Connection, tenant_id: Id, asked: Asked, limit: int, after: Id | None
) -> ConversationPage:
    claimed = select(peer_claim.c.peer).where(
        peer_claim.c.tenant_id == tenant_id, peer_claim.c.user_id == asked.user_id
    )
    peers = connection.execute(claimed.order_by(peer_claim.c.at.desc()).limit(MINE_MOST)).scalars().all()
    heads = dialogues.heads(connection, tenant_id, peers)
    below = [peer for peer in peers if peer in heads and (after is None or heads[peer] < after)]
    below.sort(key=heads.__getitem__, reverse=True)
    shown = below[:limit]
    rest = heads[shown[-1]] if len(below) > limit else None
    return ConversationPage(tuple(_lines(connection, tenant_id, asked, shown)), rest)


# --- what a line says ---------------------------------------------------------------------------------------


def _lines(
    connection: Connection, tenant_id: Id, asked: Asked, peers: Sequence[str]
) -> Iterator[Conversation]:
    if not peers:
        return
    heads = dialogues.heads(connection, tenant_id, peers)
    mine = (message.c.tenant_id == tenant_id, message.c.id.in_(list(heads.values())))
    rows = {row.id: row._asdict() for row in connection.execute(select(*COLUMNS).where(*mine))}
    texts = texts_of(connection, tenant_id, list(heads.values()))
    looked_after = claims(connection, tenant_id, peers)
    unread = _unread(connection, tenant_id, asked, peers)
    waiting = [peer for peer in peers if rows[heads[peer]]["direction"] == "inbound"]
    unanswered = dialogues.received_since(
        connection, tenant_id, dialogues.last_words(connection, tenant_id, waiting)
    )
    for peer in peers:
        row = rows[heads[peer]]
        yield Conversation(
            peer=peer,
            message_id=row["id"],
            text=texts.get(row["id"]),
            direction=row["direction"],
            status=row["status"],
            at=row["created_at"],
            own=_own(row),
            unread=unread.get(peer, 0),
            unanswered=unanswered.get(peer, 0),
            claim=looked_after.get(peer),
        )


def _own(row: Mapping[str, Any]) -> str:
    return str(row["recipient"] if row["direction"] == "inbound" else row["sender"])


def _unread(connection: Connection, tenant_id: Id, asked: Asked, peers: Sequence[str]) -> dict[str, int]:
    seen = _seen(connection, tenant_id, asked, peers)
    return dialogues.received_since(
        connection, tenant_id, {peer: seen.get(peer, asked.unseen) for peer in peers}
    )


def _seen(connection: Connection, tenant_id: Id, asked: Asked, peers: Sequence[str]) -> dict[str, Id]:
    """The newest message that this person has seen of each."""
    mine = (peer_reading.c.tenant_id == tenant_id, peer_reading.c.user_id == asked.user_id)
    statement = select(peer_reading.c.peer, peer_reading.c.upto).where(*mine, peer_reading.c.peer.in_(peers))
    return {peer: max(upto, asked.unseen) for peer, upto in connection.execute(statement)}
