"""Removes the texts of messages once they need not be kept any longer.

Received ones after the operator's number of days, sent ones of tenants who didn't ask to keep them once the
message is over and everything that tells of it has been handed over (most go at once, in `progress`).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import bindparam, select

from voip_sms.core.clock import DAY
from voip_sms.core.directory import Id
from voip_sms.core.status import TERMINAL
from voip_sms.engine.chores.chore import ROWS, moment_of
from voip_sms.engine.context import Context
from voip_sms.engine.progress import Moment
from voip_sms.store.tables import message_text
from voip_sms.store.units import Match, Read, Rows, Scan, State, Unit, by_key

RECEIVED_DAYS: Final = 90
"""How long received texts are kept unless set otherwise (B4)."""

_NEXT: Final = (
    select(message_text)
    .where(message_text.c.message_id > bindparam("after"))
    .order_by(message_text.c.message_id)
    .limit(ROWS)
)


class Texts:
    """Walks through all texts in the order of their age, again and again, `ROWS` at a time."""

    name = "texts"

    def __init__(self, received_days: int, erased: Callable[[], None]) -> None:
        """`erased` is called on the loop when a round has ended, whether or not it removed anything: most
        texts go elsewhere (`progress`), or went before a crash.
        """
        self._received = received_days * DAY
        self._erased = erased
        self._after: Id = b""

    async def run(self, context: Context) -> int:
        """One unit: see `chore.Chore`."""
        moment = moment_of(context)
        looked, last = await context.writer.do(texts_unit(moment, self._after, self._received))
        self._after = last if looked >= ROWS else b""
        if looked < ROWS:
            self._erased()
        return int(looked)


def texts_unit(moment: Moment, after: Id, received: int) -> Unit:
    """The unit that looks at the texts after this id; result: how many, and the last id."""
    scan = Scan("message_text", _NEXT, {"after": after})

    def follow(state: State) -> Iterable[Read]:
        for row in state.scanned(scan):
            yield by_key("message", row["message_id"], lock=False)
            message = state.get("message", row["message_id"])
            if message is not None and _may_go(moment, message, received):
                yield _jobs(row["message_id"])

    def decide(state: State) -> Rows:
        found = state.scanned(scan)
        rows = Rows()
        for row in found:
            message = state.get("message", row["message_id"])
            if message is None or (
                _may_go(moment, message, received) and not _awaited(state, row["message_id"])
            ):
                rows.delete("message_text", (row["message_id"],))
        last = found[-1]["message_id"] if found else b""
        rows.result = (len(found), last)
        return rows

    return Unit(decide, [scan], follow)


def _may_go(moment: Moment, message: Mapping[str, Any], received: int) -> bool:
    if message["direction"] == "inbound":
        return bool(message["created_at"] < moment.now - received)
    tenant = moment.directory.tenants.get(message["tenant_id"])
    return tenant is not None and not tenant.keep_sent_text and message["status"] in TERMINAL


def _awaited(state: State, message_id: Id) -> bool:
    """Whether somebody is still to be told, with the text."""
    return any(job["state"] in {"queued", "sending"} for job in state.find(_jobs(message_id)))


def _jobs(message_id: Id) -> Match:
    return Match("forward_job", ("message_id",), (message_id,), lock=False)
