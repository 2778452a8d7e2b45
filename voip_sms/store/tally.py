"""Reads what was counted over time: for the operator's charts and forecasts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from voip_sms.store.tables import lease, tally

POINTS_MOST: Final = 20_000
"""Rows of one reading: a pool's five figures of every quarter of an hour of a month are 14,400."""


class Point(NamedTuple):
    """What was counted from `at` on; `node` "": by whichever process."""

    at: int
    what: str
    node: str
    n: int


def points(connection: Connection, subject: str, since: int, step: int) -> Sequence[Point]:
    """A subject's counts from `since` on, oldest first: a sum for each `step` (microseconds), kind and node.

    Added up here: a busy week has more rows than a page may read, and the newest must not be those left out.
    """
    slot = (tally.c.at - (tally.c.at - since) % step).label("slot")
    wanted = select(slot, tally.c.what, tally.c.node, func.sum(tally.c.n))
    wanted = wanted.where(tally.c.at >= since, tally.c.subject == subject)
    wanted = wanted.group_by("slot", tally.c.what, tally.c.node)
    rows = connection.execute(wanted.order_by("slot").limit(POINTS_MOST))
    return [Point(at, what, node, int(n)) for at, what, node, n in rows]


def figures(connection: Connection, subject: str, since: int) -> Sequence[Point]:
    """How a subject stood, oldest first. Every node notes the same: of several rows the largest counts."""
    wanted = select(tally.c.at, tally.c.what, func.max(tally.c.n))
    wanted = wanted.where(tally.c.at >= since, tally.c.subject == subject)
    rows = connection.execute(
        wanted.group_by(tally.c.at, tally.c.what).order_by(tally.c.at).limit(POINTS_MOST)
    )
    return [Point(at, what, "", n) for at, what, n in rows]


def pool_use(connection: Connection, now: int) -> Mapping[str, Mapping[int, int]]:
    """By pool: how many recipients have so many of its numbers taken. A pair that rests is taken too."""
    pairs = (
        select(lease.c.pool, func.count().label("taken"))
        .where(lease.c.rest_until >= now)
        .group_by(lease.c.pool, lease.c.peer)
        .subquery()
    )
    wanted = select(pairs.c.pool, pairs.c.taken, func.count()).group_by(pairs.c.pool, pairs.c.taken)
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for pool, taken, peers in connection.execute(wanted):
        found[pool][int(taken)] = int(peers)
    return found


def leases_of(connection: Connection, numbers: Sequence[str], now: int) -> Mapping[str, int]:
    """How many recipients each of these numbers is leased for."""
    wanted = select(lease.c.number, func.count()).where(lease.c.number.in_(numbers))
    wanted = wanted.where(lease.c.rest_until >= now).group_by(lease.c.number)
    return {number: int(n) for number, n in connection.execute(wanted)}
