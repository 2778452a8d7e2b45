"""Ends what waited too long: parts past their validity, and receipts that never came."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import and_, bindparam, or_, select, text

from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.directory import Id
from voip_sms.core.status import Status
from voip_sms.engine.chores.chore import ROWS, moment_of
from voip_sms.engine.context import Context
from voip_sms.engine.progress import NO_RECEIPT, Cause, Moment, Progress, Work, reads_around, siblings
from voip_sms.store.tables import message
from voip_sms.store.tables import part as parts
from voip_sms.store.units import Read, Rows, Scan, State, Unit, by_key

PATIENCE: Final = DAY
"""How long after a message's validity a receipt may still come (`docs/contract.md`)."""
LOOK_BACK: Final = 15 * MINUTE
"""How far back expired messages are looked for each time; whoever misses this is met by the far look."""
LOOK_FAR: Final = HOUR
"""How often all parts in the queue are looked at, at start first: nobody looked while we were down."""

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
_QUEUED: Final = (
    select(parts)
    .where(text("part.state = 'queued'"), parts.c.expires_at <= bindparam("now"))
    .order_by(parts.c.message_id, parts.c.no)
    .limit(ROWS)
)

Place = tuple[int, bytes]


class Expiry:
    """Parts still in the queue after their validity end as `expired`; their money is released."""

    name = "expiry"

    def __init__(self) -> None:
        self._place: Place | None = None
        self._far_at = 0

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        moment = moment_of(context)
        if self._place is None and moment.now >= self._far_at:
            return await self._look_far(context, moment)
        since, after = self._place or (moment.now - LOOK_BACK, b"")
        scan = Scan("message", _WAITING, {"since": since, "after": after, "now": moment.now})
        count, place = await context.writer.do(past_unit(moment, scan, _expire))
        self._place = place if count >= ROWS else None
        return int(count)

    async def _look_far(self, context: Context, moment: Moment) -> int:
        scan = Scan("part", _QUEUED, {"now": moment.now})
        count, _ = await context.writer.do(past_unit(moment, scan, _expire))
        if count < ROWS:
            self._far_at = moment.now + LOOK_FAR
        return int(count)


class NoReceipt:
    """What a carrier took and never reported on ends as `expired`, cause `no_receipt`."""

    name = "no_receipt"

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        moment = moment_of(context)
        values = {"since": 0, "after": b"", "now": moment.now - PATIENCE}
        count, _ = await context.writer.do(past_unit(moment, Scan("message", _SENT, values), _no_receipt))
        return int(count)


def past_unit(moment: Moment, scan: Scan, end: Callable[[Progress], None]) -> Unit:
    """The unit that lets `end` look at each message found, itself or by its parts.

    Its result: how many rows were found, and the place (expires_at, id) of the last message.
    """

    def follow(state: State) -> Iterable[Read]:
        for message_id in _ids(state.scanned(scan)):
            yield by_key("message", message_id)
            yield siblings(message_id)
            yield from reads_around(moment, message_id, state)

    def decide(state: State) -> Rows:
        found = state.scanned(scan)
        work = Work(moment, state)
        place: Place = (0, b"")
        for message_id in _ids(found):
            row = state.get("message", message_id)
            if row is None:
                continue
            progress = Progress(work, row)
            end(progress)
            progress.finish()
            place = (row["expires_at"], row["id"])
        work.rows.result = (len(found), place)
        return work.done()

    return Unit(decide, [scan], follow)


def _ids(rows: Iterable[Mapping[str, Any]]) -> list[Id]:
    return list(dict.fromkeys(row["message_id"] if "message_id" in row else row["id"] for row in rows))


def _expire(progress: Progress) -> None:
    for part in progress.parts():
        if part["state"] == "queued":
            cause = part["cause"] or "validity_over"
            progress.move(part["no"], Status.EXPIRED, Cause(cause, "expired", cause))


def _no_receipt(progress: Progress) -> None:
    for part in progress.parts():
        if part["state"] == "sent":
            progress.move(part["no"], Status.EXPIRED, Cause(NO_RECEIPT, NO_RECEIPT))
