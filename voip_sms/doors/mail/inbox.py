"""What a client has sent and nobody has read yet: commands by their lines, a mail up to the lone dot."""

import asyncio
from typing import Final, Literal

Fault = Literal["line too long", "too large"]

END: Final = b".\r\n"
"""The line that ends a mail (RFC 5321 4.1.1.4); every other that begins with a dot was given one more."""
_LAST: Final = b"\r\n" + END
_PIECE: Final = 65_536
"""Octets of an unfinished mail that are kept as they came; more are put away in pieces of about this size."""


class Inbox(asyncio.StreamReader):
    """The reader of one connection. What is here already is handed out without a turn of the event loop.

    COMPAT Python 3.11: what is read and not taken yet is in `_buffer`, as for `readuntil` itself.
    """

    _buffer: bytearray
    _limit: int

    @property
    def has_line(self) -> bool:
        """Whether the next line is here."""
        return b"\n" in self._buffer

    def line(self) -> bytes | None:
        """The next line with its end, if it is here, and not too long."""
        end = self._buffer.find(b"\n") + 1
        return self._taken(end) if 0 < end <= self._limit else None

    async def next_line(self) -> bytes | None:
        """Wait for the next line; None for one beyond the limit, when it has been read to its end."""
        whole = True
        while True:
            try:
                line = await self.readuntil()
            except asyncio.LimitOverrunError as error:
                await self.read(error.consumed)
                whole = False
            else:
                return line if whole else None

    async def mail(self, most: int, longest: int) -> bytes | Fault:
        """Wait for a mail of at most `most` octets, in lines of at most `longest` with their ends.

        What is beyond that is read to the end, and forgotten: whoever sends hears of it only then
        (RFC 5321 4.2.5). Lines end in CRLF, for the gate has seen them.
        """
        seen = _Mail(most, longest)
        at = 0
        while True:
            if seen.octets == 0 and self._buffer.startswith(END):
                self._taken(len(END))
                return b""
            end = self._buffer.find(_LAST, at)
            if end >= 0:
                seen.add(self._taken(end + len(_LAST))[: -len(END)])
                return seen.whole()
            if len(self._buffer) > _PIECE:
                seen.add(self._taken(len(self._buffer) - len(_LAST)))
            at = max(len(self._buffer) - len(_LAST), 0)
            await self._wait_for_data("mail")  # type: ignore[attr-defined]

    def _taken(self, count: int) -> bytes:
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._maybe_resume_transport()  # type: ignore[attr-defined]
        return octets


class _Mail:
    """Pieces of a mail, and what is wrong with it so far."""

    __slots__ = ("_fault", "_longest", "_most", "_pieces", "_run", "octets")

    def __init__(self, most: int, longest: int) -> None:
        self._most = most
        self._longest = longest
        self._pieces: list[bytes] = []
        self._run = 0
        self._fault: Fault | None = None
        self.octets = 0

    def add(self, octets: bytes) -> None:
        self.octets += len(octets)
        if self._fault is None:
            self._fault = self._found(octets)
            self._pieces.append(octets)
        if self._fault is not None:
            self._pieces.clear()

    def _found(self, octets: bytes) -> Fault | None:
        before = self._run
        last = octets.rfind(b"\n") + 1
        self._run = len(octets) - last + (0 if last else before)
        if before + len(octets) > self._longest:
            lines = octets.split(b"\n")
            if before + len(lines[0]) >= self._longest or max(map(len, lines)) >= self._longest:
                return "line too long"
        return "too large" if self.octets > self._most else None

    def whole(self) -> bytes | Fault:
        """Without the dots that were added (RFC 5321 4.5.2)."""
        if self._fault is not None:
            return self._fault
        octets = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        return octets.removeprefix(b".").replace(b"\r\n.", b"\r\n")
