"""Only what the writer says now: quotations, signatures and footers are cut off, in Polish and English.

Quoted lines go wherever they stand, so that answers between or below them stay. What an announcement without
such marks ("-----Original Message-----", a head of Od:/Wysłano:/Do:/Temat:) introduces goes to the end. A
forwarded mail stays if nothing else was written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from voip_sms.wire.mail import phrases
from voip_sms.wire.mail.model import Cut, CutKind

MAX_LINES: Final = 2_000
"""Lines that are looked at: a page has sixty, and what stands below so many is a quotation's quotation."""
_HEAD_LINES: Final = 12
"""Lines of a quoted head, with folded addresses."""
_ATTRIBUTION_LINES: Final = 4
"""Lines of an attribution: programs wrap at 72 characters, names and addresses are long."""
_TAIL: Final = 25
"""Lines below a mark that may be a signature or a footer; below more there is text."""
_SHOWN: Final = 60
_MIN_NAME, _MAX_NAME = 2, 40


def cut_quotes(text: str, *, forwarded: bool = False) -> tuple[str, tuple[Cut, ...]]:
    """What is new in `text`, which may be nothing, and what was cut off, from top to bottom.

    `forwarded`: the subject says that the mail passes on another one.
    """
    lines = _lines(text)
    if _all_new(lines):
        return _tidy("\n".join(lines)), ()
    told = _split(lines)
    kept, cuts = _signed(told)
    new = _tidy("\n".join(kept))
    if not new and told.quote_from is not None and (forwarded or told.forward):
        below = _tidy("\n".join(lines[told.quote_from :]))
        return below, tuple(cut for cut in cuts if cut.kind != "quote")
    return new, tuple(cuts)


def _lines(text: str) -> list[str]:
    """Lines without spaces at their ends, never two empty ones in a row."""
    lines: list[str] = []
    for line in text.split("\n", 2 * MAX_LINES):
        bare = line.rstrip()
        if bare or (lines and lines[-1]):
            lines.append(bare)
    return [*lines[:MAX_LINES], *(["\n".join(lines[MAX_LINES:])] if len(lines) > MAX_LINES else [])]


_TAILS: Final = (phrases.SENT_FROM, phrases.PRINTING, phrases.NOTICE, phrases.LEGAL_START, phrases.CLOSING)
_STARTS: Final = re.compile(
    "|".join((r"\s{0,3}>", r"\s{0,9}[-_=*~—–#]{2}", *(tail.pattern for tail in _TAILS))), re.IGNORECASE
)
"""How lines begin that are marks, but for those that `_all_new` knows by a colon or a word."""
_WORDS: Final = ("ava", "avg.com", "-free", "checked for", "woln", "prawdzon", "canned", "rejonowy", "adowy")
"""Pieces of what `CHECKED` and `COMPANY` look for anywhere in a line, in lower case."""
_HEAD_FIELDS: Final = 3
"""Fields of a quoted head at the least: who, when, and one more."""


def _all_new(lines: list[str]) -> bool:
    """Whether nothing in a mail can be a mark, as in most: it needs no walk from line to line then."""
    if any(map(_STARTS.match, lines)):
        return False
    whole = "\n".join(lines)
    announced = ":\n" in whole or whole.endswith(":") or whole.count(":") >= _HEAD_FIELDS
    if announced or ("@" in whole and ">" in whole):
        return False
    lowered = whole.lower()
    return not any(word in lowered for word in _WORDS)


@dataclass(slots=True)
class _Told:
    """Pieces in their order: new text, or (True) quotation."""

    pieces: list[tuple[bool, list[str]]] = field(default_factory=list)
    forward: bool = False
    quote_from: int | None = None

    def add(self, quoted: bool, lines: list[str], at: int) -> None:  # noqa: FBT001 - one of two lists
        if quoted and self.quote_from is None:
            self.quote_from = at
        if self.pieces and self.pieces[-1][0] == quoted:
            self.pieces[-1][1].extend(lines)
        else:
            self.pieces.append((quoted, list(lines)))


def _split(lines: list[str]) -> _Told:
    told = _Told()
    at = 0
    while at < len(lines):
        if _hard(lines, at):
            told.forward = bool(phrases.FORWARDED.match(_short(lines[at])))
            told.add(True, lines[at:], at)
            break
        below = _attribution(lines, at)
        if below and not _quoted_next(lines, below):
            told.add(True, lines[at:], at)
            break
        end = _marked(lines, below or at)
        if end > at:
            told.add(True, lines[at:end], at)
            at = end
        else:
            told.add(False, [lines[at]], at)
            at += 1
    return told


def _short(line: str) -> str:
    return line[: phrases.LONGEST]


def _hard(lines: list[str], at: int) -> bool:
    """Whether everything from here on is quoted."""
    line = _short(lines[at])
    if not line:
        return False
    if phrases.SEPARATOR.match(line) or phrases.FORWARDED.match(line) or phrases.RULED.match(line):
        return True
    if phrases.UNDERSCORES.match(line):
        return any(_head(lines, below) for below in range(at + 1, min(at + 4, len(lines))))
    return _head(lines, at)


def _head(lines: list[str], at: int) -> bool:
    """Whether the head of a mail, as Outlook and webmail write it above a quotation, begins here."""
    if not phrases.HEAD_FIELD.match(_short(lines[at])):
        return False
    seen: dict[str, str] = {}
    strange = 0
    for line in lines[at : at + _HEAD_LINES]:
        found = phrases.HEAD_FIELD.match(_short(line))
        strange = 0 if found else strange + 1
        if strange > 2:  # noqa: PLR2004 - folded addresses, or one empty line that HTML left
            break
        if found:
            seen.setdefault(found[1].lower(), found[2])
    who = any(phrases.LETTER.search(seen.get(name, "")) for name in phrases.HEAD_FROM)
    when = any(phrases.HEAD_TIME.search(seen.get(name, "")) for name in phrases.HEAD_DATE)
    return who and when and not phrases.HEAD_OTHER.isdisjoint(seen)


