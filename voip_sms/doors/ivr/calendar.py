"""Days, hours, dates and holidays as flows name them, and whether a moment is among them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

POLAND: Final = "pl"
"""Among holidays: Poland's days off work."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"([0-2]?[0-9]):([0-5][0-9])\s*-\s*([0-2]?[0-9]):([0-5][0-9])", re.ASCII)
_DATE: Final = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})", re.ASCII)
_MIDNIGHT: Final = 24 * 60
_LEAP: Final = 2000
"""A year that has every day there is."""

# Act of 18 January 1951 on days off work (Dz.U. 2020 poz. 1920; 24 December since Dz.U. 2024 poz. 1965).
_FIXED_IN_POLAND: Final = frozenset(
    {(1, 1), (1, 6), (5, 1), (5, 3), (8, 15), (11, 1), (11, 11), (12, 24), (12, 25), (12, 26)}
)
_AFTER_EASTER_IN_POLAND: Final = frozenset({0, 1, 49, 60})
"""Easter, Easter Monday, Pentecost, Corpus Christi: days after Easter Sunday."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days of the week, Monday 0; `text` as they were written."""

    text: str
    days: frozenset[int]

    def has(self, moment: datetime) -> bool:
        """Whether the moment's own day is one of them."""
        return moment.weekday() in self.days


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of a day, from a minute on, up to another; one that is not later is of the next day."""

    text: str
    spans: tuple[tuple[int, int], ...]

    def has(self, moment: datetime) -> bool:
        """Whether the wall clock shows such a time."""
        minute = moment.hour * 60 + moment.minute
        return any(
            start <= minute < end if start < end else minute >= start or minute < end
            for start, end in self.spans
        )


@dataclass(frozen=True, slots=True)
class Dates:
    """From a date to another, both included; (year, month, day), the year 0 where it is every year."""

    text: str
    start: tuple[int, int, int]
    end: tuple[int, int, int]

    def has(self, moment: datetime) -> bool:
        """Whether the moment's own date is among them."""
        year = moment.year if self.start[0] else 0
        today = (year, moment.month, moment.day)
        if self.start <= self.end:
            return self.start <= today <= self.end
        return today >= self.start or today <= self.end


@dataclass(frozen=True, slots=True)
class Holidays:
    """The days that a flow calls holidays."""

    dates: tuple[Dates, ...] = ()
    poland: bool = False

    def has(self, moment: datetime) -> bool:
        """Whether the moment's own date is one."""
        return any(dates.has(moment) for dates in self.dates) or (self.poland and _is_free(moment.date()))


def read_days(text: str) -> Days:
    """`mon-fri, sun`; ValueError says what is wrong."""
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"not days: write {', '.join(_DAYS)} or a span such as mon-fri")
        start = _DAYS.index(first)
        span = (_DAYS.index(last) - start) % len(_DAYS) if dash else 0
        found |= {(start + step) % len(_DAYS) for step in range(span + 1)}
    return Days(text, frozenset(found))


def read_hours(text: str) -> Hours:
    """`08:00-12:00, 13:00-16:00`; ValueError says what is wrong."""
    return Hours(text, tuple(_span(part.strip()) for part in text.split(",")))


def _span(text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text)
    start, end = (int(found[one]) * 60 + int(found[one + 1]) for one in (1, 3)) if found else (0, 0)
    if start >= _MIDNIGHT or end > _MIDNIGHT or start == end:
        raise ValueError('not hours: write "08:00-16:00"; the end is not included, 24:00 is midnight')
    return start, end


def read_dates(text: str) -> Dates:
    """`12-24..12-26`, `2026-12-31` or `12-24..01-06`; ValueError says what is wrong."""
    first, dots, last = (part.strip() for part in text.partition(".."))
    start = _date(first)
    end = _date(last) if dots else start
    if bool(start[0]) != bool(end[0]) or (start[0] and start > end):
        raise ValueError("both dates have a year or neither, and the first is not later than the last")
    return Dates(text, start, end)


def _date(text: str) -> tuple[int, int, int]:
    found = _DATE.fullmatch(text)
    year, month, day = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    try:
        date(year or _LEAP, month, day)
    except ValueError:
        raise ValueError('not a date: write "12-24" for every year, or "2026-12-24"') from None
    return year, month, day


def read_holidays(words: Iterable[str]) -> Holidays:
    """`pl` and dates as `read_dates` takes them; ValueError says what is wrong."""
    listed = tuple(words)
    return Holidays(tuple(_holiday(word) for word in listed if word != POLAND), POLAND in listed)


def _holiday(word: str) -> Dates:
    try:
        return read_dates(word)
    except ValueError as error:
        raise ValueError(f"{word!r}: {error}; pl stands for Poland's days off work") from None


def _is_free(day: date) -> bool:
    return (day.month, day.day) in _FIXED_IN_POLAND or (
        day - _easter(day.year)
    ).days in _AFTER_EASTER_IN_POLAND


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the computation of Nature, 20 April 1876)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, 1) + timedelta(days=day)
