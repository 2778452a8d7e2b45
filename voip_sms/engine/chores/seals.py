"""Seals the audit log: gives each entry its place in its chain, when what it tells of is long committed."""

from functools import partial
from typing import Final

from voip_sms.engine.chores.chore import ROWS
from voip_sms.engine.context import Context
from voip_sms.store.audit import seal_chain, unsealed

CHAINS: Final = 100
"""Chains looked at in one turn; the others' is next."""


class Seals:
    """Entries without a seal, oldest first. Several nodes may do it: see `store.audit.seal_chain`."""

    name = "audit_seals"

    async def run(self, context: Context) -> int:
        """One transaction for each chain: see `chore.Chore`."""
        waiting = await context.reader.run(unsealed, CHAINS)
        sealed = 0
        for tenant_id in waiting:
            sealed += await context.writer.run(partial(seal_chain, tenant_id=tenant_id, most=ROWS))
        return max(sealed, ROWS) if len(waiting) == CHAINS else sealed
