"""Reads a tenant's conversations: lists by their newest word, the entries of one, who looks after it.

A list walks down the newest messages until it has enough different numbers, and looks at `WALKED` of them at
most; each number's own words are found by `ix_message_peer`. Nothing is written when a message comes or goes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, and_, select

from voip_sms.core.conversations import (
    COUNTED_MOST,
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
from voip_sms.store.lists import COLUMNS, WANTED, counted, other_end, texts_of, wanted_rows
from voip_sms.store.messages import as_message
from voip_sms.store.tables import message, peer_claim, peer_note, peer_reading, user_account

PAGE_MOST: Final = 200
WALKED: Final = 1_000
"""Messages that one page looks at: of a number that was texted thousands of times the next page goes on."""
STEP: Final = 60
RECENT: Final = 50
"""Of one conversation, messages among which our own last one is looked for."""
MINE_MOST: Final = 1_000
"""Conversations that one person looks after at a time; the list shows no more."""


_COPY: Final = "forward"
_OWN_WORD: Final = message.c.door != _COPY
"""A copy of what came in, sent on to a colleague's telephone, begins no conversation."""


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
    rows = _messages(connection, tenant_id, peer, before, limit + 1)
    if not rows and before is None:
        return None
    more, rows = len(rows) > limit, rows[:limit]
    texts = texts_of(connection, tenant_id, [row["id"] for row in rows])
    since = rows[-1]["id"] if more else b""
    entries: list[Message | Note] = [as_message(row, texts.get(row["id"])) for row in rows]
    entries += _notes(connection, tenant_id, peer, since, before)
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
    return _heads(connection, tenant_id, [peer]).get(peer)


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
    statement = statement.where(WANTED if asked.only != "all" else _OWN_WORD)
    if asked.only == "unread":
        statement = statement.where(message.c.id >= asked.unseen)
    return connection.execute(statement.order_by(message.c.id.desc()).limit(STEP)).all()


def _fitting(
    connection: Connection, tenant_id: Id, asked: Asked, met: Mapping[str, Id], *, first: bool
) -> dict[str, Id]:
    """Those that are asked for, and that no page before this one has shown."""
    unfit = _unfit(connection, tenant_id, asked, met)
    if not first and asked.only != "unanswered":  # whose last word this is, no page has shown
        later = _said_later if asked.only == "all" else _received_later
        unfit |= later(connection, tenant_id, met)
    return {peer: at for peer, at in met.items() if peer not in unfit}


def _unfit(connection: Connection, tenant_id: Id, asked: Asked, met: Mapping[str, Id]) -> frozenset[str]:
    """Those that are not asked for."""
    match asked.only:
        case "unanswered":
            heads = _heads(connection, tenant_id, list(met))
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
    heads = _heads(connection, tenant_id, peers)
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
    heads = _heads(connection, tenant_id, peers)
    mine = (message.c.tenant_id == tenant_id, message.c.id.in_(list(heads.values())))
    rows = {row.id: row._asdict() for row in connection.execute(select(*COLUMNS).where(*mine))}
    texts = texts_of(connection, tenant_id, list(heads.values()))
    looked_after = claims(connection, tenant_id, peers)
    unread = _unread(connection, tenant_id, asked, peers)
    waiting = [peer for peer in peers if rows[heads[peer]]["direction"] == "inbound"]
    unanswered = _received_since(connection, tenant_id, _last_words(connection, tenant_id, waiting))
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
    return _received_since(connection, tenant_id, {peer: seen.get(peer, asked.unseen) for peer in peers})


def _seen(connection: Connection, tenant_id: Id, asked: Asked, peers: Sequence[str]) -> dict[str, Id]:
    """The newest message that this person has seen of each."""
    mine = (peer_reading.c.tenant_id == tenant_id, peer_reading.c.user_id == asked.user_id)
    statement = select(peer_reading.c.peer, peer_reading.c.upto).where(*mine, peer_reading.c.peer.in_(peers))
    return {peer: max(upto, asked.unseen) for peer, upto in connection.execute(statement)}


