"""Calls a message back while it is still ours, and releases its money.

One to an extension is called back with its phone's job, which then ends as canceled when its turn comes.
"""

from collections.abc import Iterable

from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.status import Status
from voip_sms.engine.progress import Cause, Moment, Progress, Work, reads_around
from voip_sms.store.units import Match, Read, Rows, State, Unit, by_key

_CANCELABLE = frozenset({Status.SCHEDULED, Status.ACCEPTED, Status.QUEUED})


def cancel_unit(moment: Moment, tenant_id: Id, message_id: Id) -> Unit:
    """Cancel one message of a tenant. Refusal `not_found`; `too_late` once any part has left or may have."""
    parts = Match("part", ("message_id",), (message_id,))
    job = by_key("forward_job", message_id)  # of a message to an extension

    def follow(state: State) -> Iterable[Read]:
        return reads_around(moment, message_id, state)

    def decide(state: State) -> Rows:
        message = state.get("message", message_id)
        if message is None or message["tenant_id"] != tenant_id or message["direction"] != "outbound":
            raise Refusal("not_found")
        found = state.find(parts)
        left = any(part["state"] != "queued" or part["possible_duplicate"] for part in found)
        phone = state.get("forward_job", message_id)
        left = left or (phone is not None and phone["state"] != "queued")
        if message["status"] not in _CANCELABLE or left:
            raise Refusal("too_late", "the message is on its way or done")
        work = Work(moment, state)
        progress = Progress(work, message)
        for part in found:
            progress.move(part["no"], Status.CANCELED, Cause("canceled"))
        progress.finish()
        if phone is not None:
            work.rows.update("forward_job", (message_id,), due_at=moment.now)
            work.rows.wakes.add("forwards")
        return work.done()

    return Unit(decide, [by_key("message", message_id), parts, job], follow)
