"""A message to an extension ends as the job for its phones ends: delivered, refused, or too late.

One that was handed to somebody who never tells is `sent`, until nobody waits for news any more.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from voip_sms.core.directory import Id
from voip_sms.core.failures import Accepted, Outcome
from voip_sms.core.model import INTERNAL, ForwardJob
from voip_sms.core.status import Status
from voip_sms.engine.progress import NO_CAUSE, Cause, Moment, Progress, Work
from voip_sms.store.units import Read, Rows, State, Unit, by_key

_ENDS: Final[Mapping[str, Status]] = {
    "done": Status.DELIVERED,
    "failed": Status.UNDELIVERED,
    "expired": Status.EXPIRED,
}
"""By the states of a job. One that fell back has a follower, whose end counts."""


def carries_internal(job: ForwardJob) -> bool:
    """Whether the job hands over the text of a message to an extension, and isn't news about one."""
    return job.event == "message.received" and INTERNAL in job.message.flags


def with_message(unit: Unit, job: ForwardJob, outcome: Outcome, moment: Moment) -> Unit:
    """`unit`, which records how a job went (its result is the job's state then), and moves the message on."""
    if not carries_internal(job):
        return unit

    def decide(state: State) -> Rows:
        rows = unit.decide(state)
        status = _ENDS.get(str(rows.result))
        if status is Status.DELIVERED and isinstance(outcome, Accepted) and outcome.handed_to:
            status = Status.SENT
        message = state.get("message", job.message.id)
        if status is None or message is None or _waits_again(rows, job):
            return rows
        move(rows, Work(moment, state), message, status, _cause(rows, job))
        return rows

    return unit._replace(decide=decide, reads=[*unit.reads, *reads_to_move(job.message.id, job.tenant_id)])


def reads_to_move(message_id: Id, tenant_id: Id) -> Iterator[Read]:
    """What `move` looks at."""
    yield by_key("message", message_id)
    yield by_key("part", message_id, 1)
    yield by_key("balance", tenant_id)
    yield by_key("message_text", message_id)
    yield by_key("disposition", message_id, lock=False)


def move(rows: Rows, work: Work, message: Mapping[str, Any], status: Status, cause: Cause = NO_CAUSE) -> None:
    """Add what it means that a message to an extension (its row) has come to this status."""
    progress = Progress(work, message)
    progress.move(1, status, cause)
    progress.finish()
    ended = work.done()
    rows.inserts += ended.inserts
    rows.updates += ended.updates
    rows.deletes += ended.deletes
    rows.wakes |= ended.wakes


def _waits_again(rows: Rows, job: ForwardJob) -> bool:
    """What went elsewhere in the phone's place came to nothing: it is the phone's turn again."""
    phone = (job.message.id,)  # its job shares the message's id
    mine = (row for table, key, row in rows.updates if table == "forward_job" and key == phone)
    return job.kind != "sip" and any(row.get("state") == "queued" for row in mine)


def _cause(rows: Rows, job: ForwardJob) -> Cause:
    """What the phones said, as the job's row tells it now."""
    mine = (row for table, key, row in rows.updates if table == "forward_job" and key == (job.id,))
    return Cause(next((row["cause"] for row in mine if "cause" in row), ""))
