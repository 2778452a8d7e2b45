"""Identifiers: UUIDv7 octets inside, a prefixed Crockford text outside."""

import threading
from collections.abc import Callable
from typing import Final

from voip_sms.core.clock import MILLISECOND, Clock

OCTETS: Final = 16

# RFC 9562 section 5.7: 48 bits of milliseconds, version 7, 12 bits, variant 10, 62 bits.
_VERSION: Final = 7 << 76
_VARIANT: Final = 2 << 62
_LOW_BITS: Final = 62
_LOW_MASK: Final = (1 << _LOW_BITS) - 1
_COUNT_BITS: Final = 74
_COUNT_LIMIT: Final = 1 << _COUNT_BITS
_MILLISECONDS_LIMIT: Final = 1 << 48
# Section 6.2 method 2: within one millisecond the random part grows by a random step: ids stay unguessable.
_STEP_OCTETS: Final = 4
# Drawn at a time: a system call per id costs little by itself, but gives other threads the interpreter, and
# getting it back took 100 us under load.
_POOL_OCTETS: Final = 4096

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_VALUES: Final = {char: value for value, char in enumerate(_ALPHABET)}
_TEXT_LENGTH: Final = 26
_SHIFTS: Final = tuple(range(120, -1, -10))
_ID_LIMIT: Final = 1 << 128


class IdInvalidError(ValueError):
    """A text is not an identifier of the expected kind."""


class Ids:
    """Makes UUIDv7s that grow strictly within the process, even when the clock stands still or goes back.

    `random(n)` gives n random octets (`os.urandom`). Safe to share between threads.
    """

    def __init__(self, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._random = random
        self._lock = threading.Lock()
        self._milliseconds = -1
        self._count = 0
        self._pool = b""
        self._drawn = 0

    def new(self) -> bytes:
        """The next identifier, 16 octets, greater than every one before it."""
        milliseconds = self._clock.now() // MILLISECOND
        with self._lock:
            if milliseconds > self._milliseconds:
                self._milliseconds = milliseconds
                # The top bit starts at 0: room to count within one millisecond.
                self._count = int.from_bytes(self._draw(10)) >> 7
            else:
                self._count += 1 + int.from_bytes(self._draw(_STEP_OCTETS))
                if self._count >= _COUNT_LIMIT:
                    self._milliseconds += 1
                    self._count = int.from_bytes(self._draw(10)) >> 7
            return _uuid7(self._milliseconds, self._count)

    def _draw(self, octets: int) -> bytes:
        if self._drawn + octets > len(self._pool):
            self._pool, self._drawn = self._random(_POOL_OCTETS), 0
        begin, self._drawn = self._drawn, self._drawn + octets
        return self._pool[begin : self._drawn]


def _uuid7(milliseconds: int, count: int) -> bytes:
    if not 0 <= milliseconds < _MILLISECONDS_LIMIT:
        raise OverflowError("the clock is outside the range of UUIDv7")
    high, low = count >> _LOW_BITS, count & _LOW_MASK
    return (milliseconds << 80 | _VERSION | high << 64 | _VARIANT | low).to_bytes(OCTETS)


def made_at(identifier: bytes) -> int:
    """The moment in a UUIDv7, epoch microseconds (whole milliseconds)."""
    return int.from_bytes(identifier[:6]) * MILLISECOND


def earliest(moment: int) -> bytes:
    """What no identifier made at `moment` (epoch microseconds) or later is below; none is older than 1970."""
    return (max(moment, 0) // MILLISECOND << 80).to_bytes(OCTETS)


def to_text(prefix: str, identifier: bytes) -> str:
    """`msg_` + 26 characters of lower-case Crockford base32; texts sort as the octets do."""
    if len(identifier) != OCTETS:
        raise IdInvalidError("an identifier has 16 octets")
    number = int.from_bytes(identifier)
    return prefix + "_" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def from_text(prefix: str, text: str) -> bytes:
    """The 16 octets of `prefix_` + 26 characters, exactly as `to_text` writes it, else IdInvalidError."""
    start = len(prefix) + 1
    if len(text) != start + _TEXT_LENGTH or not text.startswith(prefix + "_"):
        raise IdInvalidError(f"not an identifier that begins with {prefix}_")
    number = 0
    try:
        for char in text[start:]:
            number = number << 5 | _VALUES[char]
    except KeyError as error:
        raise IdInvalidError("not a base32 identifier") from error
    if number >= _ID_LIMIT:
        raise IdInvalidError("not a 128-bit identifier")
    return number.to_bytes(OCTETS)
