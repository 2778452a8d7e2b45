"""Counts what waits in the database, for the metrics: due parts by carrier, forward jobs by kind."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, select, text

from voip_sms.core.clock import SECOND
from voip_sms.engine.context import Context
from voip_sms.engine.metrics import Backlog, Waiting
from voip_sms.store.tables import forward_job, part

# Both walk through a partial index that holds what waits and nothing else.
_PARTS: Final = (
    select(part.c.carrier, func.count(), func.min(part.c.due_at))
    .where(text("part.state = 'queued'"), part.c.due_at <= bindparam("now"))
    .group_by(part.c.carrier)
)
_JOBS: Final = (
    select(forward_job.c.kind, func.count(), func.min(forward_job.c.due_at))
    .where(text("forward_job.state = 'queued'"), forward_job.c.due_at <= bindparam("now"))
    .group_by(forward_job.c.kind)
)


class Backlogs:
    """What waits for all processes on the database, not only for this one."""

    name = "backlog"

    async def run(self, context: Context) -> int:
        """See `chore.Chore`; there is never more to do at once."""
        context.metrics.backlog = await context.reader.run(backlog, context.clock.now())
        return 0


def backlog(connection: Connection, now: int) -> Backlog:
    """What waits at `now`."""

    def read(statement: Select[Any]) -> Mapping[str, Waiting]:
        rows = connection.execute(statement, {"now": now})
        return {name: Waiting(count, max(now - since, 0) / SECOND) for name, count, since in rows}

    return Backlog(read(_PARTS), read(_JOBS))
