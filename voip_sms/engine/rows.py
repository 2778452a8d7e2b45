"""The rows of an outbound message and its parts, and what is made from them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from voip_sms.core import segments
from voip_sms.core.clock import DAY, SECOND
from voip_sms.core.directory import Id
from voip_sms.core.model import INTERNAL, Event, Message, OutboundPart, Plan, Sender
from voip_sms.core.planning import PARTS_MOST, Request, storable
from voip_sms.core.status import Status
from voip_sms.engine import billing
from voip_sms.engine.events import LIFE, job_row
from voip_sms.store.units import Row

INTERNAL_GRACE: Final = 5 * DAY
"""What may come after a phone's job: the mail in its place (`LIFE`), and a database that was away."""
CLAIM: Final = 120 * SECOND
"""How long a claimed part is its node's: longer than any response time-out and a short database outage."""


class Ready(NamedTuple):
    """A message as it is going to be stored: its rows, how its sender sees it, and its parts on their way.

    `parts` only where the message goes past the queue.
    """

    plan: Plan
    message: Message
    rows: tuple[tuple[str, Row], ...]
    parts: tuple[OutboundPart, ...] = ()


def make_ready(
    plan: Plan, request: Request, message_id: Id, submission_id: Id, *, claimed_by: str | None = None
) -> Ready:
    """The rows of an accepted plan; with `claimed_by` (a node) its parts are that node's from the start."""
    if plan.internal:
        return _internal_ready(plan, request, message_id, submission_id)
    row = message_row(plan, request, message_id, submission_id)
    body = request.segmented.text if request.segmented is not None else ""
    rows: list[tuple[str, Row]] = [
        ("message", row),
        ("message_text", {"message_id": message_id, "tenant_id": row["tenant_id"], "body": body}),
    ]
    rows += [("part", part_row(row, no, claimed_by)) for no in range(1, len(plan.pieces) + 1)]
    if plan.price:
        reserve = billing.reserve_row(message_id, row["tenant_id"], plan.price, plan.currency, request.now)
        rows.append(("ledger", reserve))
    parts = () if claimed_by is None else _outbound_parts(row, plan, request.now)
    return Ready(plan, accepted_message(row, body), tuple(rows), parts)


def _internal_ready(plan: Plan, request: Request, message_id: Id, submission_id: Id) -> Ready:
    """The rows of a message to an extension: its part is what a phone's job moves on (`engine/internal.py`).

    Both end well after the job does: it is the job that says how the message ended, also where the text went
    elsewhere in its place. The message has one job of its own, which shares its id.
    """
    validity = request.submission.options.validity
    until = request.expires_at if validity is not None else request.now + LIFE["sip"]
    row = message_row(plan, request, message_id, submission_id)
    row |= {"status": "accepted", "send_at": None}  # at once, also where numbers are held for a moment
    row |= {"expires_at": until + INTERNAL_GRACE, "flags": INTERNAL}
    (body,) = plan.parts
    user = plan.to.removeprefix("sip:")
    job = job_row(row, "sip", user, request.now, message_id) | {"expires_at": until}
    part = part_row(row, 1, None) | {"due_at": row["expires_at"]}  # no carrier's queue ever has it
    rows: list[tuple[str, Row]] = [
        ("message", row),
        ("message_text", {"message_id": message_id, "tenant_id": row["tenant_id"], "body": body}),
        ("part", part),
        ("forward_job", job),
    ]
    message = accepted_message(row, body)._replace(flags=frozenset((INTERNAL,)))
    return Ready(plan, message, tuple(rows))


def _outbound_parts(row: Row, plan: Plan, now: int) -> tuple[OutboundPart, ...]:
    return tuple(outbound_part(row, no, text, now) for no, text in enumerate(plan.pieces, 1))


