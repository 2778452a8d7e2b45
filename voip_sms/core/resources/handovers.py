"""To whom a message was handed over, and how each try went, as `/v1` and `voip-sms explain` show it."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from voip_sms.core import clock, ids
from voip_sms.core.resources.messages import Shown
from voip_sms.core.resources.webhooks import DELIVERY, AttemptShown

Row = Mapping[str, Any]


class ContactShown(Shown):
    """One registered phone's answer: a SIP status, or why there was none."""

    contact: str
    cause: str


class TryShown(AttemptShown):
    """One try; `contacts`: each phone's own answer, of a hand-over to a SIP account."""

    contacts: list[ContactShown] | None = None


class HandoverShown(Shown):
    """One hand-over of a message, or of news about it (`event`), to one target.

    `target`: a SIP user, a mail address, a number, or a URL without what may be secret in it. `state`:
    `fell_back` is a phone's text that went elsewhere, by the hand-over that has it as `instead_of`.
    """

    id: str
    kind: Literal["sip", "mail", "number", "webhook"]
    target: str
    event: str
    state: Literal["queued", "sending", "done", "failed", "expired", "fell_back"]
    cause: str
    instead_of: str | None
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    next_try_at: str | None = Field(json_schema_extra={"format": "date-time"})
    expires_at: str = Field(json_schema_extra={"format": "date-time"})
    displayed_at: str | None = Field(json_schema_extra={"format": "date-time"})
    tries: int
    attempts: list[TryShown]


class HandoversShown(Shown):
    """All hand-overs of a message, oldest first."""

    data: list[HandoverShown]


def handover_resource(job: Row, attempts: Iterable[Row]) -> dict[str, Any]:
    """A row of `forward_job` with its rows of `forward_attempt` as `HandoverShown`."""
    return {
        "id": ids.to_text(DELIVERY, job["id"]),
        "kind": job["kind"],
        "target": shown_url(job["target"]) if job["kind"] == "webhook" else job["target"],
        "event": job["event"],
        "state": job["state"],
        "cause": job["cause"],
        "instead_of": job["instead_of"],
        "created_at": clock.to_rfc3339(job["created_at"]),
        "next_try_at": clock.to_rfc3339(job["due_at"]) if job["state"] == "queued" else None,
        "expires_at": clock.to_rfc3339(job["expires_at"]),
        "displayed_at": None if job["displayed_at"] is None else clock.to_rfc3339(job["displayed_at"]),
        "tries": job["attempts"],
        "attempts": [_attempt(one) for one in attempts],
    }


def shown_url(url: str) -> str:
    """A URL without user, password, query and fragment: they may be somebody's key."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _attempt(row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "no": row["no"],
        "at": clock.to_rfc3339(row["at"]),
        "outcome": row["outcome"],
        "cause": row["cause"],
    }
    if row["contacts"]:
        shown["contacts"] = [{"contact": contact, "cause": cause} for contact, cause in row["contacts"]]
    return shown
