"""Moves the parts of one message forward, and with them its status, its money, its history and its events.

Everything that happens to an outbound message after its acceptance goes through here: outcomes, receipts,
expiry. Statuses only move forward; a step that isn't one is ignored.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from voip_sms.core.directory import Directory, Id
from voip_sms.core.model import OutboundPart
from voip_sms.core.status import TERMINAL, Status, advance, combine
from voip_sms.engine import billing
from voip_sms.engine.events import event_jobs, event_of, mail_jobs, notice_jobs
from voip_sms.engine.receipt_jobs import end_jobs, wishes
from voip_sms.engine.rows import pieces_of
from voip_sms.engine.signals import changes_of
from voip_sms.store.units import Match, Read, Row, Rows, State, by_key

_BAD: Final[frozenset[str]] = frozenset({Status.UNDELIVERED, Status.EXPIRED, Status.FAILED})
NO_RECEIPT: Final = "no_receipt"
_WAITING: Final[frozenset[str]] = frozenset({Status.QUEUED, Status.SENDING})


class Moment(NamedTuple):
    """When a decision is taken, and what it may know beside the rows."""

    directory: Directory
    now: int
    new_id: Callable[[], Id]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a part took a step: `text` goes into the history, `code` and `detail` into the message's error."""

    text: str = ""
    code: str = ""
    detail: str = ""


NO_CAUSE: Final = Cause()


def siblings(message_id: Id) -> Match:
    """All parts of a message."""
    return Match("part", ("message_id",), (message_id,))


def reads_of(moment: Moment, part: OutboundPart) -> list[Read]:
    """Everything that `Progress` needs where one part of a message moves, and money with it."""
    reads: list[Read] = [
        by_key("part", part.message_id, part.no),
        by_key("message", part.message_id),
        by_key("balance", part.tenant_id),
    ]
    if part.total > 1:
        reads.append(siblings(part.message_id))
    if not _keeps_text(moment, part.tenant_id):
        reads.append(by_key("message_text", part.message_id))
    return reads


def reads_around(moment: Moment, message_id: Id, state: State) -> Iterable[Read]:
    """What `Progress` needs beside the `message` row, where money may move."""
    message = state.get("message", message_id)
    if message is not None:
        yield by_key("balance", message["tenant_id"])
    yield from siblings_of(moment, message_id, state)


def siblings_of(moment: Moment, message_id: Id, state: State) -> Iterable[Read]:
    """What `Progress` needs beside the `message` row, where no money can move."""
    message = state.get("message", message_id)
    if message is None:
        return
    if pieces_of(message) > 1:
        yield siblings(message_id)
    yield from wishes(message)
    if not _keeps_text(moment, message["tenant_id"]):
        yield by_key("message_text", message_id)


def _keeps_text(moment: Moment, tenant_id: Id) -> bool:
    tenant = moment.directory.tenants.get(tenant_id)
    return tenant is None or tenant.keep_sent_text


class Work:
    """The rows of one decision that may concern several messages, and the balances they move."""

    def __init__(self, moment: Moment, state: State, result: object = None) -> None:
        self.moment = moment
        self.state = state
        self.rows = Rows(result=result)
        self._purses: dict[Id, billing.Purse] = {}

    def purse(self, tenant_id: Id) -> billing.Purse:
        """The tenant's balance as it stands within this decision."""
        found = self._purses.get(tenant_id)
        if found is None:
            found = self._purses[tenant_id] = billing.Purse(tenant_id, self.state.get("balance", tenant_id))
        return found

    def done(self) -> Rows:
        """Everything that was decided."""
        for purse in self._purses.values():
            purse.flush(self.rows)
        return self.rows


