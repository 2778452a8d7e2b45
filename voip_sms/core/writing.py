"""What a person writes before it is sent: who is meant, what the text weighs, when it is to leave."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from voip_sms.core import segments
from voip_sms.core.clock import from_datetime
from voip_sms.core.segments import GSM7_PART, GSM7_SINGLE, UCS2_PART, UCS2_SINGLE, Segmented
from voip_sms.wire import gsm0338

COSTLY_SHOWN: Final = 6
"""Characters that are named: who has changed so many sees the next ones then."""
RECIPIENT_LONGEST: Final = 160
"""Characters of one recipient as it was typed; no number and no name of a group is longer."""

_BETWEEN: Final = re.compile(r"[\n\r,;\t]+")


def recipients_of(typed: str) -> tuple[str, ...]:
    """What was typed one per line, or between commas or semicolons; what comes twice counts once."""
    pieces = (piece.strip()[:RECIPIENT_LONGEST] for piece in _BETWEEN.split(typed))
    return tuple(dict.fromkeys(piece for piece in pieces if piece))


class Costly(NamedTuple):
    """A character that the GSM alphabet lacks, and the letters that could stand for it ("": none)."""

    character: str
    plain: str


@dataclass(frozen=True, slots=True)
class Weight:
    """What a text weighs as it stands.

    `characters`: as a person counts; `left`: how many units go into the last part still, where one is an
    ordinary character; `room`: units of a part; `costly`: the characters that make it UCS-2, each once;
    `plain_parts`: how many parts it would take without accents, None if that changes nothing.
    """

    encoding: Literal["gsm7", "ucs2"]
    characters: int
    parts: int
    left: int
    room: int
    costly: tuple[Costly, ...] = ()
    plain_parts: int | None = None
    transliterated: bool = False


def weigh(text: str, *, transliterate: bool) -> Weight | None:
    """None: there is nothing to send. `transliterate`: accents are given up where that saves parts."""
    try:
        made = segments.segment(text, len(text) + 1, transliterate=transliterate)
    except segments.TextEmptyError:
        return None
    last = made.parts[-1]
    single, part = (GSM7_SINGLE, GSM7_PART) if made.encoding == "gsm7" else (UCS2_SINGLE, UCS2_PART)
    room = single if len(made.parts) == 1 else part
    costly = _costly(made.text) if made.encoding == "ucs2" else ()
    return Weight(
        made.encoding,
        len(made.text),
        len(made.parts),
        room - _units(last, made.encoding),
        room,
        costly,
        _plain_parts(made) if costly else None,
        made.transliterated,
    )


def _units(text: str, encoding: str) -> int:
    return len(gsm0338.encode(text)) if encoding == "gsm7" else len(text.encode("utf-16-be")) // 2


def _costly(text: str) -> tuple[Costly, ...]:
    """Those first that must go: as long as one is there, giving up accents saves nothing."""
    found = dict.fromkeys(char for char in text if char not in gsm0338.CHARACTERS)
    named = (Costly(char, _plain(char)) for char in found)
    return tuple(sorted(named, key=lambda one: bool(one.plain))[:COSTLY_SHOWN])


def _plain(char: str) -> str:
    plain = segments.without_accents(char)
    return plain if plain != char and gsm0338.first_foreign(plain) is None else ""


def _plain_parts(made: Segmented) -> int | None:
    """None, too, where a character has no counterpart: accents stay then."""
    try:
        plain = segments.segment(made.text, len(made.text) + 1, transliterate=True)
    except segments.TextEmptyError:
        return None
    return len(plain.parts) if plain.encoding == "gsm7" else None


# --- when ---------------------------------------------------------------------------------------------------


class NoSuchTimeError(ValueError):
    """What a clock on the wall never shows: the night it is put forward. `first`: what it shows instead."""

    def __init__(self, first: datetime) -> None:
        self.first = first
        super().__init__("clocks are put forward over that time")


def moment_of(local: datetime, zone: str) -> int:
    """Epoch microseconds of a date and time without a zone, as a clock in `zone` (IANA) shows it.

    Of the hour that comes twice, when clocks are put back, the first is meant. NoSuchTimeError; OverflowError
    for what is beyond all calendars.
    """
    there = local.replace(tzinfo=ZoneInfo(zone), fold=0)
    moment = there.astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise NoSuchTimeError(_after_the_gap(there))
    return from_datetime(moment)


def is_twice(local: datetime, zone: str) -> bool:
    """Whether clocks show this time twice that night."""
    there = local.replace(tzinfo=ZoneInfo(zone))
    return there.utcoffset() != there.replace(fold=1).utcoffset() and _shown(there) == local


def _shown(there: datetime) -> datetime:
    return there.astimezone(UTC).astimezone(there.tzinfo).replace(tzinfo=None)


def _after_the_gap(there: datetime) -> datetime:
    """The same time with the clock already put forward: 03:30 for 02:30."""
    before, after = there.utcoffset(), there.replace(fold=1).utcoffset()
    shift = abs((before or timedelta()) - (after or timedelta()))
    return there.replace(tzinfo=None) + shift
