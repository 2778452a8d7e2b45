"""Messages put into a database as they would lie there after years of traffic, many at once."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from voip_sms.core.clock import DAY
from voip_sms.core.directory import Id
from voip_sms.store.tables import message, message_text

OWN = "+48601000001"
AT_ONCE = 1_000


def row(message_id: Id, tenant_id: Id, at: int, **more: Any) -> dict[str, Any]:
    """A delivered SMS of a program, unless `more` says otherwise."""
    return {
        "id": message_id, "tenant_id": tenant_id, "submission_id": message_id, "direction": "outbound",
        "status": "delivered", "account": "key:app", "door": "api", "sender": OWN, "sender_kind": "number",
        "recipient": "+48600100200", "encoding": "gsm7", "parts": 1, "price": 290_000, "currency": "PLN",
        "carrier": "sim", "pool": "", "reference": 0, "client_ref": None, "priority": 5, "created_at": at,
        "send_at": None, "expires_at": at + 2 * DAY, "possible_duplicate": False, "error_code": None,
        "error_detail": None, "flags": "", "cause": None, "trace": "[]", **more,
    }  # fmt: skip


def inbound(message_id: Id, tenant_id: Id, at: int, peer: str, **more: Any) -> dict[str, Any]:
    """A received one."""
    came = {"direction": "inbound", "status": "received", "sender": peer, "recipient": OWN, "door": "carrier"}
    return row(message_id, tenant_id, at, **{**came, "account": "", "price": None, "currency": "", **more})


def store(connection: Connection, rows: Sequence[dict[str, Any]], text: str = "Hello") -> None:
    """Insert them with their texts."""
    for some in _chunks(rows):
        connection.execute(insert(message), some)
        texts = [{"message_id": one["id"], "tenant_id": one["tenant_id"], "body": text} for one in some]
        connection.execute(insert(message_text), texts)


def _chunks(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), AT_ONCE):
        yield list(rows[start : start + AT_ONCE])
