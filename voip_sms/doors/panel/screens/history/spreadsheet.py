"""The history as CSV, row by row: what spreadsheets open without taking a text for a formula."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from voip_sms.core import ids
from voip_sms.core.clock import to_datetime
from voip_sms.core.model import Message
from voip_sms.core.rating import amount_text
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.panel.frame.words import Words, marked

BOM: Final = "\ufeff"
"""Without it Excel reads UTF-8 as the system's old code page."""
SEPARATORS: Final[Mapping[str, str]] = {"semicolon": ";", "comma": ",", "tab": "\t"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV Injection)."""
HEADINGS: Final = (
    marked("Id"), marked("Date"), marked("Direction"), marked("From"), marked("To"), marked("Text"),
    marked("State"), marked("Parts"), marked("Price"), marked("Currency"), marked("Door"), marked("Account"),
    marked("Your reference"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """How it is written. `zone`: whose clocks. A semicolon stands where amounts have a decimal comma."""

    separator: str
    zone: tzinfo

    @property
    def comma(self) -> bool:
        """Whether amounts have a decimal comma."""
        return self.separator == ";"


def heading(style: Style, words: Words) -> str:
    """The first line, with the mark that says UTF-8."""
    return BOM + _lines(style, [[words(text) for text in HEADINGS]])


def rows(messages: Iterable[Message], style: Style) -> str:
    """A line for each."""
    return _lines(style, (_cells(message, style) for message in messages))


def remark(style: Style, text: str) -> str:
    """A last line for whoever reads the file."""
    return _lines(style, [[text]])


def safe(cell: str) -> str:
    """A text that no spreadsheet calculates: an apostrophe goes before what begins like a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _cells(message: Message, style: Style) -> Sequence[str]:
    price = "" if message.price is None else amount_text(message.price)
    return (
        ids.to_text(MESSAGE, message.id),
        to_datetime(message.created_at).astimezone(style.zone).strftime("%Y-%m-%d %H:%M:%S"),
        message.direction,
        safe(message.sender),
        safe(message.to),
        safe(message.text or ""),
        message.status,
        str(message.parts),
        price.replace(".", ",") if style.comma else price,
        message.currency if price else "",
        message.door,
        safe(message.account),
        safe(message.client_ref or ""),
    )


def _lines(style: Style, lines: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=style.separator, lineterminator="\r\n").writerows(lines)
    return written.getvalue()
