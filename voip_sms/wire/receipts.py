"""The text of an SMPP delivery receipt, as carriers really write it, and the spellings of a message id."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

IdFormat = Literal["auto", "dec", "hex", "text"]

# SMPP 3.4 appendix B: `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`. Carriers drop
# fields, change case, write `_` for the space, and separate with commas, semicolons or line ends.
_FIELD: Final = re.compile(
    r"(?<![A-Za-z])(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text)\s*[:=][ \t]*",
    re.IGNORECASE,
)
# Appendix B to the letter, as most write it: one match is enough (measured: 1 us, and 18 for a search).
_PLAIN: Final = re.compile(
    rb"id:([0-9A-Za-z-]{1,64}) sub:[0-9]{3} dlvrd:[0-9]{3} submit date:[0-9]{10,14} done date:[0-9]{10,14}"
    rb" stat:([A-Za-z]{1,20}) err:([0-9A-Za-z]{1,20})(?: text:|$)"
)
_SEPARATORS: Final = " \t\r\n,;"
# A receipt is one short message; what is longer is read as far as a receipt can go.
_LONGEST: Final = 1024
# Table B-2, for a text that is nothing but such a word; the longer spellings are seen in the field.
_STATS: Final = frozenset(
    {
        "DELIVRD",
        "DELIVERED",
        "EXPIRED",
        "DELETED",
        "UNDELIV",
        "UNDELIVERED",
        "UNDELIVERABLE",
        "ACCEPTD",
        "ACCEPTED",
        "UNKNOWN",
        "REJECTD",
        "REJECTED",
        "ENROUTE",
        "FAILED",
    }
)
# By number of digits, what is missing of the year: appendix B has ten (YYMMDDhhmm), others add seconds, the
# century, or both. Twelve may be either; dates of this century can hardly be taken for one another.
_CENTURIES: Final = {10: ("20",), 12: ("20", ""), 14: ("",)}

_DECIMAL: Final = re.compile(r"[0-9]+", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
# Ids are counters of at most 64 bits where they are numbers; longer ones (UUIDs, hashes) are names.
_NUMBER_LIMIT: Final = 1 << 64
# SMPP 3.4 section 5.2.23: a message_id has at most 65 octets, one of them NUL.
_LONGEST_ID: Final = 64


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the text of a receipt says; None for what it does not.

    `id` and `err` as written, `stat` in upper case; `submitted_at` and `done_at` are the carrier's local time
    without a zone, as the specification has it; `sub` and `dlvrd` counts; `text` the begin of the message.
    """

    id: str | None = None
    stat: str | None = None
    err: str | None = None
    submitted_at: datetime | None = None
    done_at: datetime | None = None
    sub: int | None = None
    dlvrd: int | None = None
    text: str | None = None


class Essence(NamedTuple):
    """What a receipt comes down to; the fields are those of `Receipt`."""

    id: str | None
    stat: str | None
    err: str | None


def essence(message: bytes | str) -> Essence:
    """The same as `parse`, without what only people read."""
    plain = _PLAIN.match(message) if isinstance(message, bytes) else None
    if plain is not None:
        identifier, stat, err = plain.groups()
        return Essence(identifier.decode(), stat.decode().upper(), err.decode())
    receipt = parse(message)
    return Essence(receipt.id, receipt.stat, receipt.err)


def parse(message: bytes | str) -> Receipt:
    """Read the text of a receipt; never fails: a text that says nothing gives a Receipt of None only.

    Octets are read as UTF-8 where they are, else as Latin-1. What stands after `text:` is the message itself
    and is never believed; of a repeated field the first counts.
    """
    text = (_decoded(message) if isinstance(message, bytes) else message)[:_LONGEST]
    fields = _fields(text)
    if not fields:
        word = text.strip(_SEPARATORS + "\0.").upper()
        return Receipt(stat=word) if word in _STATS else Receipt()
    return Receipt(
        id=_word(fields.get("id")),
        stat=_upper(_word(fields.get("stat"))),
        err=_word(fields.get("err")),
        submitted_at=_date(fields.get("submitdate")),
        done_at=_date(fields.get("donedate")),
        sub=_count(fields.get("sub")),
        dlvrd=_count(fields.get("dlvrd")),
        text=fields.get("text"),
    )


def canonical_id(raw: str, id_format: IdFormat = "auto") -> str:
    """The one spelling under which an id from submit_sm_resp is kept beside the raw one.

    Numbers (decimal or hexadecimal, to 64 bits) in lower case without leading zeros; everything else, and all
    with `text`, as it is. Between `auto`, `dec` and `hex` it does not differ: the format may be set later.
    """
    name = raw.strip(" \0")
    if id_format == "text" or len(name) > _LONGEST_ID:
        return name
    if _DECIMAL.fullmatch(name) and int(name) < _NUMBER_LIMIT:
        return str(int(name))
    if _HEXADECIMAL.fullmatch(name) and int(name, 16) < _NUMBER_LIMIT:
        return f"{int(name, 16):x}"
    return name


def candidate_ids(raw: str, id_format: IdFormat = "auto") -> tuple[str, ...]:
    """The canonical ids that the id of a receipt may mean, likeliest first, without repeats.

    Carriers answer a submit in hexadecimal and write the receipt in decimal, or the reverse. `dec` says that
    submits are answered in decimal, `hex` in hexadecimal, `text` that ids are names; `auto` allows all. All
    but the first may be other messages' ids too: whoever looks them up tries them only for a message to the
    number that the receipt comes from, and only once the submit behind the receipt must have been answered.
    """
    canonical = canonical_id(raw, id_format)
    candidates = [canonical]
    if id_format != "text" and len(canonical) <= _LONGEST_ID:
        if id_format != "dec" and _DECIMAL.fullmatch(canonical):
            candidates += _spelled(int(canonical), "x")
        if id_format != "hex" and _HEXADECIMAL.fullmatch(canonical):
            candidates += _spelled(int(canonical, 16), "d")
    return tuple(dict.fromkeys(candidates))


def _spelled(value: int, base: Literal["x", "d"]) -> list[str]:
    return [format(value, base)] if value < _NUMBER_LIMIT else []


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    found = list(_FIELD.finditer(text))
    for index, match in enumerate(found):
        name = match[1].lower().replace(" ", "").replace("_", "")
        if name == "text":
            fields["text"] = text[match.end() :]
            break
        end = found[index + 1].start() if index + 1 < len(found) else len(text)
        fields.setdefault(name, text[match.end() : end].strip(_SEPARATORS))
    return fields


def _word(value: str | None) -> str | None:
    """The first word of a value; None if there is none."""
    words = re.split(f"[{_SEPARATORS}\0]+", value.strip(_SEPARATORS + "\0"), maxsplit=1) if value else []
    return words[0] or None if words else None


def _upper(word: str | None) -> str | None:
    return word.upper() if word else None


def _count(value: str | None) -> int | None:
    word = _word(value)
    return int(word) if word and len(word) <= 5 and _DECIMAL.fullmatch(word) else None  # noqa: PLR2004


def _date(value: str | None) -> datetime | None:
    """A carrier's date, or None for zeros, blanks and what no calendar has."""
    digits = _word(value) or ""
    if not _DECIMAL.fullmatch(digits):
        return None
    for century in _CENTURIES.get(len(digits), ()):
        full = century + digits
        month, day, hour, minute, *second = (int(full[at : at + 2]) for at in range(4, len(full), 2))
        try:
            return datetime(int(full[:4]), month, day, hour, minute, second[0] if second else 0)  # noqa: DTZ001 - none named
        except ValueError:
            continue
    return None
