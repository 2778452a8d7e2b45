"""Ends what waited too long: parts past their validity, and receipts that never came."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import and_, bindparam, or_, select, text

from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.status import Status
from voip_sms.engine.chores.chore import ROWS, moment_of
from voip_sms.engine.context import Context
from voip_sms.engine.progress import Cause, Moment, Progress, Work, reads_around, siblings
from voip_sms.store.tables import message
from voip_sms.store.units import Read, Rows, Scan, State, Unit, by_key

NO_RECEIPT: Final = DAY
"""How long after a message's validity a receipt may still come (`docs/contract.md`)."""
LOOK_BACK: Final = 15 * MINUTE
"""Parts that were in a carrier's hands when they expired are back within this: a claim, and some to spare."""
LOOK_FAR: Final = HOUR
"""How often every open message is looked at, however long ago it expired."""

# As the index `ix_message_open` has it, literally: only then is the index used.
_OPEN: Final = text("message.status IN ('accepted','scheduled','queued','sending','sent')")
_PAST: Final = (
    select(message)
    .where(
        _OPEN,
        message.c.direction == "outbound",
        message.c.expires_at >= bindparam("since"),
        message.c.expires_at <= bindparam("now"),
        or_(
            message.c.expires_at > bindparam("since"),
            and_(message.c.expires_at == bindparam("since"), message.c.id > bindparam("after")),
        ),
    )
    .order_by(message.c.expires_at, message.c.id)
    .limit(ROWS)
)
_WAITING: Final = _PAST.where(message.c.status != "sent")
_SENT: Final = _PAST.where(message.c.status == "sent")

Place = tuple[int, bytes]


class Expiry:
    """Parts still in the queue after their validity end as `expired`; their money is released."""

    name = "expiry"

    def __init__(self) -> None:
        self._place: Place | None = None
        self._looked_far = 0

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        moment = moment_of(context)
        if self._place is None:
            far = moment.now - self._looked_far >= LOOK_FAR
            self._looked_far = moment.now if far else self._looked_far
            self._place = (0 if far else moment.now - LOOK_BACK, b"")
        values = {"since": self._place[0], "after": self._place[1], "now": moment.now}
        count, place = await context.writer.do(past_unit(moment, Scan("message", _WAITING, values), _expire))
        self._place = place if count >= ROWS else None
        return int(count)


class NoReceipt:
    """What a carrier took and never reported on ends as `expired`, cause `no_receipt`."""

    name = "no_receipt"

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        moment = moment_of(context)
        values = {"since": 0, "after": b"", "now": moment.now - NO_RECEIPT}
        count, _ = await context.writer.do(past_unit(moment, Scan("message", _SENT, values), _no_receipt))
        return int(count)


def past_unit(moment: Moment, scan: Scan, end: Callable[[Progress], None]) -> Unit:
    """The unit that lets `end` look at each message found; result: how many, and the last one's place."""

    def follow(state: State) -> Iterable[Read]:
        for row in state.scanned(scan):
            yield by_key("message", row["id"])
            yield siblings(row["id"])
            yield from reads_around(moment, row["id"], state)

    def decide(state: State) -> Rows:
        found: list[Mapping[str, Any]] = state.scanned(scan)
        place = (found[-1]["expires_at"], found[-1]["id"]) if found else (0, b"")
        work = Work(moment, state, (len(found), place))
        for row in found:
            progress = Progress(work, row)
            end(progress)
            progress.finish()
        return work.done()

    return Unit(decide, [scan], follow)


def _expire(progress: Progress) -> None:
    for part in progress.parts():
        if part["state"] == "queued":
            cause = part["cause"] or "validity_over"
            progress.move(part["no"], Status.EXPIRED, Cause(cause, "expired", cause))


def _no_receipt(progress: Progress) -> None:
    for part in progress.parts():
        if part["state"] == "sent":
            progress.move(part["no"], Status.EXPIRED, Cause("no_receipt", "no_receipt"))
