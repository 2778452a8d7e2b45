"""Receipts to a phone that asked for them: what is kept beside its message, and the hand-overs they become.

A receipt (IMDN, RFC 5438) names the message as its sender did. It is never answered with another, costs
nothing, and whoever doesn't get it in time does without.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from voip_sms.core.clock import HOUR
from voip_sms.core.directory import Id
from voip_sms.core.dispositions import event_for
from voip_sms.core.model import Submission
from voip_sms.core.status import Status
from voip_sms.engine.events import job_row
from voip_sms.store.units import Match, Row, State, by_key
from voip_sms.wire.sip.imdn import Disposition

LIFE: Final = HOUR
"""A tick beside a message is news for as long as somebody looks at the conversation."""
_SAYS: Final[Mapping[str, Disposition]] = {
    Status.DELIVERED: "delivered",
    Status.UNDELIVERED: "failed",
    Status.FAILED: "failed",
    Status.EXPIRED: "failed",
}
"""What the end of a message is to its sender's phone."""


def disposition_rows(submission: Submission, message_id: Id) -> list[tuple[str, Row]]:
    """The row that remembers which receipts the phone wants, if it wants any."""
    asked = submission.receipts
    if asked is None or not asked.wants:
        return []
    row = {
        "message_id": message_id,
        "tenant_id": submission.tenant_id,
        "imdn_id": asked.imdn_id,
        "peer": asked.peer,
        "wants": " ".join(asked.wants),
    }
    return [("disposition", row)]


def wishes(message: Mapping[str, Any]) -> Iterable[Match]:
    """The read that `end_jobs` and `shown_jobs` need beside the `message` row: phones alone ask."""
    if message["door"] == "sip" and message["direction"] == "outbound":
        yield by_key("disposition", message["id"], lock=False)


def end_jobs(
    state: State, message: Mapping[str, Any], status: str, now: int, new_id: Callable[[], Id]
) -> list[Row]:
    """The receipt for a message that has come to this status; its `wishes` were read."""
    said = _SAYS.get(status)
    return [] if said is None else _jobs(state, message, said, now, new_id)


def shown_jobs(state: State, message: Mapping[str, Any], now: int, new_id: Callable[[], Id]) -> list[Row]:
    """The receipt for a message to an extension whose phone has shown it; its `wishes` were read."""
    return _jobs(state, message, "displayed", now, new_id)


def _jobs(
    state: State, message: Mapping[str, Any], said: Disposition, now: int, new_id: Callable[[], Id]
) -> list[Row]:
    asked = state.get("disposition", message["id"])
    kind, _, user = message["account"].partition(":")
    if asked is None or kind != "sip" or said not in asked["wants"].split():
        return []
    job = job_row(message, "sip", user, now, new_id(), event=event_for(said))
    return [job | {"expires_at": now + LIFE}]
