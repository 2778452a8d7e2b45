"""Shows a tenant what its rules kept from it: messages that were blocked, and why."""

from collections.abc import Sequence

from voip_sms.core.directory import Id
from voip_sms.core.model import Message, Step
from voip_sms.store.blocked import list_blocked
from voip_sms.store.reader import Reader


class Blocked:
    """Reads take the tenant."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def list(
        self, tenant_id: Id, *, limit: int, starting_after: Id | None = None
    ) -> tuple[Sequence[tuple[Message, Step]], bool]:
        """Messages with the step that blocked them, newest first, and whether more follow.

        `Step.step` is `blacklist` or `tenant` (all inbound is blocked, or the tenant is off).
        """
        return await self._reader.run(list_blocked, tenant_id, limit=limit, starting_after=starting_after)
