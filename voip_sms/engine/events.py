"""What happened to a message becomes the hand-overs its tenant subscribed to: rows of `forward_job`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from voip_sms.core.clock import DAY
from voip_sms.core.directory import Directory, ForwardKind, ForwardRule, Id
from voip_sms.core.notices import FAILURES
from voip_sms.core.planning import OF_PHONES

Row = dict[str, Any]

EVENT_TYPES = frozenset(
    {
        "message.received",
        "message.sent",
        "message.delivered",
        "message.undelivered",
        "message.failed",
        "message.expired",
    }
)

_EVENT_OF = {event.removeprefix("message."): event for event in EVENT_TYPES}

LIFE: Mapping[ForwardKind, int] = {
    "sip": 3 * DAY,  # a phone that is off over a long week-end
    "mail": 3 * DAY,  # what mail servers do among themselves, shortened: it is a text message
    "webhook": 4 * DAY,  # ten tries over some three days (`core/retry.py`), and the last of them still counts
    "number": DAY,
}
"""How long a hand-over is tried, microseconds."""


def event_of(status: str) -> str | None:
    """The event type that tells of a status, or None where nobody is told (`accepted`, `queued` …)."""
    return _EVENT_OF.get(status)


def event_jobs(
    directory: Directory, message: Mapping[str, Any], event: str | None, now: int, new_id: Callable[[], Id]
) -> list[Row]:
    """The jobs for the tenant's subscriptions to `event` (a row of `message`: its id and tenant_id count).

    Pure but for `new_id`, which must be safe in the writer's thread (`core/ids.py`). Insert the rows into
    `forward_job` and wake topic `forwards` if there are any. None as event gives none.
    """
    rules = directory.subscriptions.get(message["tenant_id"])
    if event is None or not rules:
        return []
    return [
        job_row(message, rule.kind, target, now, new_id(), event=event, rule_id=rule.id)
        for rule, target in _subscribed(rules, event)
    ]


def notice_jobs(
    message: Mapping[str, Any], event: str | None, now: int, new_id: Callable[[], Id]
) -> list[Row]:
    """The jobs that tell the phone which sent a message that it failed (V2), also where a PBX brought it.

    `message`: its row; pure as `event_jobs` is.
    """
    if event not in FAILURES or message["door"] not in OF_PHONES:
        return []
    kind, _, user = message["account"].partition(":")
    if kind != "sip":
        return []
    return [job_row(message, "sip", user, now, new_id(), event=event)]


def mail_jobs(
    directory: Directory, message: Mapping[str, Any], event: str | None, now: int, new_id: Callable[[], Id]
) -> list[Row]:
    """The mail to whoever sent a message by mail: it failed (E7), or, if asked for, it was delivered.

    `message`: its row; pure as `event_jobs` is. Only what was accepted has a row, so only senders who proved
    who they are get such mails, at addresses of their own configuration.
    """
    if message["door"] != "mail" or message["direction"] != "outbound":
        return []
    kind, _, address = message["account"].partition(":")
    sender = directory.mail.get(address) if kind == "mail" else None
    if sender is None or sender.account.tenant_id != message["tenant_id"]:
        return []
    if event in FAILURES:
        return [job_row(message, "mail", sender.failure_to or address, now, new_id(), event=event)]
    if event == "message.delivered" and sender.notify_delivered:
        return [job_row(message, "mail", address, now, new_id(), event=event)]
    return []


def _subscribed(rules: tuple[ForwardRule, ...], event: str) -> Iterator[tuple[ForwardRule, str]]:
    for rule in rules:
        if rule.enabled and event in rule.events:
            for target in rule.targets:
                yield rule, target


def job_row(
    message: Mapping[str, Any],
    kind: ForwardKind,
    target: str,
    now: int,
    job_id: Id,
    *,
    event: str = "message.received",
    rule_id: Id | None = None,
) -> Row:
    """A job that is due now: the message (a row of `message`) to one target."""
    return {
        "id": job_id,
        "tenant_id": message["tenant_id"],
        "message_id": message["id"],
        "rule_id": rule_id,
        "kind": kind,
        "target": target,
        "event": event,
        "state": "queued",
        "due_at": now,
        "expires_at": now + LIFE[kind],
        "attempts": 0,
        "order_key": order_key(kind, target),
        "claimed_by": None,
        "claimed_until": None,
        "cause": "",
        "created_at": now,
    }


def order_key(kind: ForwardKind, target: str) -> str | None:
    """Jobs with one key go one after the other: only a phone shows texts in the order they arrive."""
    return phone_key(target) if kind == "sip" else None


def phone_key(user: str) -> str:
    """The order key of everything that goes to the phones of a SIP user."""
    return f"sip:{user}"
