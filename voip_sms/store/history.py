"""Reads a tenant's messages as people look for them: page by page, summed up, by the hour; all of it bounded.

What an index finds (a number at the other end, what came in, what went wrong, a stretch of time) is read as
it is. Any other wish is looked for among the newest `SEARCHED` messages below the page before, and the page
says how far it got: so no wish reads through a million messages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select

from voip_sms.core.clock import HOUR
from voip_sms.core.directory import Id, Micros
from voip_sms.core.history import (
    ATTENTION_MOST,
    BAD,
    SUMMED_DAYS,
    HistoryFilter,
    HistoryPage,
    Hour,
    Sums,
)
from voip_sms.core.ids import earliest, made_at
from voip_sms.core.model import Message
from voip_sms.core.quotas import day
from voip_sms.store.charges import MAY_GIVE_BACK, all_given_back, given_back
from voip_sms.store.lists import COLUMNS, NOT_ARRIVED, RECEIVED, counted, other_end, texts_of, wanted_rows
from voip_sms.store.messages import LIST_LIMIT, as_message
from voip_sms.store.tables import message

SEARCHED: Final = 5_000
"""Messages that one page looks at: some twenty milliseconds of a slow machine."""
SUMMED: Final = 10_000
"""Messages that are summed up at once: they are read, not only counted."""
HOUR_MOST: Final = 50_000
"""An hour's messages are counted up to here, from the index alone: ten milliseconds."""
_ONE: Final[ColumnElement[int]] = literal_column("1")

Tests = tuple[ColumnElement[bool], ...]


def page(
    connection: Connection, tenant_id: Id, only: HistoryFilter, *, limit: int, after: Id | None = None
) -> HistoryPage:
    """What the filter finds, newest first, below `after`."""
    limit = max(1, min(limit, LIST_LIMIT))
    search = _search(connection, tenant_id, only, SEARCHED, after)
    statement = select(*COLUMNS).where(*search.tests).order_by(message.c.id.desc()).limit(limit + 1)
    rows = [row._asdict() for row in connection.execute(statement)]
    found = _shown(connection, tenant_id, rows[:limit])
    if len(rows) > limit:
        return HistoryPage(found, found[-1].id)
    return HistoryPage(found, search.floor, None if search.floor is None else made_at(search.floor))


def chosen(connection: Connection, tenant_id: Id, wanted: Sequence[Id]) -> list[Message]:
    """Those of these that are the tenant's, newest first."""
    mine = (message.c.tenant_id == tenant_id, message.c.id.in_(wanted[:LIST_LIMIT]))
    statement = select(*COLUMNS).where(*mine).order_by(message.c.id.desc())
    return _shown(connection, tenant_id, [row._asdict() for row in connection.execute(statement)])


def _shown(connection: Connection, tenant_id: Id, rows: Sequence[dict[str, Any]]) -> list[Message]:
    """With their texts, at what they cost: without what was given back."""
    texts = texts_of(connection, tenant_id, [row["id"] for row in rows])
    ended = [row["id"] for row in rows if row["price"] and row["status"] in MAY_GIVE_BACK]
    back = given_back(connection, tenant_id, ended)
    for row in rows:
        if row["id"] in back:
            row["price"] -= back[row["id"]]
    return [as_message(row, texts.get(row["id"])) for row in rows]


def sums(connection: Connection, tenant_id: Id, only: HistoryFilter, now: Micros) -> Sums:
    """Of the month before the filter's end: everything it finds there, or among its newest `SUMMED`.

    What was given back is no part of the price.
    """
    until = min(only.until or now, now)
    since = max(only.since or 0, until - SUMMED_DAYS)
    search = _search(connection, tenant_id, only, SUMMED, None, everything=True)
    counted_ones = (func.count(), func.sum(message.c.parts), func.sum(message.c.price))
    tests = (*search.tests, message.c.id >= earliest(since))
    statement = select(message.c.currency, *counted_ones).where(*tests).group_by(message.c.currency)
    rows = connection.execute(statement).all()
    back = all_given_back(connection, tenant_id, tests)
    prices = {
        currency: int(price) - back.get(currency, 0) for currency, _, _, price in rows if currency and price
    }
    return Sums(
        messages=sum(count for _, count, _, _ in rows),
        parts=sum(int(parts) for _, _, parts, _ in rows),
        prices={currency: price for currency, price in prices.items() if price},
        whole=search.floor is None or made_at(search.floor) < since,
    )