def message_row(plan: Plan, request: Request, message_id: Id, submission_id: Id) -> Row:
    """The `message` row of an accepted plan."""
    submission = request.submission
    sender = plan.sender or Sender("default", "")
    client_ref: str | None = submission.options.client_ref
    scheduled = request.send_at is not None
    return {
        "id": message_id,
        "tenant_id": submission.tenant_id,
        "submission_id": submission_id,
        "direction": "outbound",
        "status": "scheduled" if scheduled else "accepted",
        "account": submission.account.ref,
        "door": submission.door,
        "sender": sender.value,
        "sender_kind": sender.kind,
        "recipient": plan.to,
        "encoding": plan.encoding,
        "parts": len(plan.parts),
        "price": plan.price,
        "currency": plan.currency,
        "carrier": plan.carrier,
        "pool": sender.pool,
        # Shared by the parts: neighbours in time differ, as the end of an id does. 0: it goes in one piece.
        "reference": (int.from_bytes(message_id[-2:]) or 1) if len(plan.pieces) > 1 else 0,
        "client_ref": client_ref if client_ref is None else storable(client_ref),
        "priority": request.priority,
        "created_at": request.now,
        "send_at": request.send_at,
        "expires_at": request.expires_at,
        "possible_duplicate": False,
        "error_code": None,
        "error_detail": None,
        "flags": "",
        "cause": submission.cause,
        "trace": orjson.dumps([(step.step, step.decision, step.reason) for step in plan.trace]).decode(),
    }


def part_row(message: Mapping[str, Any], no: int, claimed_by: str | None) -> Row:
    """The `part` row number `no` of a message; claimed from the start when `claimed_by` names a node."""
    now: int = message["created_at"]
    return {
        "message_id": message["id"],
        "no": no,
        "tenant_id": message["tenant_id"],
        "carrier": message["carrier"],
        "pair": pair_of(message["sender"], message["recipient"]),
        "priority": message["priority"],
        "state": "queued" if claimed_by is None else "sending",
        "due_at": now if message["send_at"] is None else message["send_at"],
        "expires_at": message["expires_at"],
        "attempts": 0,
        "claimed_by": claimed_by,
        "claimed_until": None if claimed_by is None else now + CLAIM,
        "carrier_ref": None,
        "carrier_raw": None,
        "sent_at": None,
        "possible_duplicate": False,
        "cause": "",
    }


def pair_of(sender: str, to: str) -> str:
    """Within this, messages keep their order."""
    return f"{sender}>{to}"


def outbound_part(message: Mapping[str, Any], no: int, text: str, now: int) -> OutboundPart:
    """A part of a new message as the carrier gets it."""
    return OutboundPart(
        message["tenant_id"],
        message["id"],
        no,
        pieces_of(message),
        message["reference"],
        Sender(message["sender_kind"], message["sender"], message["pool"]),
        message["recipient"],
        text,
        message["encoding"],
        message["priority"],
        seconds_left(message["expires_at"], now),
    )


def claimed_part(message: Mapping[str, Any], part: Mapping[str, Any], body: str, now: int) -> OutboundPart:
    """A part from its rows; the text of one of several parts is cut again, as it was when it was priced."""
    text, pieces = body, pieces_of(message)
    if pieces > 1:
        text = segments.segment(body, PARTS_MOST).parts[part["no"] - 1]
    return OutboundPart(
        message["tenant_id"],
        message["id"],
        part["no"],
        pieces,
        message["reference"],
        Sender(message["sender_kind"], message["sender"], message["pool"]),
        message["recipient"],
        text,
        message["encoding"],
        message["priority"],
        seconds_left(message["expires_at"], now),
        part["attempts"],
        bool(part["possible_duplicate"]),
    )


def pieces_of(message: Mapping[str, Any]) -> int:
    """In how many rows of `part` a message is stored."""
    pieces: int = message["parts"]
    return pieces if message["reference"] else 1


def seconds_left(expires_at: int, now: int) -> int:
    """What is left of the validity, whole seconds, at least one."""
    return max((expires_at - now) // SECOND, 1)


def accepted_message(row: Mapping[str, Any], body: str) -> Message:
    """A message just stored, as everybody sees it, without reading it back."""
    status = Status.ACCEPTED.value if row["send_at"] is None else Status.SCHEDULED.value
    return Message(
        id=row["id"],
        tenant_id=row["tenant_id"],
        direction="outbound",
        status=status,
        sender=row["sender"],
        to=row["recipient"],
        text=body,
        encoding=row["encoding"],
        parts=row["parts"],
        price=row["price"],
        currency=row["currency"],
        door=row["door"],
        account=row["account"],
        client_ref=row["client_ref"],
        created_at=row["created_at"],
        events=(Event(row["created_at"], status),),
        send_at=row["send_at"],
    )
