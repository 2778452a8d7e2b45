"""Receipts that came before their message id was known: kept, and applied when it is.

A receipt names its message in every spelling under which the id may be stored; each is kept as a row, and
all these twins go once one of them has met its part.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from voip_sms.core.clock import HOUR
from voip_sms.core.directory import Id
from voip_sms.core.model import CarrierReceipt
from voip_sms.core.planning import storable
from voip_sms.core.status import Status
from voip_sms.engine.progress import Cause, Progress, Work
from voip_sms.store.units import Match, Read, Row, State

FRESH: Final = HOUR
"""How long a receipt may meet its id: it comes moments before it. Later, the id may be another message's."""

REFERENCE_MOST: Final = 100
"""Characters of a carrier's id: SMPP's have at most 64."""


def storable_reference(reference: str) -> str:
    """A carrier's id as it is stored and compared."""
    return storable(reference)[:REFERENCE_MOST]


def orphans_of(carrier: str, reference: str) -> Match:
    """The receipts that wait for this id of this carrier."""
    return Match("orphan_receipt", ("carrier", "carrier_ref"), (carrier, reference))


def twins_of(state: State, orphans: Match) -> Iterable[Read]:
    """The other spellings of the receipts found: they came at the same moment."""
    return [_same_moment(row) for row in state.find(orphans)]


def _same_moment(row: Mapping[str, Any]) -> Match:
    return Match("orphan_receipt", ("carrier", "received_at"), (row["carrier"], row["received_at"]))


def apply_orphans(work: Work, orphans: Match, progress: Progress, no: int) -> None:
    """Apply the receipts found to part `no`, which has just become known to the carrier, and drop them."""
    found = work.state.find(orphans)
    if not found:
        return
    for row in sorted(found, key=lambda row: (row["received_at"], row["id"])):
        if row["received_at"] < work.moment.now - FRESH:
            continue
        progress.move(no, Status(row["status"]), receipt_cause(row["status"], row["cause"]))
        drop(work, row)


def drop(work: Work, row: Mapping[str, Any]) -> None:
    """Remove a receipt in all its spellings."""
    twins = {(row["id"],)} | {
        (twin["id"],) for twin in work.state.find(_same_moment(row)) if twin["raw"] == row["raw"]
    }
    for key in sorted(twins):
        work.rows.delete("orphan_receipt", key)


def receipt_cause(status: str, text: str) -> Cause:
    """What a receipt's `cause` says, as error: `undelivered`, `expired`, or `rejected` by the network."""
    code = "rejected" if status == Status.FAILED else status
    return Cause(text, code, text)


def orphan_rows(carrier: str, receipt: CarrierReceipt, now: int, new_id: Callable[[], Id]) -> list[Row]:
    """A row for each spelling of the id."""
    return [
        {
            "id": new_id(),
            "carrier": carrier,
            "carrier_ref": reference,
            "status": receipt.status,
            "cause": receipt.cause,
            "at": receipt.at,
            "raw": receipt.raw,
            "received_at": now,
        }
        for reference in receipt.references
    ]
