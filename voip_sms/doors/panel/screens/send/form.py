"""The form that sends, read: what is asked for, and what is wrong at which field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from voip_sms.core.clock import HOUR
from voip_sms.core.directory import Micros
from voip_sms.core.planning import PARTS_MOST, SEND_AT_MOST
from voip_sms.core.segments import DEFAULT_MAX_PARTS
from voip_sms.core.writing import NoSuchTimeError, is_twice, moment_of, recipients_of
from voip_sms.doors.panel.frame.forms import Posted
from voip_sms.doors.panel.frame.words import Words, marked
from voip_sms.engine.panel import Written

HOURS: Final = (1, 6, 24, 48, 72, 168)
"""How long a message may be tried; the networks keep none for longer than a week."""
USUAL: Final[Mapping[str, str]] = {"max_parts": str(DEFAULT_MAX_PARTS), "validity": "48", "class": "full"}
"""What an empty form says."""
MORE: Final = ("on", "at", "validity", "max_parts", "class")
"""The fields that few people change."""
_SENDER_LONGEST: Final = 64
_DATE: Final = marked("Write the date as 2026-01-31")
_TIME: Final = marked("Write the time as 14:30")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed: `errors` by field; what is wrong is left out of `written`.

    `twice`: the clocks show the chosen time two times that night; the first is meant.
    """

    written: Written
    errors: Mapping[str, str]
    twice: bool = False


def asked_of(posted: Posted, words: Words, zone: str, now: Micros) -> Asked:
    """Read it. `zone` (IANA): whose clocks the chosen time is of."""
    errors: dict[str, str] = {}
    moment, twice = _when(posted, words, zone, now, errors)
    written = Written(
        recipients=(*recipients_of(posted.get("to", "")), *_groups(posted)),
        text=posted.get("text", ""),
        sender=posted.get("sender", "")[:_SENDER_LONGEST],
        once=posted.once,
        transliterate=bool(posted.get("transliterate")),
        send_at=moment,
        validity=_hours(posted, words, errors) * HOUR,
        max_parts=_parts(posted, words, errors),
        message_class="eco" if posted.get("class") == "eco" else "full",
    )
    return Asked(written, errors, twice)


def _groups(posted: Posted) -> tuple[str, ...]:
    return tuple(name for name in posted.all("group") if name)


class _WrongError(Exception):
    """A field that can't be used as it is."""

    def __init__(self, field: str, text: str) -> None:
        self.field, self.text = field, text
        super().__init__(text)


def _when(
    posted: Posted, words: Words, zone: str, now: Micros, errors: dict[str, str]
) -> tuple[Micros | None, bool]:
    """The moment that was chosen, None for at once, and whether clocks show it twice."""
    try:
        local = _local(posted.get("on", "").strip(), posted.get("at", "").strip(), words)
        if local is None:
            return None, False
        moment = _moment(local, words, zone)
        _check(moment, words, now)
    except _WrongError as error:
        errors[error.field] = error.text
        return None, False
    return moment, is_twice(local, zone)


def _local(on: str, at: str, words: Words) -> datetime | None:
    """A date and a time as they were typed; None: neither was."""
    if not on and not at:
        return None
    if not on or not at:
        raise _WrongError("at" if on else "on", words("A date and a time belong together"))
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise _WrongError("on", words(_DATE)) from None
    try:
        return datetime.combine(day, time.fromisoformat(at).replace(tzinfo=None))
    except ValueError:
        raise _WrongError("at", words(_TIME)) from None


def _moment(local: datetime, words: Words, zone: str) -> Micros:
    try:
        return moment_of(local, zone)
    except NoSuchTimeError as error:
        said = words(
            "Clocks are put forward that night and never show %(time)s: choose %(other)s, say",
            time=f"{local:%H:%M}",
            other=f"{error.first:%H:%M}",
        )
        raise _WrongError("at", said) from None
    except (OverflowError, ValueError):  # the ends of the calendar
        raise _WrongError("on", words(_DATE)) from None


def _check(moment: Micros, words: Words, now: Micros) -> None:
    if moment <= now:
        raise _WrongError("at", words("This moment is over already"))
    if moment > now + SEND_AT_MOST:
        raise _WrongError("on", words("At most a year ahead"))


def _hours(posted: Posted, words: Words, errors: dict[str, str]) -> int:
    said = posted.get("validity", USUAL["validity"])
    if said not in map(str, HOURS):
        errors["validity"] = words("Choose one of the list")
        return int(USUAL["validity"])
    return int(said)


def _parts(posted: Posted, words: Words, errors: dict[str, str]) -> int:
    said = posted.get("max_parts", "").strip() or USUAL["max_parts"]
    if not (said.isascii() and said.isdecimal() and len(said) <= len(str(PARTS_MOST))):
        errors["max_parts"] = words("A whole number is needed here")
        return DEFAULT_MAX_PARTS
    if not 1 <= int(said) <= PARTS_MOST:
        errors["max_parts"] = words("Between 1 and %(most)s", most=PARTS_MOST)
        return DEFAULT_MAX_PARTS
    return int(said)
