"""Cuts a stream of octets into SMPP PDUs by their command_length (SMPP 3.4, 3.2)."""

from struct import Struct
from typing import Final

from voip_sms.wire.smpp.errors import FramingError

HEADER_LENGTH: Final = 16
# A deliver_sm with full mandatory fields (about 350 octets) and a message_payload of 65535.
MAX_PDU_LENGTH: Final = 65 * 1024 + 512

_LENGTH = Struct(">I")
_LENGTH_SIZE = _LENGTH.size


class Framer:
    """Give it what was read, get whole PDUs (header included). Holds at most one unfinished PDU."""

    __slots__ = ("_broken", "_max_length", "_rest")

    def __init__(self, max_length: int = MAX_PDU_LENGTH) -> None:
        self._max_length = max_length
        self._rest = b""
        self._broken: int | None = None

    @property
    def buffered(self) -> int:
        """How many octets of an unfinished PDU wait for the rest."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The PDUs that `data` completes.

        Raises FramingError when a command_length is below 16 or above the bound; the error carries the
        PDUs before it, and every later call raises again.
        """
        if self._broken is not None:
            raise FramingError(self._broken)
        if self._rest:
            data = self._rest + data
        frames: list[bytes] = []
        start, end = 0, len(data)
        while start + _LENGTH_SIZE <= end:
            (length,) = _LENGTH.unpack_from(data, start)
            if length < HEADER_LENGTH or length > self._max_length:
                self._broken, self._rest = length, b""
                raise FramingError(length, tuple(frames))
            if start + length > end:
                break
            frames.append(data[start : start + length])
            start += length
        self._rest = data[start:]
        return frames