class Progress:
    """The progress of one message within a decision: `move` its parts, then `finish`."""

    def __init__(self, work: Work, message: Mapping[str, Any]) -> None:
        """The message, its parts and its tenant's balance have been read."""
        self._work = work
        self._moment = work.moment
        self._message = message
        self._rows = work.rows
        self._parts = {part["no"]: part for part in _parts(work.state, message)}
        self._causes: dict[str, Cause] = {}
        self._requeued: Cause | None = None
        self._changes: Row = {}

    def part(self, no: int) -> Mapping[str, Any]:
        """A part as it stands within this decision."""
        return self._parts[no]

    def parts(self) -> list[Mapping[str, Any]]:
        """All parts, in order."""
        return [self._parts[no] for no in sorted(self._parts)]

    def move(self, no: int, status: Status, cause: Cause = NO_CAUSE, **columns: Any) -> bool:
        """Move a part on, with other columns of its row; False if `status` can't follow where it stands."""
        part = self._parts[no]
        before: str = part["state"]
        if not advance(before, status):
            return False
        after = status.value
        changes = {"state": after, "claimed_by": None, "claimed_until": None, "cause": cause.text, **columns}
        self._update(part, changes)
        step = billing.Step(no, before, after, self._moment.now, len(self._parts))
        billing.end_part(self._rows, self._work.purse(self._message["tenant_id"]), self._message, step)
        if cause.text or cause.code:
            self._causes[after] = cause
        if len(self._parts) > 1:
            self._event(after, cause.text, no)
        return True

    def put_back(self, no: int, due_at: int, cause: Cause, *, possible_duplicate: bool) -> None:
        """Queue a part again, to be tried at `due_at`."""
        part = self._parts[no]
        changes: Row = {
            "state": "queued",
            "due_at": due_at,
            "attempts": part["attempts"] + 1,
            "claimed_by": None,
            "claimed_until": None,
            "cause": cause.text,
        }
        if possible_duplicate:
            changes["possible_duplicate"] = True
            self._changes["possible_duplicate"] = True
        self._update(part, changes)
        self._requeued = cause

    def drop_rest(self, cause: Cause) -> None:
        """A message without one of its parts is none: parts not yet handed over fail with it."""
        for part in self.parts():
            if part["state"] == "queued" and not part["possible_duplicate"]:
                self.move(part["no"], Status.FAILED, cause)

    def finish(self) -> None:
        """Bring the message to what its parts make of it, and tell whoever wants to know."""
        status = combine([part["state"] for part in self._parts.values()])
        if status not in _WAITING:
            self._step(status, self._causes.get(status, NO_CAUSE))
        elif self._requeued is not None:
            self._step(Status.QUEUED.value, self._requeued)
        if self._changes:
            self._rows.updates.append(("message", (self._message["id"],), self._changes))

    def _step(self, status: str, cause: Cause) -> None:
        if not advance(self._message["status"], status):
            return
        self._changes["status"] = status
        self._rows.wakes.add(changes_of(self._message["tenant_id"]))
        if status in _BAD:
            self._changes["error_code"] = cause.code or status
            self._changes["error_detail"] = cause.detail or cause.text
        self._event(status, cause.text, 0)
        self._tell(status, cause)

    def _tell(self, status: str, cause: Cause) -> None:
        moment, message, event = self._moment, self._message, event_of(status)
        receipts: list[Row] = []
        jobs = event_jobs(moment.directory, message, event, moment.now, moment.new_id)
        if cause.code != NO_RECEIPT:  # a network that never reports would make every message a notice
            jobs += notice_jobs(message, event, moment.now, moment.new_id)
            jobs += mail_jobs(moment.directory, message, event, moment.now, moment.new_id)
            receipts = end_jobs(self._work.state, message, status, moment.now, moment.new_id)
        for job in jobs + receipts:
            self._rows.inserts.append(("forward_job", job))
            self._rows.wakes.add("forwards")
        over = status in TERMINAL and not jobs  # else housekeeping, when the jobs are
        if over and not _keeps_text(moment, message["tenant_id"]) and self._text_is_there():
            self._rows.delete("message_text", (message["id"],))

    def _text_is_there(self) -> bool:
        return self._work.state.get("message_text", self._message["id"]) is not None

    def _update(self, part: Mapping[str, Any], changes: Row) -> None:
        self._parts[part["no"]] = {**part, **changes}
        self._rows.updates.append(("part", (part["message_id"], part["no"]), changes))

    def _event(self, status: str, cause: str, no: int) -> None:
        self._rows.insert(
            "message_event",
            message_id=self._message["id"],
            id=self._moment.new_id(),
            tenant_id=self._message["tenant_id"],
            at=self._moment.now,
            status=status,
            cause=cause,
            part=no,
        )


def _parts(state: State, message: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    if pieces_of(message) > 1:
        return state.find(siblings(message["id"]))
    part = state.get("part", message["id"], 1)
    return () if part is None else (part,)
