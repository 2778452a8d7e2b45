"""Shows a tenant's people what was sent and received: lists that may be narrowed, sums, today by the hour."""

from collections.abc import Sequence
from typing import Final

from voip_sms.core.directory import Id
from voip_sms.core.history import (
    ATTENTION_MOST,
    EVERYTHING,
    Attention,
    HistoryFilter,
    HistoryPage,
    Hour,
    Sums,
)
from voip_sms.core.model import Message
from voip_sms.engine.context import Context
from voip_sms.store import conversations, history
from voip_sms.store.reader import Reader

__all__ = ["EVERYTHING", "PAGE", "History", "HistoryFilter"]

PAGE: Final = 50


class History:
    """All reads take the tenant, and answer within the reader's bound or with `store_unavailable`."""

    def __init__(self, context: Context) -> None:
        self._reader: Reader = context.reader
        self._clock = context.clock

    async def list(
        self, tenant_id: Id, only: HistoryFilter = EVERYTHING, *, limit: int = PAGE, after: Id | None = None
    ) -> HistoryPage:
        """Messages with texts, newest first; at most 1,000 at a time. `after`: of the page before."""
        return await self._reader.run(history.page, tenant_id, only, limit=limit, after=after)

    async def chosen(self, tenant_id: Id, message_ids: Sequence[Id]) -> Sequence[Message]:
        """Those of these (at most 1,000) that are the tenant's, newest first."""
        return await self._reader.run(history.chosen, tenant_id, message_ids)

    async def sums(self, tenant_id: Id, only: HistoryFilter = EVERYTHING) -> Sums:
        """Of what the filter finds, within at most a month before `until` (or now)."""
        return await self._reader.run(history.sums, tenant_id, only, self._clock.now())

    async def today(self, tenant_id: Id, timezone: str) -> Sequence[Hour]:
        """The day's hours in this zone (23 to 25 of them), the first one first; those to come are empty."""
        return await self._reader.run(history.today, tenant_id, timezone, self._clock.now())

    async def attention(self, tenant_id: Id, user_id: Id, timezone: str) -> Attention:
        """What this person should look at."""
        now = self._clock.now()
        run = self._reader.run
        waiting = conversations.Asked(user_id, now, "unanswered")
        unseen = conversations.Asked(user_id, now, "unread")
        return Attention(
            undelivered=await run(history.undelivered, tenant_id, timezone, now),
            unanswered=await run(conversations.how_many, tenant_id, waiting, ATTENTION_MOST),
            unread=await run(conversations.how_many, tenant_id, unseen, ATTENTION_MOST),
        )