def today(connection: Connection, tenant_id: Id, timezone: str, now: Micros) -> list[Hour]:
    """The day's hours in this zone; those to come are empty."""
    hours = range(*day(now, timezone), HOUR)
    spans = [(n, earliest(start), earliest(start + HOUR)) for n, start in enumerate(hours)]
    wanted = wanted_rows(("n", "low", "high"), spans)
    within = (message.c.tenant_id == tenant_id, message.c.id >= wanted.c.low, message.c.id < wanted.c.high)
    kinds: tuple[Tests, ...] = ((), (RECEIVED,), (NOT_ARRIVED,))
    counts = (counted(_marks(*within, *kind).correlate(wanted), HOUR_MOST) for kind in kinds)
    found = {n: rest for n, *rest in connection.execute(select(wanted.c.n, *counts))}
    return [Hour(start, found[n][0] - found[n][1], *found[n][1:]) for n, start in enumerate(hours)]


def undelivered(connection: Connection, tenant_id: Id, timezone: str, now: Micros) -> int:
    """How many of today's messages did not arrive, up to `ATTENTION_MOST`."""
    midnight, _ = day(now, timezone)
    mine = (message.c.tenant_id == tenant_id, NOT_ARRIVED, message.c.id >= earliest(midnight))
    statement = select(counted(_marks(*mine), ATTENTION_MOST))
    return int(connection.execute(statement).scalar_one())


def _marks(*tests: ColumnElement[bool]) -> Select[int]:
    """One for each message."""
    return select(_ONE).select_from(message).where(*tests)


# --- how a filter is read -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Search:
    """The whole condition; `floor`: it looks at nothing below this id, where there is more."""

    tests: Tests
    floor: Id | None = None


def _search(
    connection: Connection,
    tenant_id: Id,
    only: HistoryFilter,
    most: int,
    after: Id | None,
    *,
    everything: bool = False,
) -> _Search:
    """`most` rows are looked at where no index tells all; `everything`: where one does, too."""
    by_index, fulfilled = _by_index(only)
    found_by_index = (message.c.tenant_id == tenant_id, *by_index, *_span(only, after))
    others = tuple(_others(only, fulfilled))
    if not others and not everything:
        return _Search(found_by_index)
    nth = select(message.c.id).where(*found_by_index).order_by(message.c.id.desc()).offset(most).limit(1)
    floor = connection.execute(nth).scalar_one_or_none()
    if floor is None:
        return _Search((*found_by_index, *others))
    return _Search((*found_by_index, *others, message.c.id > floor), floor)


def _span(only: HistoryFilter, after: Id | None) -> Iterator[ColumnElement[bool]]:
    if only.since is not None:
        yield message.c.id >= earliest(only.since)
    if only.until is not None:
        yield message.c.id < earliest(only.until)
    if after is not None:
        yield message.c.id < after


def _by_index(only: HistoryFilter) -> tuple[Tests, frozenset[str]]:
    """What `ix_message_peer`, `ix_message_bad` or `ix_message_received` finds; the wishes that it fulfils."""
    peer = _peer(only)
    if peer is not None:
        return (other_end == peer,), frozenset()
    if only.statuses and set(only.statuses) <= set(BAD):
        return (NOT_ARRIVED,), frozenset({"statuses"} if len(set(only.statuses)) == len(BAD) else ())
    if only.direction == "inbound":
        return (RECEIVED,), frozenset({"direction"})
    return (), frozenset()


def _peer(only: HistoryFilter) -> str | None:
    if only.peer is not None:
        return only.peer
    if only.direction is None:
        return None
    return only.sender if only.direction == "inbound" else only.recipient


def _others(only: HistoryFilter, fulfilled: frozenset[str]) -> Iterator[ColumnElement[bool]]:
    for name in ("direction", "door", "account", "sender", "recipient"):
        wanted = getattr(only, name)
        if wanted is not None and name not in fulfilled:
            yield message.c[name] == wanted
    if only.statuses and "statuses" not in fulfilled:
        yield message.c.status.in_(only.statuses)
