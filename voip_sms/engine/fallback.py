"""Lets a text that no phone of an account took in time go elsewhere: to a mailbox, or as an SMS to a number.

The phone's job then ends as `fell_back` and another one carries the text, made in the same transaction: it
goes once, whatever happens in between. Should that one fail, the text waits for the phone again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core import loops
from voip_sms.core.directory import Fallback, Id, SipAccount
from voip_sms.core.model import ForwardJob
from voip_sms.core.notices import fallen_back
from voip_sms.engine.events import job_row
from voip_sms.engine.inbound import PAID_TARGETS
from voip_sms.store.handovers import GIVEN_UP
from voip_sms.store.units import Match, Read, Row, Rows, State, by_key

FELL_BACK: Final = "fell_back"
"""The state of a phone's job whose text went elsewhere."""
_RECEIVED: Final = "message.received"


def falls_at(job: Mapping[str, Any], account: SipAccount | None) -> int | None:
    """When the text of a phone's job goes elsewhere, epoch microseconds; None: never."""
    if account is None or account.fallback is None or job["event"] != _RECEIVED:
        return None
    created_at: int = job["created_at"]
    return created_at + account.fallback.after


def jobs_of(message_id: Id) -> Match:
    """All hand-overs of a message."""
    return Match("forward_job", ("message_id",), (message_id,))


@dataclass(frozen=True, slots=True)
class Falling:
    """A text that goes elsewhere at `now` (epoch microseconds), if it may."""

    job: ForwardJob
    fallback: Fallback
    now: int

    def reads(self) -> Iterable[Read]:
        """What `fall` looks at."""
        yield jobs_of(self.job.message.id)
        if self.fallback.kind == "number" and self.job.message.text is not None:
            for digest in (*loops.suspects(self.job.message.text), self._digest()):
                yield by_key("loop_guard", digest)

    def fall(self, rows: Rows, state: State, new_id: Callable[[], Id]) -> bool:
        """Queue the text for its fallback; False where that must not be: it goes on waiting for the phone.

        A target that this message is on its way to already, or has reached, gets it once.
        """
        wanted = self.fallback.kind, self.fallback.to
        others = state.find(jobs_of(self.job.message.id))
        same = [one for one in others if (one["kind"], one["target"]) == wanted]
        if any(one["state"] not in GIVEN_UP for one in same):
            return True
        if same or self.job.message.text is None:
            return False
        if self.fallback.kind == "number":
            if not self._may_cost(state, others):
                return False
            self._remember(rows, state)
        rows.inserts.append(("forward_job", self._job(new_id())))
        rows.wakes.add("forwards")
        return True

    def _job(self, job_id: Id) -> Row:
        message = {"id": self.job.message.id, "tenant_id": self.job.tenant_id}
        row = job_row(message, self.fallback.kind, self.fallback.to, self.now, job_id)
        return row | {"instead_of": self.job.target}

    # --- what costs money -----------------------------------------------------------------------------------

    def _may_cost(self, state: State, others: Iterable[Mapping[str, Any]]) -> bool:
        """The rules of paid forwards (`engine/inbound.py`): not in a circle, and to few numbers."""
        message = self.job.message
        if self.fallback.to in (message.sender, message.to) or "loop" in message.flags:
            return False
        if sum(one["kind"] == "number" for one in others) >= PAID_TARGETS:
            return False
        guards = (state.get("loop_guard", digest) for digest in loops.suspects(message.text or ""))
        return not any(guard is not None and guard["until"] > self.now for guard in guards)

    def _remember(self, rows: Rows, state: State) -> None:
        """The text that goes out, so that it is known when it comes back."""
        digest, until = self._digest(), self.now + loops.SENT_KEPT
        if state.get("loop_guard", digest) is None:
            rows.insert("loop_guard", digest=digest, until=until)
        else:
            rows.update("loop_guard", (digest,), until=until)

    def _digest(self) -> bytes:
        return loops.digest(fallen_back(self.job.message, self.job.timezone))


def take_back(rows: Rows, state: State, job: Mapping[str, Any], now: int) -> None:
    """A fallback failed: the phone's job waits again, if its time isn't over."""
    for one in state.find(jobs_of(job["message_id"])):
        mine = one["kind"] == "sip" and one["target"] == job["instead_of"]
        if mine and one["state"] == FELL_BACK and one["expires_at"] > now:
            rows.update("forward_job", (one["id"],), state="queued", due_at=now)
            rows.wakes.add("forwards")
