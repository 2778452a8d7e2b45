"""Forgets webhook secrets that were replaced, once they no longer sign."""

from typing import Final

from sqlalchemy import bindparam, select

from voip_sms.engine.chores.chore import ROWS
from voip_sms.engine.context import Context
from voip_sms.store.tables import forward
from voip_sms.store.units import Rows, Scan, State, Unit

_OVER: Final = (
    select(forward)
    .where(forward.c.secret_before_until < bindparam("now"))
    .limit(ROWS)
    .with_for_update(skip_locked=True)
)


class Secrets:
    """Secrets before the last rotation. Nobody need be told: signing looks at the clock by itself."""

    name = "old_secrets"

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        now = context.clock.now()
        scan = Scan("forward", _OVER, {"now": now})

        def decide(state: State) -> Rows:
            found = state.scanned(scan)
            rows = Rows(result=len(found))
            for rule in found:
                # Replaced anew by an earlier unit of the batch: it signs on.
                if (rule["secret_before_until"] or now) < now:
                    rows.update("forward", (rule["id"],), secret_before=None, secret_before_until=None)
            return rows

        return int(await context.writer.do(Unit(decide, [scan])))
