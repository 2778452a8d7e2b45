"""Webhook hand-overs as `/v1` and the command line show them, and what asks for them once more."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from pydantic import Field

from voip_sms.core import clock, ids
from voip_sms.core.resources.answers import FORWARD, ForwardShown
from voip_sms.core.resources.messages import MESSAGE, Moment, Shown
from voip_sms.core.resources.values import Resource

DELIVERY: Final = "evt"
"""What ids of hand-overs begin with: they are the `webhook-id` that the receiver sees."""
TEST_EVENT: Final = "webhook.test"
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how secrets begin, not one

State = Literal["queued", "sending", "done", "failed"]
STATES: Final = frozenset({"queued", "sending", "done", "failed"})

Row = Mapping[str, Any]


class ReplayRequest(Resource):
    """POST /v1/webhooks/replay: which of those that failed are tried once more. Moments are the events'."""

    since: Moment | None = None
    until: Moment | None = None
    state: Literal["failed"] = "failed"
    forward: str | None = Field(None, max_length=64)


class AttemptShown(Shown):
    """One try. `cause`: the HTTP status, or what went wrong; empty when it was accepted."""

    no: int
    at: str = Field(json_schema_extra={"format": "date-time"})
    outcome: Literal["accepted", "temporary", "permanent", "uncertain"]
    cause: str


class DeliveryShown(Shown):
    """One event to one URL. `id` is the `webhook-id` that the receiver sees, the same with every try.

    `tries`: how often it was tried; `cause`: why it waits or failed; `next_try_at` while it waits. `attempts`
    only where one is shown. `forward`: the rule that caused it; it may be gone since.
    """

    id: str
    event: str
    message: str
    forward: str | None
    url: str
    state: State
    cause: str
    tries: int
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    next_try_at: str | None = Field(json_schema_extra={"format": "date-time"})
    attempts: list[AttemptShown] | None = None


class DeliveriesShown(Shown):
    """A page of hand-overs."""

    data: list[DeliveryShown]
    has_more: bool


class ReplayedShown(Shown):
    """How many were queued; `has_more`: the bound of one call was reached, ask again for the rest."""

    replayed: int
    has_more: bool


class RotatedShown(ForwardShown):
    """The forward with its new `secret`, shown this once; the old one signs beside it until then."""

    secret: str


class TestedTarget(Shown):
    """What became of a test at one of several targets."""

    __test__ = False  # no test of pytest's

    to: str
    delivered: bool
    cause: str
    detail: str


class TestShown(Shown):
    """What became of a test: `cause` is the HTTP status, or what went wrong.

    Of several `targets`, that of the first which it did not reach.
    """

    __test__ = False  # no test of pytest's

    id: str
    delivered: bool
    cause: str
    detail: str
    targets: list[TestedTarget] | None = None


def delivery_resource(job: Row, attempts: Iterable[Row] | None = None) -> dict[str, Any]:
    """A row of `forward_job` as `DeliveryShown`, with rows of `forward_attempt` if they are given."""
    shown: dict[str, Any] = {
        "id": ids.to_text(DELIVERY, job["id"]),
        "event": job["event"],
        "message": ids.to_text(MESSAGE, job["message_id"]),
        "forward": None if job["rule_id"] is None else ids.to_text(FORWARD, job["rule_id"]),
        "url": job["target"],
        "state": "failed" if job["state"] == "expired" else job["state"],
        "cause": job["cause"],
        "tries": job["attempts"],
        "created_at": clock.to_rfc3339(job["created_at"]),
        "next_try_at": clock.to_rfc3339(job["due_at"]) if job["state"] == "queued" else None,
    }
    if attempts is not None:
        shown["attempts"] = [_attempt(one) for one in attempts]
    return shown


def _attempt(row: Row) -> dict[str, Any]:
    return {
        "no": row["no"],
        "at": clock.to_rfc3339(row["at"]),
        "outcome": row["outcome"],
        "cause": row["cause"],
    }
