"""How far a submission is, by the key of its request: all of it counted, its first recipients one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from voip_sms.core.directory import Id, Micros
from voip_sms.core.history import Share
from voip_sms.core.model import Item
from voip_sms.core.status import Status
from voip_sms.engine.acceptance import Replay, remembered
from voip_sms.store import submissions
from voip_sms.store.messages import request_of_key
from voip_sms.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Sent:
    """`items`: the first, those refused on top; one with neither message nor refusal is not kept any more.

    `recipients`: all of them; `refused`: how many got nothing; `shares`: the messages by status. `price`, in
    10^-6 of `currency`, is of what was not called back, without what was given back.
    """

    items: Sequence[Item]
    recipients: Sequence[str]
    refused: int
    shares: Sequence[Share]
    price: Micros
    currency: str


async def look(reader: Reader, tenant_id: Id, key: bytes, listed: int) -> Sent | None:
    """As it is now, with `listed` recipients; None: nothing is kept under this key."""
    return await reader.run(_look, tenant_id, key, listed)


async def messages_of(reader: Reader, tenant_id: Id, key: bytes) -> Sequence[Id] | None:
    """All its messages that are kept; None: nothing is kept under this key."""
    return await reader.run(_messages_of, tenant_id, key)


def _look(connection: Connection, tenant_id: Id, key: bytes, listed: int) -> Sent | None:
    """At one moment, so that counts, sums and recipients agree."""
    replay = _replay(connection, tenant_id, key)
    if replay is None:
        return None
    shares = submissions.shares(connection, tenant_id, replay.submission_id)
    back = submissions.kept_back(connection, tenant_id, replay.submission_id)
    refused = [Item(to, refused=remembered(code, why)) for to, kept, code, why in replay.items if not kept]
    stored = [(to, bytes.fromhex(kept)) for to, kept, _, _ in replay.items if kept]
    stored = stored[: max(listed - len(refused), 1)]  # one at least: it has the text
    found = submissions.some(connection, tenant_id, [message_id for _, message_id in stored])
    by_id = {message.id: message for message in found}
    return Sent(
        items=[*refused, *(Item(to, by_id.get(message_id)) for to, message_id in stored)],
        recipients=[to for to, *_ in replay.items],
        refused=len(refused),
        shares=shares,
        price=sum(one.price for one in shares if one.status != Status.CANCELED) - back,
        currency=next((one.currency for one in shares if one.currency), ""),
    )


def _messages_of(connection: Connection, tenant_id: Id, key: bytes) -> Sequence[Id] | None:
    replay = _replay(connection, tenant_id, key)
    return None if replay is None else submissions.ids_of(connection, tenant_id, replay.submission_id)


def _replay(connection: Connection, tenant_id: Id, key: bytes) -> Replay | None:
    found = request_of_key(connection, tenant_id, key)
    return None if found is None else Replay.of(*found)
