"""Money of messages: reserved when accepted, settled when a carrier took a part, released when none will.

`available = credit - reserved - settled`. A message reserves the price of all its parts once; each part ends
that once, by settling or releasing its share. The ledger's key (message, part, phase) makes both exact.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from voip_sms.core.directory import Id, Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.status import Status
from voip_sms.store.units import Row, Rows

LIVE: Final = frozenset({"queued", "sending"})
"""States of a part whose money is still reserved."""
_TAKEN: Final[frozenset[str]] = frozenset({Status.SENT, Status.DELIVERED})


class Purse:
    """One tenant's balance within one decision; `flush` writes what came together as one update."""

    def __init__(self, tenant_id: Id, row: Mapping[str, Any] | None) -> None:
        """`row`: of table `balance`; without one there is no credit."""
        self._tenant_id = tenant_id
        self._exists = row is not None
        self._currency: str = row["currency"] if row else ""
        self._credit: Micros = row["credit"] if row else 0
        self.reserved: Micros = row["reserved"] if row else 0
        self.settled: Micros = row["settled"] if row else 0
        self._before = (self.reserved, self.settled)

    @property
    def available(self) -> Micros:
        """What may still be reserved."""
        return self._credit - self.reserved - self.settled

    def reserve(self, price: Micros, currency: str) -> None:
        """Set `price` aside. Refusal `credit_exhausted`; what is free needs no credit."""
        if price == 0:
            return
        if currency != self._currency and self._exists:
            raise Refusal(
                "credit_exhausted", f"the account is kept in {self._currency}, the price is in {currency}"
            )
        if price > self.available:
            raise Refusal("credit_exhausted")
        self.reserved += price

    def settle(self, amount: Micros) -> None:
        """What was set aside is spent."""
        self._need()
        self.reserved -= amount
        self.settled += amount

    def release(self, amount: Micros) -> None:
        """What was set aside is free again."""
        self._need()
        self.reserved -= amount

    def _need(self) -> None:
        if not self._exists:
            raise LookupError("money moves, and the balance was not read")

    def flush(self, rows: Rows) -> None:
        """Write the balance, if it moved."""
        if self._exists and (self.reserved, self.settled) != self._before:
            rows.update("balance", (self._tenant_id,), reserved=self.reserved, settled=self.settled)


def reserve_row(message_id: Id, tenant_id: Id, amount: Micros, currency: str, at: int) -> Row:
    """The ledger's row for what a whole message set aside."""
    return {
        "message_id": message_id,
        "part": 0,
        "phase": "reserve",
        "tenant_id": tenant_id,
        "kind": "reserve",
        "amount": amount,
        "currency": currency,
        "at": at,
    }


def ending(before: str, after: str) -> Literal["settle", "release"] | None:
    """What a part's step from one state to the next does to its money; None: nothing.

    Only the step out of `queued` or `sending` counts: what a carrier took is paid for, come what may.
    """
    if before not in LIVE or after in LIVE:
        return None
    return "settle" if after in _TAKEN else "release"


class Step(NamedTuple):
    """A step of one of `parts` parts from one state to the next, at a moment.

    These are the rows that share the price: one for a text that the carrier takes in one piece.
    """

    no: int
    before: str
    after: str
    at: int
    parts: int


def end_part(rows: Rows, purse: Purse, message: Mapping[str, Any], step: Step) -> None:
    """Settle or release a part's share as its step calls for; `message` is its row."""
    kind = ending(step.before, step.after)
    share: Micros = (message["price"] or 0) // step.parts
    if kind is None or share == 0:
        return
    if kind == "settle":
        purse.settle(share)
    else:
        purse.release(share)
    rows.insert(
        "ledger",
        message_id=message["id"],
        part=step.no,
        phase="final",
        tenant_id=message["tenant_id"],
        kind=kind,
        amount=share,
        currency=message["currency"],
        at=step.at,
    )
