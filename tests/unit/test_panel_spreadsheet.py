"""The history as CSV: no cell is a formula, and what comes out is what went in."""

import csv
import io
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from support.fakes import FakeClock
from voip_sms.core.model import Message
from voip_sms.doors.panel.frame.words import Catalogues
from voip_sms.doors.panel.screens.history.spreadsheet import HEADINGS, Style, heading, rows, safe

WARSAW = ZoneInfo("Europe/Warsaw")
COMMA, SEMICOLON = Style(",", WARSAW), Style(";", WARSAW)


def message(text: str | None = "Hello", **more: object) -> Message:
    values: dict[str, object] = {
        "id": bytes(16), "tenant_id": bytes(16), "direction": "outbound", "status": "delivered",
        "sender": "ACME", "to": "+48601123456", "text": text, "encoding": "gsm7", "parts": 2, "price": 580_000,
        "currency": "PLN", "door": "api", "account": "key:app", "client_ref": None,
        "created_at": FakeClock().now(), **more,
    }  # fmt: skip
    return Message(**values)  # type: ignore[arg-type]


def read(text: str, separator: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


@given(st.text())
def test_no_cell_is_a_formula_and_none_is_lost(text: str) -> None:
    cell = safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == text or cell == text


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.sampled_from([",", ";", "\t"]),
)
def test_whatever_is_written_one_row_is_one_row(text: str, separator: str) -> None:
    (row,) = read(rows([message(text)], Style(separator, WARSAW)), separator)
    assert len(row) == len(HEADINGS)
    assert row[5] == safe(text)


def test_a_spreadsheet_knows_the_alphabet_the_columns_and_the_amounts() -> None:
    words = Catalogues.load().of("pl")
    assert heading(SEMICOLON, words).startswith("\ufeffIdentyfikator;")
    (there,) = read(rows([message()], SEMICOLON), ";")
    assert there[4] == "'+48601123456"
    assert there[8:10] == ["0,58", "PLN"]
    (here,) = read(rows([message()], COMMA), ",")
    assert here[8:10] == ["0.58", "PLN"]


def test_what_cost_nothing_has_no_amount_and_what_is_gone_no_text() -> None:
    (row,) = read(rows([message(None, price=None)], COMMA), ",")
    assert (row[5], row[8], row[9]) == ("", "", "")
