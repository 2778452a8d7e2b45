"""Removes records that have served: of repeats, conversations, leases, loops, what was nobody's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, select

from voip_sms.core.clock import DAY
from voip_sms.core.conversations import UNSEEN
from voip_sms.core.ids import earliest
from voip_sms.engine.chores.chore import ROWS
from voip_sms.engine.chores.texts import RECEIVED_DAYS
from voip_sms.engine.context import Context
from voip_sms.store.units import Rows, Scan, State, Unit, key_of, table_of


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of `table` go `life` microseconds after the moment in `column`, so many in one unit.

    `bound` makes of a moment what `column` is compared with: an id has its moment in it.
    """

    table: str
    column: str
    life: int = 0
    rows: int = ROWS
    bound: Callable[[int], Any] = int


KEPT: Final = (
    Kept("idempotency", "created_at", DAY, rows=25),  # a list of 10,000 makes a row of a megabyte
    Kept("inbound_seen", "seen_at", DAY),
    Kept("orphan_receipt", "received_at", 7 * DAY),
    Kept("quarantine", "received_at", RECEIVED_DAYS * DAY),
    Kept("loop_guard", "until"),
    Kept("lease", "rest_until"),
    Kept("conversation", "until"),
    Kept("mail_thread", "until"),
    Kept("usage", "until", 32 * DAY),  # a clock that was put back finds what was counted
    Kept("binding", "expires_at", DAY),
    Kept("disposition", "message_id", 30 * DAY, bound=earliest),  # a message ends within nine
    Kept("peer_reading", "upto", UNSEEN, bound=earliest),  # what is older counts as seen without it
    Kept("node", "seen_at", 7 * DAY),
    Kept("tally", "at", 32 * DAY),  # a month of charts
    Kept("panel_session", "ends_at"),
    Kept("one_time_link", "expires_at", DAY),
    Kept("number_proof", "expires_at", DAY),  # codes of a day are counted
)
"""`docs/contract.md` for the first two; the others' columns say when they end."""


class Purge:
    """One table's old rows."""

    def __init__(self, kept: Kept) -> None:
        self.name = f"purge_{kept.table}"
        self._kept = kept
        self._statement = _statement(kept)

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        table = self._kept.table
        scan = Scan(
            table, self._statement, {"before": self._kept.bound(context.clock.now() - self._kept.life)}
        )

        def decide(state: State) -> Rows:
            found = state.scanned(scan)
            before = scan.values["before"]
            # Renewed by an earlier unit of the batch: it stays.
            old = [row for row in found if row[self._kept.column] < before]
            looked = len(found) if len(found) < self._kept.rows else ROWS
            return Rows(result=looked, deletes=[(table, key_of(table, row)) for row in old])

        return int(await context.writer.do(Unit(decide, [scan])))


def _statement(kept: Kept) -> Select[tuple[object, ...]]:
    table = table_of(kept.table)
    column = table.c[kept.column]
    statement = select(table).where(column < bindparam("before")).order_by(column).limit(kept.rows)
    return statement.with_for_update(skip_locked=True)
