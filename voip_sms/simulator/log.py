"""Every PDU in and out, in a ring: cheap to write, decoded only when somebody reads it."""

from collections.abc import Iterator
from typing import NamedTuple

from voip_sms.core.clock import Clock, to_rfc3339
from voip_sms.simulator.fields import describe
from voip_sms.wire.smpp import DecodeError, decode, header
from voip_sms.wire.smpp.framer import HEADER_LENGTH
from voip_sms.wire.smpp.numbers import command_name


class Entry(NamedTuple):
    """`n` counts from 1, `at` is epoch microseconds, `conn` the connection's number."""

    n: int
    at: int
    conn: int
    out: bool
    octets: bytes


class PduLog:
    """The last `size` PDUs; older ones are overwritten, numbers go on."""

    def __init__(self, clock: Clock, size: int) -> None:
        self._clock = clock
        self._ring: list[Entry | None] = [None] * size
        self._size = size
        self._last = 0

    def add(self, conn: int, octets: bytes, *, out: bool) -> None:
        """Remember one PDU, or whatever octets were sent instead of one."""
        self._last = n = self._last + 1
        self._ring[n % self._size] = Entry(n, self._clock.now(), conn, out, octets)

    @property
    def last(self) -> int:
        """The newest entry's number; 0 while there is none."""
        return self._last

    def after(self, n: int) -> Iterator[Entry]:
        """What is kept with a number above `n`, oldest first, up to the newest at the time of the call.

        Entries that are overwritten while the iterator rests are left out.
        """
        return self._between(max(n, self._last - self._size) + 1, self._last)

    def _between(self, first: int, last: int) -> Iterator[Entry]:
        for n in range(first, last + 1):
            entry = self._ring[n % self._size]
            if entry is not None and entry.n == n:
                yield entry


def shown(entry: Entry) -> dict[str, object]:
    """An entry as GET /log gives it."""
    common: dict[str, object] = {
        "n": entry.n,
        "at": to_rfc3339(entry.at),
        "conn": entry.conn,
        "dir": "out" if entry.out else "in",
    }
    if len(entry.octets) < HEADER_LENGTH or int.from_bytes(entry.octets[:4]) != len(entry.octets):
        unreadable = dict.fromkeys(("command_status", "sequence"))
        return common | {"command": "garbage", **unreadable, "fields": {}, "hex": entry.octets.hex()}
    _, command, status, sequence = header(entry.octets)
    try:
        fields = describe(decode(entry.octets))
    except DecodeError as error:
        fields = {"malformed": str(error)}
    return common | {
        "command": command_name(command),
        "command_status": status,
        "sequence": sequence,
        "fields": fields,
        "hex": entry.octets.hex(),
    }
