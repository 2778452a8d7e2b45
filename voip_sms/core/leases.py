"""2way: which pool number texts whom, for how long, and to whom an answer belongs.

A lease is a row of table `lease`: `number` (of the pool) and `peer` (E.164 of the recipient) are its key,
`tenant_id` and `account` its holder. Answers count `until`; the pair rests until `rest_until`, so that an
answer that travelled for long meets nobody rather than a stranger. All times are epoch microseconds.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from voip_sms.core.clock import DAY
from voip_sms.core.directory import Id, Pool

Row = Mapping[str, Any]

REST = DAY
"""An SMS is kept by the networks for some days at most, and `until` counts from the end of its validity:
one day more covers clocks that differ and answers that were on the way."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A conversation's own side: the tenant and the `Account.ref` that texted."""

    tenant_id: Id
    account: str


@dataclass(frozen=True, slots=True)
class Term:
    """How long a lease runs, as its two columns."""

    until: int
    rest_until: int


def pick(pool: Pool, rows: Iterable[Row], peer: str, holder: Holder, now: int) -> str | None:
    """The pool's number from which `holder` texts `peer` now, or None: all are taken (`pool_exhausted`).

    `rows` are the peer's leases, expired ones too, whatever pool their numbers were in when they were leased.
    The holder's own number comes first, even when its time is over, so that a conversation looks the same to
    the peer for as long as possible.
    """
    by_number = {row["number"]: row for row in rows}
    mine = [row for number in pool.numbers if (row := by_number.get(number)) and _holder(row) == holder]
    if mine:
        return str(max(mine, key=_until)["number"])
    free = [number for number in pool.numbers if _free(by_number.get(number), now)]
    if not free:
        return None
    return free[zlib.crc32(peer.encode()) % len(free)]  # peers are spread evenly over the pool


def after_mt(row: Row | None, holder: Holder, expires_at: int, window: int) -> Term:
    """The term once `holder` sends an MT that the network may deliver until `expires_at`.

    `row` is the lease of the picked pair, if there is one; a term of one's own never gets shorter.
    """
    until = expires_at + window
    if row is not None and _holder(row) == holder:
        until = max(until, _until(row))
    return Term(until, until + REST)


def after_mo(row: Row, now: int, window: int) -> Term:
    """The term once the peer has answered (the lease is live): it may be answered for a window from now."""
    until = max(now + window, _until(row))
    return Term(until, until + REST)


def holder(row: Row | None, now: int) -> Holder | None:
    """To whom an MO on this pair belongs, or None: nobody's, to be quarantined."""
    return _holder(row) if row is not None and now <= _until(row) else None


def values(pool: Pool, holder: Holder, term: Term) -> dict[str, Any]:
    """The columns of a lease beside its key, to insert or to update with."""
    return {
        "tenant_id": holder.tenant_id,
        "account": holder.account,
        "pool": pool.name,
        "until": term.until,
        "rest_until": term.rest_until,
    }


def _holder(row: Row) -> Holder:
    return Holder(row["tenant_id"], row["account"])


def _until(row: Row) -> int:
    return int(row["until"])


def _free(row: Row | None, now: int) -> bool:
    return row is None or int(row["rest_until"]) < now
