"""Matches kept receipts once more, for those that crossed with the response that named their id."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import bindparam, select

from voip_sms.core.status import Status
from voip_sms.engine.chores.chore import ROWS, moment_of
from voip_sms.engine.context import Context
from voip_sms.engine.orphans import FRESH, drop, receipt_cause
from voip_sms.engine.progress import Moment, Progress, Work, siblings, siblings_of
from voip_sms.store.tables import orphan_receipt
from voip_sms.store.units import Match, Read, Rows, Scan, State, Unit, by_key

_FRESH: Final = (
    select(orphan_receipt)
    .where(orphan_receipt.c.received_at > bindparam("since"))
    .order_by(orphan_receipt.c.received_at.desc())
    .limit(ROWS)
)


class Orphaned:
    """Receipts of the last hour whose id is known by now."""

    name = "orphan_receipts"

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`. What it found and left counts as looked at: no second unit follows."""
        moment = moment_of(context)
        return int(await context.writer.do(orphaned_unit(moment)))


def orphaned_unit(moment: Moment) -> Unit:
    """The unit that applies what can be applied; result: how many receipts met their part."""
    scan = Scan("orphan_receipt", _FRESH, {"since": moment.now - FRESH})

    def follow(state: State) -> Iterable[Read]:
        for row in state.scanned(scan):
            yield _part_of(row)
            yield Match("orphan_receipt", ("carrier", "received_at"), (row["carrier"], row["received_at"]))
            for part in state.find(_part_of(row)):
                yield by_key("message", part["message_id"])
                yield siblings(part["message_id"])
                yield from siblings_of(moment, part["message_id"], state)

    def decide(state: State) -> Rows:
        work = Work(moment, state)
        seen: set[bytes] = set()
        met = 0
        for row in state.scanned(scan):
            for part in state.find(_part_of(row)):
                message = state.get("message", part["message_id"])
                # One step of a message in one decision: the next one is due in a minute.
                if message is None or part["state"] != Status.SENT or message["id"] in seen:
                    continue
                seen.add(message["id"])
                met += 1
                _apply(work, message, part, row)
        work.rows.result = met
        return work.done()

    return Unit(decide, [scan], follow)


def _apply(work: Work, message: Mapping[str, Any], part: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    progress = Progress(work, message)
    progress.move(part["no"], Status(row["status"]), receipt_cause(row["status"], row["cause"]))
    progress.finish()
    drop(work, row)


def _part_of(row: Mapping[str, Any]) -> Match:
    return Match("part", ("carrier", "carrier_ref"), (row["carrier"], row["carrier_ref"]))
