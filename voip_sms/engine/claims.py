"""Takes due parts of one carrier out of the queue, in order, and puts unused ones back.

Order: priority, due time, message, part. Within one pair (originator, recipient) and priority a message waits
while an earlier one is in flight, being retried, or due as well; parts of one message go together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, exists, or_, select, text

from voip_sms.core.directory import Id
from voip_sms.core.model import OutboundPart
from voip_sms.core.planning import BULK, INTERACTIVE, OTP
from voip_sms.engine.rows import CLAIM, claimed_part
from voip_sms.store.tables import part
from voip_sms.store.units import Read, Rows, Scan, State, Unit, by_key

_PRIORITIES: Final = (OTP, INTERACTIVE, BULK)
# Literal texts: a partial index is only used where its condition is seen to hold.
_QUEUED: Final = text("part.state = 'queued'")
_EARLIER_LIVE: Final = text("earlier.state IN ('queued', 'sending')")


@dataclass(frozen=True, slots=True)
class Claimed:
    """Parts that are ours now, to be submitted in this order. `more`: others are due but must wait."""

    parts: tuple[OutboundPart, ...]
    more: bool


def _due() -> Select[Any]:
    """Due parts of one priority, whatever else goes on in their pairs."""
    return (
        select(part)
        .where(
            part.c.carrier == bindparam("carrier"),
            part.c.priority == bindparam("priority"),
            _QUEUED,
            part.c.due_at <= bindparam("now"),
            part.c.expires_at > bindparam("now"),
        )
        .order_by(part.c.due_at, part.c.message_id, part.c.no)
        .limit(bindparam("most"))
    )


def _claimable() -> Select[Any]:
    earlier = part.alias("earlier")
    blocks = exists(select(1).select_from(earlier).where(
        and_(
            earlier.c.pair == part.c.pair,
            earlier.c.priority == part.c.priority,
            _EARLIER_LIVE,
            earlier.c.message_id < part.c.message_id,
            # What is scheduled for later has no place in the order yet.
            or_(
                earlier.c.state == "sending",
                earlier.c.attempts > 0,
                earlier.c.due_at <= bindparam("now"),
            ),
        )
    ))  # fmt: skip
    return _due().where(~blocks).with_for_update(skip_locked=True, of=part)


_DUE: Final = _due()
_CLAIMABLE: Final = _claimable()


def claim_unit(carrier: str, most: int, now: int, node: str) -> Unit:
    """Claim at most `most` parts for `node`; the result is a `Claimed`."""

    def scans(statement: Select[Any], limit: int) -> list[Scan]:
        return [
            Scan("part", statement, {"carrier": carrier, "priority": priority, "now": now, "most": limit})
            for priority in _PRIORITIES
        ]

    claimable, due = scans(_CLAIMABLE, most), scans(_DUE, most + 1)

    def chosen(state: State) -> list[Mapping[str, Any]]:
        rows = (row for scan in claimable for row in state.scanned(scan) if row["state"] == "queued")
        return list(rows)[:most]

    def follow(state: State) -> Iterable[Read]:
        rows = chosen(state)
        if len(rows) < most:
            yield from due
        for row in rows:
            yield by_key("message", row["message_id"], lock=False)
            yield by_key("message_text", row["message_id"], lock=False)

    def decide(state: State) -> Rows:
        rows = Rows()
        claims = (_claim(state, row, rows, now, node) for row in chosen(state))
        mine = [outbound for outbound in claims if outbound is not None]
        waiting = {(row["message_id"], row["no"]) for scan in due for row in state.scanned(scan)}
        taken = {(outbound.message_id, outbound.no) for outbound in mine}
        looked = all(state.has_scanned(scan) for scan in due)
        rows.result = Claimed(tuple(mine), not looked or not waiting <= taken)
        return rows

    return Unit(decide, claimable, follow)


def _claim(state: State, row: Mapping[str, Any], rows: Rows, now: int, node: str) -> OutboundPart | None:
    message_id: Id = row["message_id"]
    key = (message_id, row["no"])
    message, body = state.get("message", message_id), state.get("message_text", message_id)
    if not state.knows(by_key("message", message_id, lock=False)):
        return None  # moved up when a predecessor took another one away: the next claim has it
    if message is None or body is None:  # erased while it waited: nothing to send, so it runs out
        rows.update("part", key, due_at=row["expires_at"], cause="text_erased")
        return None
    rows.update("part", key, state="sending", claimed_by=node, claimed_until=now + CLAIM)
    return claimed_part(message, row, body["body"], now)


def put_back_unit(parts: Sequence[OutboundPart], node: str) -> Unit:
    """Queue claimed parts again that never left."""

    def decide(state: State) -> Rows:
        rows = Rows()
        for outbound in parts:
            key = (outbound.message_id, outbound.no)
            row = state.get("part", *key)
            if row is not None and row["state"] == "sending" and row["claimed_by"] == node:
                rows.update("part", key, state="queued", claimed_by=None, claimed_until=None)
        return rows

    return Unit(decide, [by_key("part", outbound.message_id, outbound.no) for outbound in parts])


_RETRYING: Final = (
    select(part)
    .where(part.c.carrier == bindparam("carrier"), _QUEUED, part.c.attempts > 0)
    .limit(bindparam("most"))
)


def retrying_unit(carrier: str, most: int) -> Unit:
    """Read which parts are being retried: [(pair, (message_id, no), expires_at)], at most `most`."""
    scan = Scan("part", _RETRYING, {"carrier": carrier, "most": most})

    def decide(state: State) -> Rows:
        found = [
            (row["pair"], (row["message_id"], row["no"]), row["expires_at"]) for row in state.scanned(scan)
        ]
        return Rows(result=found)

    return Unit(decide, [scan])
