"""What a chore is."""

from typing import Final, Protocol

from voip_sms.engine.context import Context
from voip_sms.engine.progress import Moment

ROWS: Final = 500
"""Rows that one unit looks at: some ten milliseconds, so that doors hardly notice."""


class Chore(Protocol):
    """Something that must be done again and again."""

    @property
    def name(self) -> str:
        """For the log."""
        ...

    async def run(self, context: Context) -> int:
        """Do one unit of it; how many rows it looked at. `ROWS` or more: there may be more at once."""
        ...


def moment_of(context: Context) -> Moment:
    """This moment, for a decision."""
    return Moment(context.directory(), context.clock.now(), context.new_id)
