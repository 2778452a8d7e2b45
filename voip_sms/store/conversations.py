"""Reads a tenant's conversations: lists by their newest word, the entries of one, who looks after it.

A list walks down the newest messages until it has enough different numbers, and looks at `WALKED` of them at
most; what one number has is `store/dialogues.py`'s. Nothing is written when a message comes or goes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, select

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
WALKED: Final = 1_000
"""Messages that one page looks at: of a number that was texted thousands of times the next page goes on."""
STEP: Final = 60
MINE_MOST: Final = 400
"""Conversations that one person looks after: those taken over last are listed. SQLite takes 500 at once."""


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


@dataclass(slots=True)
class _Walk:
    """The numbers that were met so far, each with the message that it was met by; where to go on."""

    found: dict[str, Id]
    at: Id | None
    done: bool = False


def page(
    connection: Connection, tenant_id: Id, asked: Asked, *, limit: int, after: Id | None = None
) -> ConversationPage:
    """Conversations by their newest word, or (where something received is asked for) by what came last."""
    limit = max(1, min(limit, PAGE_MOST))
    if asked.only == "mine":
        return _mine(connection, tenant_id, asked, limit, after)
    walk = _walk(connection, tenant_id, asked, limit, after)
    shown = list(walk.found.items())[:limit]
    more = len(walk.found) > limit
    rest = shown[-1][1] if more else None if walk.done else walk.at
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
    person = and_(
        user_account.c.id == peer_claim.c.user_id,
        user_account.c.tenant_id == peer_claim.c.tenant_id,
        user_account.c.enabled,
    )
    columns = (
        peer_claim.c.peer,
        peer_claim.c.user_id,
        peer_claim.c.at,
        user_account.c.name,
        user_account.c.mail,
    )
    statement = (
        select(*columns)
        .select_from(peer_claim.outerjoin(user_account, person))
        .where(peer_claim.c.tenant_id == tenant_id, peer_claim.c.peer.in_(peers))
    )
    return {
        peer: Claim(user_id, name or mail or "", at)
        for peer, user_id, at, name, mail in connection.execute(statement)
    }


# --- which ones ---------------------------------------------------------------------------------------------


def _walk(connection: Connection, tenant_id: Id, asked: Asked, limit: int, after: Id | None) -> _Walk:
    walk, met = _Walk({}, after), set[str]()
    for _ in range(WALKED // STEP):
        rows = _step(connection, tenant_id, asked, walk.at)
        fresh: dict[str, Id] = {}
        for message_id, peer in rows:
            if peer not in met:
                met.add(peer)
                fresh[peer] = message_id
        if fresh:
            walk.found |= _fitting(connection, tenant_id, asked, fresh, first=after is None)
        walk.at = rows[-1][0] if rows else walk.at
        walk.done = len(rows) < STEP
        if walk.done or len(walk.found) > limit:
            break
    return walk


def _step(connection: Connection, tenant_id: Id, asked: Asked, below: Id | None) -> Sequence[Any]:
    """The next messages, newest first: all, or where something received is asked for those alone."""
    statement = select(message.c.id, other_end).where(message.c.tenant_id == tenant_id)
    if below is not None:
        statement = statement.where(message.c.id < below)
    statement = statement.where(WANTED if asked.only != "all" else dialogues.NO_COPY)
    if asked.only == "unread":
        statement = statement.where(message.c.id >= asked.unseen)
    return connection.execute(statement.order_by(message.c.id.desc()).limit(STEP)).all()


def _fitting(
    connection: Connection, tenant_id: Id, asked: Asked, met: Mapping[str, Id], *, first: bool
) -> dict[str, Id]:
    """Those that are asked for, and that no page before this one has shown."""
    unfit = _unfit(connection, tenant_id, asked, met)
    if not first and asked.only != "unanswered":  # whose last word this is, no page has shown
        later = dialogues.said_later if asked.only == "all" else dialogues.received_later
        unfit |= later(connection, tenant_id, met)
    return {peer: at for peer, at in met.items() if peer not in unfit}


def _unfit(connection: Connection, tenant_id: Id, asked: Asked, met: Mapping[str, Id]) -> frozenset[str]:
    """Those that are not asked for."""
    match asked.only:
        case "unanswered":
            heads = dialogues.heads(connection, tenant_id, list(met))
            return frozenset(peer for peer, at in met.items() if heads.get(peer) != at)
        case "unclaimed":
            return frozenset(claims(connection, tenant_id, list(met)))
        case "unread":
            seen = _seen(connection, tenant_id, asked, list(met))
            return frozenset(peer for peer, at in met.items() if seen.get(peer, b"") >= at)
    return frozenset()


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
