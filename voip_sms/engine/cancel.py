"""Calls a message back while it is still ours, and releases its money."""

from collections.abc import Callable

from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.status import Status
from voip_sms.engine import billing
from voip_sms.store.units import Match, Rows, State, Unit, by_key

_CANCELABLE = frozenset({Status.SCHEDULED, Status.ACCEPTED, Status.QUEUED})


def cancel_unit(tenant_id: Id, message_id: Id, now: int, new_id: Callable[[], Id]) -> Unit:
    """Cancel one message of a tenant. Refusal `not_found`; `too_late` once any part has left or may have."""
    of_message = Match("part", ("message_id",), (message_id,))

    def decide(state: State) -> Rows:
        message = state.get("message", message_id)
        if message is None or message["tenant_id"] != tenant_id or message["direction"] != "outbound":
            raise Refusal("not_found")
        parts = state.find(of_message)
        left = any(part["state"] != "queued" or part["possible_duplicate"] for part in parts)
        if message["status"] not in _CANCELABLE or left:
            raise Refusal("too_late", "the message is on its way or done")
        rows = Rows()
        purse = billing.Purse(tenant_id, state.get("balance", tenant_id))
        for part in parts:
            rows.update("part", (message_id, part["no"]), state="canceled", cause="canceled")
            billing.end_part(rows, purse, message, billing.Step(part["no"], "queued", "canceled", now))
        purse.flush(rows)
        rows.update("message", (message_id,), status="canceled")
        rows.insert(
            "message_event",
            message_id=message_id,
            id=new_id(),
            tenant_id=tenant_id,
            at=now,
            status="canceled",
            cause="canceled",
            part=0,
        )
        return rows

    return Unit(decide, [by_key("message", message_id), of_message, by_key("balance", tenant_id)])
