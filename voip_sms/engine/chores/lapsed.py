"""Takes back the parts of processes that died: nobody knows whether the carrier got them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import bindparam, select, text

from voip_sms.core.directory import Id
from voip_sms.core.failures import Uncertain
from voip_sms.engine.chores.chore import ROWS, moment_of
from voip_sms.engine.context import Context
from voip_sms.engine.outcomes import Policy, unknown_end
from voip_sms.engine.progress import Moment, Progress, Work, reads_around, siblings
from voip_sms.store.tables import part
from voip_sms.store.units import Read, Rows, Scan, State, Unit, by_key

_SENDING: Final = text("part.state = 'sending'")
_LAPSED: Final = (
    select(part)
    .where(_SENDING, part.c.claimed_until < bindparam("now"))
    .order_by(part.c.claimed_until)
    .limit(ROWS)
)
_OWN: Final = (
    select(part)
    .where(_SENDING, part.c.claimed_by == bindparam("node"))
    .order_by(part.c.claimed_until)
    .limit(ROWS)
)

Holds = Callable[[Id, int], bool]
"""Whether a part (message id, number) is in this process's hands; called in the writer's thread."""


class Lapsed:
    """Claims whose time is over."""

    name = "lapsed_claims"

    def __init__(self, policy: Policy, holds: Holds) -> None:
        self._policy = policy
        self._holds = holds

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        moment = moment_of(context)
        scan = Scan("part", _LAPSED, {"now": moment.now})
        return int(await context.writer.do(lapsed_unit(moment, self._policy, scan, self._holds)))


class Own:
    """What this node held when it died. Only before it dispatches anything again."""

    name = "own_claims"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        moment = moment_of(context)
        scan = Scan("part", _OWN, {"node": context.node})
        return int(await context.writer.do(lapsed_unit(moment, self._policy, scan, _nobody)))


def lapsed_unit(moment: Moment, policy: Policy, scan: Scan, holds: Holds) -> Unit:
    """The unit that ends each hand-over found as uncertain; result: how many it found."""

    def follow(state: State) -> Iterable[Read]:
        for row in state.scanned(scan):
            yield by_key("message", row["message_id"])
            yield siblings(row["message_id"])
            yield from reads_around(moment, row["message_id"], state)

    def decide(state: State) -> Rows:
        found = state.scanned(scan)
        work = Work(moment, state, len(found))
        for message_id, parts in _by_message(found).items():
            message = state.get("message", message_id)
            mine = [row for row in parts if row["state"] == "sending" and not holds(message_id, row["no"])]
            if message is None or not mine:
                continue
            progress = Progress(work, message)
            for row in mine:
                unknown_end(moment, policy, progress, row["no"], Uncertain("interrupted"))
                work.rows.wakes.add(f"parts:{row['carrier']}")
            progress.finish()
        return work.done()

    return Unit(decide, [scan], follow)


def _by_message(rows: Iterable[Mapping[str, Any]]) -> dict[Id, list[Mapping[str, Any]]]:
    grouped: dict[Id, list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["message_id"], []).append(row)
    return grouped


def _nobody(_message_id: Id, _no: int) -> bool:
    return False
