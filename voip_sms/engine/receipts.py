"""What a carrier reports about parts it took: matched, moved forward, combined; unknown ones are kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from voip_sms.core.model import CarrierReceipt
from voip_sms.core.planning import storable
from voip_sms.core.status import Status, advance
from voip_sms.engine import billing
from voip_sms.engine.context import Context
from voip_sms.engine.orphans import orphan_rows, orphans_of, receipt_cause, storable_reference
from voip_sms.engine.progress import Moment, Progress, Work, siblings, siblings_of
from voip_sms.engine.receipt_jobs import wishes
from voip_sms.engine.rows import pieces_of
from voip_sms.store.units import Again, Match, Read, Rows, State, Unit, by_key

SPELLINGS_MOST: Final = 8
"""Spellings of one id: as it came, hexadecimal and decimal, with and without leading zeros."""
RAW_MOST: Final = 1_000
"""Octets of a receipt's text that are kept: the longest real ones have some 200."""
CAUSE_MOST: Final = 200
"""Characters of a cause in the history."""

log = structlog.get_logger(__name__)


class Receipts:
    """The `receipt` half of `ports.CarrierEvents`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def receipt(self, carrier: str, receipt: CarrierReceipt) -> None:
        """Apply it, or keep it until its id is known. Returns after the commit; repeating it changes nothing.

        Refusal `store_unavailable`: it was not stored, the carrier shall bring it again.
        """
        if receipt.status is None or not receipt.references:
            log.info("receipt_without_effect", carrier=carrier, cause=receipt.cause)
            return
        context = self._context
        moment = Moment(context.directory(), context.clock.now(), context.new_id)
        if await context.writer.do(receipt_unit(moment, carrier, _bounded(receipt))) == "late":
            log.info("receipt_after_the_end", carrier=carrier, cause=receipt.cause)
        context.metrics.receipt(carrier, receipt.status)


def receipt_unit(moment: Moment, carrier: str, receipt: CarrierReceipt) -> Unit:
    """The unit that applies one receipt; its result is `applied`, `late`, or `kept`."""
    matches = [Match("part", ("carrier", "carrier_ref"), (carrier, ref)) for ref in receipt.references]
    orphans = [orphans_of(carrier, reference) for reference in receipt.references]

    def follow(state: State) -> Iterable[Read]:
        for part in _found(state, matches):
            yield by_key("message", part["message_id"])
            yield from siblings_of(moment, part["message_id"], state)

    def decide(state: State) -> Rows:
        parts = _theirs(state, _found(state, matches), receipt)
        if not parts:
            return _keep(state, orphans, moment, carrier, receipt)
        part = _meant(parts, receipt)
        if part is None:
            return Rows(result="late")
        return _apply(state, part, moment, receipt)

    return Unit(decide, [*matches, *orphans], follow)


def _found(state: State, matches: Sequence[Match]) -> list[Mapping[str, Any]]:
    return [part for match in matches for part in state.find(match)]


def _theirs(
    state: State, parts: Sequence[Mapping[str, Any]], receipt: CarrierReceipt
) -> list[Mapping[str, Any]]:
    """Without what another spelling than the likeliest found, where the recipient says that it is another's.

    Some carriers rewrite numbers: the likeliest spelling alone is believed without the recipient, unless
    several parts have it.
    """
    if not receipt.recipient:
        return list(parts)
    right = [part for part in parts if _recipient(state, part) in {None, receipt.recipient}]
    return right or [part for part in parts if part["carrier_ref"] == receipt.references[0]]


def _recipient(state: State, part: Mapping[str, Any]) -> str | None:
    """Whom the part's message went to; None while the message has not been read."""
    message = state.get("message", part["message_id"])
    return None if message is None else message["recipient"]


def _meant(parts: Sequence[Mapping[str, Any]], receipt: CarrierReceipt) -> Mapping[str, Any] | None:
    """Carriers use ids again: the part that still waits for a receipt, the latest if there are several."""
    status = Status(receipt.status or "")
    waiting = [part for part in parts if part["state"] not in billing.LIVE and advance(part["state"], status)]
    return max(waiting, key=lambda part: part["sent_at"] or 0, default=None)


def _apply(state: State, part: Mapping[str, Any], moment: Moment, receipt: CarrierReceipt) -> Rows:
    message = state.get("message", part["message_id"])
    if (
        message is None
        or (pieces_of(message) > 1 and not state.knows(siblings(message["id"])))
        or not all(state.knows(wish) for wish in wishes(message))
    ):
        raise Again  # the part got its id in this very batch: its message has not been read
    work = Work(moment, state, "applied")
    progress = Progress(work, message)
    status = Status(receipt.status or "")
    progress.move(part["no"], status, receipt_cause(status.value, receipt.cause))
    progress.finish()
    return work.done()


def _keep(
    state: State, orphans: Sequence[Match], moment: Moment, carrier: str, receipt: CarrierReceipt
) -> Rows:
    rows = Rows(result="kept")
    known = any(
        (row["status"], row["raw"]) == (receipt.status, receipt.raw)
        for match in orphans
        for row in state.find(match)
    )
    if not known:
        for row in orphan_rows(carrier, receipt, moment.now, moment.new_id):
            rows.inserts.append(("orphan_receipt", row))
    return rows


def _bounded(receipt: CarrierReceipt) -> CarrierReceipt:
    references = tuple(dict.fromkeys(map(storable_reference, receipt.references[:SPELLINGS_MOST])))
    return replace(
        receipt,
        references=references,
        cause=storable(receipt.cause)[:CAUSE_MOST],
        raw=storable(receipt.raw)[:RAW_MOST],
    )
