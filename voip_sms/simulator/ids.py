"""Message ids as an SMSC gives them: one number, written in the carrier's way."""

from collections.abc import Callable
from typing import Final

from voip_sms.core.clock import Clock

_WRITERS: Final[dict[str, Callable[[int], str]]] = {
    "hex": lambda number: f"{number:x}",
    "dec": str,
    "text": lambda number: f"sim-{number:x}",
}


class MessageIds:
    """Ids that grow, and don't repeat after a restart: they begin at the clock's microseconds."""

    def __init__(self, clock: Clock, id_format: str) -> None:
        self._number = clock.now()
        self._write = _WRITERS[id_format]
        self._decimal = id_format == "dec"

    def new(self) -> str:
        """The next id."""
        self._number += 1
        return self._write(self._number)

    def number(self, message_id: str) -> int:
        """The number that `new` wrote."""
        return int(message_id) if self._decimal else int(message_id.rpartition("-")[2], 16)
