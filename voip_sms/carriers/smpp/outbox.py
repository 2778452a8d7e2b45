"""Octets on their way out of a session: written in small lumps, bounded when the peer doesn't read."""

import asyncio
from typing import Final

STEP: Final = 8
"""PDUs that are read, or written, at a time.

A window that is refilled only after the last of its responses was read makes all parts travel in one lump:
carrier and client wait for each other. PDUs that are written one by one cost a system call each.
"""
UNSENT_LIMIT: Final = 1 << 20
"""Octets of answers that a carrier doesn't read: tens of thousands of them; then it is as good as dead."""
_STEP_OCTETS: Final = 1024  # COMPAT uvloop: it keeps what is less until the end of the loop's turn


class Outbox:
    """Collects what one turn of the loop writes; `writable` is False while the peer reads too slowly."""

    __slots__ = ("_loop", "_octets", "_transport", "writable")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._octets: list[bytes] = []
        self.writable = True

    def connect(self, transport: asyncio.Transport) -> None:
        """Where to write from now on."""
        self._transport = transport
        transport.set_write_buffer_limits(high=_STEP_OCTETS)

    @property
    def overrun(self) -> bool:
        """Whether more waits for the peer than it will ever read."""
        if self.writable or self._transport is None:
            return False
        return self._transport.get_write_buffer_size() > UNSENT_LIMIT

    def write(self, octets: bytes) -> None:
        """Send one PDU, in this turn of the loop."""
        if not self._octets:
            self._loop.call_soon(self.flush)
        self._octets.append(octets)
        if len(self._octets) >= STEP:
            self.flush()

    def flush(self) -> None:
        """Send what is there, now."""
        octets, self._octets = self._octets, []
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(octets))
