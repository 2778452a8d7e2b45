"""Cut a TCP or TLS stream into SIP messages and keep-alives (RFC 3261 18.3, RFC 5626 3.5.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.sip.messages import (
    MAX_BODY,
    MAX_HEAD,
    TOO_LARGE,
    Head,
    Malformed,
    Message,
    answerable,
    content_length,
    parse_head,
)

_END: Final = b"\r\n\r\n"
MAX_SENSELESS: Final = 32
"""Responses without sense that a stream may bring before it is one that nobody can read."""
_LINE_ENDS: Final = re.compile(rb"(?:\r\n)+")


@dataclass(frozen=True, slots=True)
class Ping:
    """CRLFCRLF between messages, once or more in one go: the peer wants one CRLF back."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream can't be cut any further: answer `error.request` if it can be, then close."""

    error: Malformed


@dataclass(frozen=True, slots=True)
class Flawed:
    """A message whose end is known but that can't be served: answer it, the stream goes on."""

    error: Malformed


Event = Message | Ping | Flawed | Broken


class _Dropped:
    """Something was read that nobody needs to know of."""


class StreamFramer:
    """Feed it octets as they come, get events; after Broken it stays silent.

    A response that makes no sense is dropped, since nobody may answer it, and the stream goes on for a while.
    At most one head and one body are buffered beyond what one `feed` brought.
    """

    __slots__ = ("_broken", "_buffer", "_crlfs", "_head", "_length", "_scanned", "_senseless")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: Head | None = None
        self._length = 0
        self._scanned = 0
        self._crlfs = 0
        self._senseless = 0
        self._broken = False

    @property
    def partial(self) -> bool:
        """Whether a message has begun and waits for its rest."""
        return bool(self._buffer) or self._head is not None

    def feed(self, data: bytes) -> Iterator[Event]:
        """Every event that `data` completes, in order."""
        if self._broken:
            return
        self._buffer += data
        while True:
            try:
                event = self._next()
            except Malformed as error:
                self._broken = True
                self._buffer.clear()
                yield Broken(error)
                return
            if event is None:
                return
            if not isinstance(event, _Dropped):
                yield event

    def _next(self) -> "Event | _Dropped | None":
        if self._head is None:
            if self._leading_crlf():
                return Ping()
            if not self._read_head():
                return None
        return self._read_body()

    def _leading_crlf(self) -> bool:
        """Drop line ends in front of a message; True when two of them make a ping."""
        found = _LINE_ENDS.match(self._buffer)
        if found is None:
            return False
        end = found.end()
        del found  # it would hold the buffer's size fast
        del self._buffer[:end]
        pings, self._crlfs = divmod(self._crlfs + end // 2, 2)
        return pings > 0

    def _read_head(self) -> bool:
        buffer = self._buffer
        end = buffer.find(_END, self._scanned)
        if end < 0:
            if len(buffer) > MAX_HEAD:
                raise Malformed("headers too large", status=TOO_LARGE)
            self._scanned = max(0, len(buffer) - 3)
            return False
        self._crlfs = self._scanned = 0
        head = parse_head(bytes(buffer[:end]))
        length = content_length(head)
        if length is None:
            raise Malformed("Content-Length missing", request=answerable(head))
        if length > MAX_BODY:
            raise Malformed("body too large", status=TOO_LARGE, request=answerable(head))
        del buffer[: end + len(_END)]
        self._head, self._length = head, length
        return True

    def _read_body(self) -> "Event | _Dropped | None":
        head = self._head
        if head is None or len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._head = None
        try:
            return head.with_body(body)
        except Malformed as error:
            if not head.answers:
                return Flawed(error)
            self._senseless += 1
            if self._senseless > MAX_SENSELESS:
                raise
            return _Dropped()
