"""Shows a tenant its messages, why they went as they did, and what it may still spend."""

from collections.abc import Sequence
from typing import Any

from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Message, Step
from voip_sms.core.resources.handovers import handover_resource
from voip_sms.store.handovers import handovers_of_message
from voip_sms.store.messages import (
    EVERYTHING,
    LIST_LIMIT,
    MessageFilter,
    get_message,
    list_messages,
    message_trace,
)
from voip_sms.store.money import NO_MONEY, Balance, get_balance
from voip_sms.store.reader import Reader

__all__ = ["EVERYTHING", "LIST_LIMIT", "Balance", "MessageFilter", "Messages"]


class Messages:
    """All reads take the tenant, and answer within the reader's bound or with `store_unavailable`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def get(self, tenant_id: Id, message_id: Id) -> Message:
        """One message with its text and history; Refusal `not_found`, also for another tenant's."""
        found = await self._reader.run(get_message, tenant_id, message_id)
        if found is None:
            raise Refusal("not_found", "there is no such message")
        return found

    async def list(
        self,
        tenant_id: Id,
        only: MessageFilter = EVERYTHING,
        *,
        limit: int = 50,
        starting_after: Id | None = None,
    ) -> tuple[Sequence[Message], bool]:
        """Messages, newest first, and whether more follow; `starting_after`: the last id seen.

        At most `LIST_LIMIT` at a time.
        """
        return await self._reader.run(
            list_messages, tenant_id, only, limit=limit, starting_after=starting_after
        )

    async def trace(self, tenant_id: Id, message_id: Id) -> Sequence[Step]:
        """Why the message went as it did; Refusal `not_found`."""
        found = await self._reader.run(message_trace, tenant_id, message_id)
        if found is None:
            raise Refusal("not_found", "there is no such message")
        return found

    async def handovers(self, tenant_id: Id, message_id: Id) -> Sequence[dict[str, Any]]:
        """To whom it was handed over, each as `HandoverShown`, oldest first; Refusal `not_found`."""
        await self.get(tenant_id, message_id)
        found = await self._reader.run(handovers_of_message, tenant_id, message_id)
        return [handover_resource(job, attempts) for job, attempts in found]

    async def balance(self, tenant_id: Id) -> Balance:
        """The tenant's money; nothing at all for a tenant that was never given credit."""
        return await self._reader.run(get_balance, tenant_id) or NO_MONEY