def _attribution(lines: list[str], at: int) -> int:
    """The line below "On … wrote:" if that begins at `at`, else 0."""
    first = _short(lines[at])
    if first.endswith(":") and _announces(first) and _quoted_next(lines, at + 1):
        return at + 1
    if not first or not phrases.ATTRIBUTION_START.match(first):
        return 0
    joined = ""
    for below, line in enumerate(lines[at : at + _ATTRIBUTION_LINES], at + 1):
        if not line or phrases.QUOTED.match(line):
            return 0
        joined = f"{joined} {_short(line)}".strip()
        if phrases.ATTRIBUTION_SHORT.match(joined):
            return below
        if line.endswith(":"):
            return below if _attributes(joined) else 0
    return 0


def _announces(line: str) -> bool:
    """Whether a line right above quoted ones says whose they are: by a verb, or in any language by a time."""
    return bool(phrases.ATTRIBUTION_END.search(line[-120:]) or phrases.HEAD_TIME.search(line))


def _attributes(joined: str) -> bool:
    ends = phrases.ATTRIBUTION_END.search(joined[-120:]) or phrases.ATTRIBUTION_APPLE.match(joined)
    return bool(ends and phrases.DATED.search(joined))


def _quoted_next(lines: list[str], at: int) -> bool:
    following = next((line for line in lines[at : at + 4] if line), "")
    return bool(phrases.QUOTED.match(following))


def _marked(lines: list[str], at: int) -> int:
    """The line below the quoted lines that begin at `at`; `at` if there are none."""
    end = at
    for number in range(at, len(lines)):
        if phrases.QUOTED.match(lines[number]):
            end = number + 1
        elif lines[number]:
            break
    return end


def _signed(told: _Told) -> tuple[list[str], list[Cut]]:
    """New lines without signatures and footers, and all that was cut."""
    kept: list[str] = []
    cuts: list[Cut] = []
    for quoted, lines in told.pieces:
        if quoted:
            cuts += _cut("quote", lines)
            kept.append("")
            continue
        ends, kind = _below(lines)
        kept += lines[:ends]
        cuts += _cut(kind, lines[ends:])
    return kept, cuts


def _cut(kind: CutKind, lines: list[str]) -> Iterator[Cut]:
    start = next((line.strip() for line in lines if phrases.LETTER.search(line)), "")
    start = start or next((line.strip() for line in lines if line), "")
    if start:
        yield Cut(kind, " ".join(start.split())[:_SHOWN])


def _below(lines: list[str]) -> tuple[int, CutKind]:
    """Where the signature or footer of these lines begins, and which it is."""
    for at, line in enumerate(lines):
        short = _short(line)
        tail = len(lines) - at
        if not short:
            continue
        if phrases.SIGNATURE.match(short) and tail <= 2 * _TAIL:
            return at, "signature"
        if _footer(lines, _below_rule(lines, at)):
            return at, "footer"
        if tail <= _TAIL and phrases.RULE.match(short) and _has_contact(lines[at + 1 :]):
            return at, "signature"
        closed = _closed(lines, at) if tail <= _TAIL else 0
        if closed:
            return closed, "signature"
    return len(lines), "signature"


def _below_rule(lines: list[str], at: int) -> int:
    """`at`, or the first line of text below if a line of dashes stands there."""
    if not phrases.RULE.match(_short(lines[at])):
        return at
    return next((below for below in range(at + 1, min(at + 4, len(lines))) if lines[below]), at)


def _footer(lines: list[str], at: int) -> bool:
    """Whether an advertisement of the program that sent or checked the mail, or a legal notice, begins."""
    line = _short(lines[at])
    advert = any(p.match(line) for p in (phrases.SENT_FROM, phrases.CHECKED, phrases.PRINTING))
    return (advert and len(lines) - at <= _TAIL) or _legal(lines, at)


def _legal(lines: list[str], at: int) -> bool:
    line = _short(lines[at])
    if phrases.NOTICE.match(line) or phrases.COMPANY.match(line):
        return True
    if not phrases.LEGAL_START.match(line):
        return False
    return bool(phrases.LEGAL.search(" ".join(map(_short, lines[at : at + 4]))))


def _has_contact(lines: list[str]) -> bool:
    return any(phrases.CONTACT.match(_short(line)) for line in lines)


def _closed(lines: list[str], at: int) -> int:
    """The line below "Regards" and a name if what follows is a visiting card, else 0."""
    closing = phrases.CLOSING.match(_short(lines[at]))
    if closing is None:
        return 0
    named = bool(phrases.LETTER.search(closing["after"]))
    for below in range(at + 1, len(lines)):
        line = lines[below]
        if not line:
            continue
        if not named and _is_name(line):
            named = True
            continue
        rest = lines[below:]
        card = _has_contact(rest) and not any(phrases.POSTSCRIPT.match(_short(one)) for one in rest)
        return below if card else 0
    return 0


def _is_name(line: str) -> bool:
    words = line.split()
    return _MIN_NAME <= len(line) <= _MAX_NAME and len(words) <= 4 and not re.search(r"[\d@:/]", line)  # noqa: PLR2004


def _tidy(text: str) -> str:
    """No empty lines at the ends, at most one between others."""
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n").strip()
