"""Moments and spans as whole microseconds, and their RFC 3339 text."""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# RFC 3339 section 5.6, date-time: narrower than ISO 8601; the offset is not optional. `re.ASCII`: \d is 0-9.
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_LONGEST = len("2026-11-22T10:00:00.123456789+01:00")


class TimeInvalidError(ValueError):
    """A text is not an RFC 3339 date-time with an offset."""


class Clock(Protocol):
    """Where the time comes from; the one thing about it that a test replaces."""

    def now(self) -> int:
        """Now, in microseconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The machine's clock. It may jump: nothing may rely on it never going back."""

    def now(self) -> int:
        """Now, in microseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns() // 1_000


def to_datetime(moment: int) -> datetime:
    """An aware UTC datetime of `moment` (epoch microseconds)."""
    return _EPOCH + timedelta(microseconds=moment)


def from_datetime(moment: datetime) -> int:
    """Epoch microseconds of an aware datetime; a naive one raises TimeInvalidError."""
    if moment.tzinfo is None:
        raise TimeInvalidError("a moment needs a time zone")
    return (moment - _EPOCH) // _MICROSECOND


def to_rfc3339(moment: int) -> str:
    """`2026-11-22T10:00:00.123456Z`: UTC, always six digits, so that texts sort as moments do."""
    second, fraction = divmod(moment, SECOND)
    return f"{_second_text(second)}.{fraction:06d}Z"


@lru_cache(maxsize=256)
def _second_text(second: int) -> str:
    """What a busy second's messages have in common: formatting it is half the work of showing one."""
    return to_datetime(second * SECOND).strftime("%Y-%m-%dT%H:%M:%S")


def from_rfc3339(text: str) -> int:
    """Epoch microseconds of an RFC 3339 date-time in any offset (finer digits cut), or TimeInvalidError."""
    if len(text) > _LONGEST or not _RFC3339.fullmatch(text):
        raise TimeInvalidError("not an RFC 3339 date-time with an offset, such as 2026-11-22T10:00:00Z")
    try:
        return from_datetime(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError) as error:
        raise TimeInvalidError("no such moment") from error
