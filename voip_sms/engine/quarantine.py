"""Texts that are nobody's: the operator gives one to a customer's number, or deletes it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from voip_sms.core import clock, ids
from voip_sms.core.audit import By, Entry
from voip_sms.core.directory import NO_TENANT, Id, Number
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Step
from voip_sms.core.resources import oversight
from voip_sms.core.segments import TextEmptyError, segment
from voip_sms.engine.context import Context
from voip_sms.engine.inbound import Inbound
from voip_sms.engine.inbound_rows import InboundRows, needs
from voip_sms.store.audit import row_of
from voip_sms.store.units import Again, Match, Rows, State, Unit, by_key

PARTS_MOST: Final = 255
"""Of any SMS (3GPP TS 23.040 section 9.2.3.24.1): whatever came, came in so many."""


class Quarantine:
    """`by` is noted in the operator's audit log, without the text. Refusal `not_found`: it is gone."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def assign(self, quarantined_id: Id, number: str, by: By) -> str:
        """Take it as a text to this number (E.164) of a customer's, with all that follows: its blacklist,
        its forwards, its webhooks. What became of it: `stored` or `blocked`.

        It was never delivered anywhere: it arrives now, and its trace says where it came from. Refusal
        `invalid`: the number is no customer's.
        """
        context = self._context
        directory, now = context.directory(), context.clock.now()
        owned = directory.numbers.get(number)
        if owned is None:
            raise Refusal("invalid", f"{number} is no customer's number")
        there = by_key("quarantine", quarantined_id)

        def follow(state: State) -> Iterator[Match]:
            row = state.get("quarantine", quarantined_id)
            if row is not None:
                yield from needs(directory, _inbound(row, owned), state, now)

        def decide(state: State) -> Rows:
            row = _there(state, quarantined_id)
            message = _inbound(row, owned)
            if not all(state.knows(need) for need in needs(directory, message, state, now)):
                raise Again
            rows = Rows()
            storing = InboundRows(rows, directory, state, now=now, new_id=context.new_id)
            rows.result = storing.store(message)
            rows.delete("quarantine", (quarantined_id,))
            rows.inserts.append(("audit_entry", row_of(self._entry(row, by, number))))
            return rows

        return str(await context.writer.do(Unit(decide, [there], follow)))

    async def delete(self, quarantined_id: Id, by: By) -> None:
        """Delete it; nobody reads it any more."""

        def decide(state: State) -> Rows:
            row = _there(state, quarantined_id)
            rows = Rows()
            rows.delete("quarantine", (quarantined_id,))
            rows.inserts.append(("audit_entry", row_of(self._entry(row, by))))
            return rows

        await self._context.writer.do(Unit(decide, [by_key("quarantine", quarantined_id)]))

    def _entry(self, row: Mapping[str, Any], by: By, number: str | None = None) -> Entry:
        was = {"from": row["sender"], "to": row["recipient"], "reason": row["reason"]}
        return Entry(
            id=self._context.new_id(),
            tenant_id=NO_TENANT,
            at=self._context.clock.now(),
            by=by,
            action="removed" if number is None else "changed",
            kind="quarantine",
            label=f"quarantine[{row['sender']} > {row['recipient']}]",
            object_id=ids.to_text(oversight.QUARANTINED, row["id"]),
            before=was,
            after={} if number is None else {"number": number},
        )


def _there(state: State, quarantined_id: Id) -> Mapping[str, Any]:
    row = state.get("quarantine", quarantined_id)
    if row is None:
        raise Refusal("not_found", "it is not there any more")
    return row


def _inbound(row: Mapping[str, Any], number: Number) -> Inbound:
    """The text as one to `number`. Its encoding was not kept: what it needs is what it came in."""
    came = clock.to_rfc3339(row["received_at"])
    why = f"it came to {row['recipient']} at {came} ({row['reason']}); the operator gave it to this number"
    try:
        found = segment(row["body"], PARTS_MOST)
    except TextEmptyError:
        encoding, parts = "gsm7", 1
    else:
        encoding, parts = found.encoding, len(found.parts)
    return Inbound(
        row["carrier"],
        row["sender"],
        number.e164,
        row["body"],
        "ucs2" if encoding == "ucs2" else "gsm7",
        parts,
        steps=(Step("quarantine", "assigned", why),),
    )
