"""What a hand-over to a carrier came to: the part moves on, is put back, or ends; decided in the writer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from voip_sms.core import retry
from voip_sms.core.clock import HOUR, MINUTE, SECOND
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.model import OutboundPart
from voip_sms.core.planning import storable
from voip_sms.core.status import Status
from voip_sms.engine import billing
from voip_sms.engine.orphans import apply_orphans, orphans_of, storable_reference, twins_of
from voip_sms.engine.progress import Cause, Moment, Progress, Work, reads_of
from voip_sms.engine.receipt_jobs import wishes
from voip_sms.store.units import Match, Read, Rows, State, Unit

UncertainPolicy = Literal["resend", "hold"]

THROTTLED: Final = SECOND
"""How long a throttled part waits at least; the link itself slows down for everybody."""
UNCERTAIN: Final = retry.Schedule(
    (5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR), repeats=False, jitter=0.2
)
"""Each of these hand-overs may have reached the handset: fewer, and further apart, than after a refusal."""

CAUSE_MOST: Final = 200
"""Characters of a carrier's words that are kept."""


class HandOver(NamedTuple):
    """One part that was handed to a carrier, and how that ended."""

    carrier: str
    part: OutboundPart
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Policy:
    """`uncertain`: resend what may have been taken, or hold it as failed. `chance` is random in [0, 1)."""

    uncertain: UncertainPolicy
    chance: Callable[[], float]


class Recorded(NamedTuple):
    """What became of it: when it is tried again, or None once it has left the queue."""

    due_at: int | None = None
    expires_at: int = 0


_GONE: Final = Recorded()


def outcome_unit(moment: Moment, policy: Policy, done: HandOver) -> Unit:
    """The unit that records one outcome; its result is a `Recorded`. Repeating it changes nothing."""
    part, outcome = done.part, done.outcome
    orphans: Match | None = None
    reads = reads_of(moment, part)
    if isinstance(outcome, Accepted) and outcome.reference:
        orphans = orphans_of(done.carrier, storable_reference(outcome.reference))
        reads.append(orphans)

    def follow(state: State) -> Iterable[Read]:
        if orphans is not None:
            yield from twins_of(state, orphans)
        message = state.get("message", part.message_id)
        if message is not None and (orphans is None or state.find(orphans)):  # it may have ended
            yield from wishes(message)

    def decide(state: State) -> Rows:
        work = Work(moment, state, _GONE)
        message = state.get("message", part.message_id)
        row = state.get("part", part.message_id, part.no)
        if message is None or row is None or row["state"] not in billing.LIVE:
            return work.done()  # ended meanwhile: whatever came of it no longer counts
        progress = Progress(work, message)
        _apply(moment, policy, done, progress)
        if orphans is not None:
            apply_orphans(work, orphans, progress, part.no)
        progress.finish()
        after = progress.part(part.no)
        if after["state"] == "queued":
            work.rows.result = Recorded(after["due_at"], after["expires_at"])
        return work.done()

    return Unit(decide, reads, follow)


def _apply(moment: Moment, policy: Policy, done: HandOver, progress: Progress) -> None:
    no, outcome = done.part.no, done.outcome
    if isinstance(outcome, Accepted):
        reference = storable_reference(outcome.reference) or None
        raw = storable_reference(outcome.raw) or reference
        progress.move(no, Status.SENT, carrier_ref=reference, carrier_raw=raw, sent_at=moment.now)
    elif isinstance(outcome, Permanent):
        cause = _cause(outcome, "rejected")
        progress.move(no, Status.FAILED, cause)
        progress.drop_rest(cause)
    elif isinstance(outcome, Temporary):
        _put_back(moment, policy, progress, no, outcome)
    else:
        unknown_end(moment, policy, progress, no, outcome)


def _put_back(moment: Moment, policy: Policy, progress: Progress, no: int, outcome: Temporary) -> None:
    part = progress.part(no)
    asked = (outcome.retry_after or 0) * SECOND
    cause = _cause(outcome, "expired")
    if outcome.slow:
        due_at: int | None = moment.now + max(asked, THROTTLED)
    else:
        due_at = retry.CARRIER.next_at(
            part["attempts"] + 1, moment.now, policy.chance(), expires_at=part["expires_at"], asked=asked
        )
    if due_at is None or due_at >= part["expires_at"]:
        progress.move(no, Status.EXPIRED, cause)
        progress.drop_rest(cause)
    else:
        progress.put_back(no, due_at, cause, possible_duplicate=False)


def unknown_end(moment: Moment, policy: Policy, progress: Progress, no: int, outcome: Uncertain) -> None:
    """An unknown end: by policy failed with its money released, or tried again as a possible duplicate."""
    part = progress.part(no)
    due_at: int | None = None
    if policy.uncertain == "resend":
        # Refusals before the first unknown end are no copies: they don't use up these attempts.
        copies = part["attempts"] + 1 if part["possible_duplicate"] else 1
        due_at = UNCERTAIN.next_at(copies, moment.now, policy.chance(), expires_at=part["expires_at"])
    if due_at is None:
        cause = replace(_cause(outcome, "uncertain"), text="uncertain")
        progress.move(no, Status.FAILED, cause)
        progress.drop_rest(cause)
    else:
        progress.put_back(no, due_at, _cause(outcome, ""), possible_duplicate=True)


def _cause(outcome: Permanent | Temporary | Uncertain, code: str) -> Cause:
    """What the carrier said, as it can be stored: the words may be the peer's own."""
    text, detail = storable(outcome.cause)[:CAUSE_MOST], storable(outcome.detail)[:CAUSE_MOST]
    return Cause(text, code, detail or text)