# --- by number ----------------------------------------------------------------------------------------------


def _heads(connection: Connection, tenant_id: Id, peers: Sequence[str]) -> dict[str, Id]:
    """The newest message of each."""
    return _of_each(connection, tenant_id, [(peer,) for peer in peers], ())


def _last_words(connection: Connection, tenant_id: Id, peers: Sequence[str]) -> dict[str, Id]:
    """Our own last message to each, among the last `RECENT`; where there is none, an id below all others."""
    if not peers:
        return {}
    wanted = wanted_rows(("peer",), [(peer,) for peer in peers])
    recent = _recent(tenant_id, wanted, message.c.id, message.c.direction).limit(RECENT).subquery()
    last = select(recent.c.id).where(recent.c.direction == "outbound").order_by(recent.c.id.desc()).limit(1)
    found = connection.execute(select(wanted.c.peer, last.scalar_subquery()))
    return {peer: at or b"\x00" for peer, at in found}


def _received_since(
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


def _received_later(connection: Connection, tenant_id: Id, marks: Mapping[str, Id]) -> frozenset[str]:
    """Of which something came after the message that stands beside it: a page before has shown them."""
    return frozenset(peer for peer, n in _received_since(connection, tenant_id, marks, 1).items() if n)


def _said_later(connection: Connection, tenant_id: Id, marks: Mapping[str, Id]) -> frozenset[str]:
    """The same with anything that was said, among the next `RECENT`."""
    wanted = wanted_rows(("peer", "mark"), list(marks.items()))
    theirs = (message.c.tenant_id == tenant_id, other_end == wanted.c.peer, message.c.id > wanted.c.mark)
    later = select(message.c.door).where(*theirs).order_by(message.c.id).limit(RECENT)
    some = later.correlate(wanted).subquery()
    said = select(some.c.door).where(some.c.door != _COPY)
    found = connection.execute(select(wanted.c.peer, counted(said, 1)))
    return frozenset(peer for peer, count in found if count)


def _recent(tenant_id: Id, wanted: CTE, *columns: ColumnElement[Any]) -> Any:
    """Messages of the number in `wanted`, the newest first."""
    theirs = (message.c.tenant_id == tenant_id, other_end == wanted.c.peer)
    return select(*columns).where(*theirs).order_by(message.c.id.desc()).correlate(wanted)


def _of_each(
    connection: Connection, tenant_id: Id, rows: Sequence[tuple[str]], tests: Iterable[ColumnElement[bool]]
) -> dict[str, Id]:
    if not rows:
        return {}
    wanted = wanted_rows(("peer",), rows)
    head = _recent(tenant_id, wanted, message.c.id).where(*tests).limit(1).scalar_subquery()
    found = connection.execute(select(wanted.c.peer, head))
    return {peer: message_id for peer, message_id in found if message_id is not None}


def _messages(
    connection: Connection, tenant_id: Id, peer: str, before: Id | None, limit: int
) -> list[dict[str, Any]]:
    statement = select(*COLUMNS).where(message.c.tenant_id == tenant_id, other_end == peer)
    if before is not None:
        statement = statement.where(message.c.id < before)
    found = connection.execute(statement.order_by(message.c.id.desc()).limit(limit))
    return [row._asdict() for row in found]


def _notes(connection: Connection, tenant_id: Id, peer: str, since: Id, before: Id | None) -> Iterator[Note]:
    columns = (peer_note.c.id, peer_note.c.author, peer_note.c.body, peer_note.c.at)
    statement = select(*columns).where(
        peer_note.c.tenant_id == tenant_id, peer_note.c.peer == peer, peer_note.c.id > since
    )
    if before is not None:
        statement = statement.where(peer_note.c.id < before)
    for row in connection.execute(statement.order_by(peer_note.c.id.desc()).limit(PAGE_MOST)):
        yield Note(*row)
