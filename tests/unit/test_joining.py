"""Parts of an inbound message become the text that was written, whatever their order and their cuts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.joining import GAP, Fragment, Joined, clean, clean_address, is_part, join, pack, unpack


def test_parts_are_joined_by_number_not_by_arrival() -> None:
    parts = {2: Fragment("świecie", "ucs2"), 1: Fragment("Witaj ", "gsm7")}
    assert join(parts, 2) == Joined("Witaj świecie", "ucs2", 2)


def test_a_character_cut_between_two_parts_is_whole_again() -> None:
    halves = {1: Fragment("ok \ud83d", "ucs2"), 2: Fragment("\ude00!", "ucs2")}
    assert join(halves, 2).text == "ok 😀!"


@pytest.mark.parametrize(
    ("present", "text", "missing"),
    [
        ({1, 3}, f"a{GAP}c", (2,)),
        ({2, 3}, f"{GAP}bc", (1,)),
        ({1}, f"a{GAP}", (2, 3)),
        ({3}, f"{GAP}c", (1, 2)),
    ],
)
def test_missing_parts_leave_one_gap_and_are_named(
    present: set[int], text: str, missing: tuple[int, ...]
) -> None:
    letters = {1: "a", 2: "b", 3: "c"}
    joined = join({no: Fragment(letters[no], "gsm7") for no in present}, 3)
    assert (joined.text, joined.missing) == (text, missing)


@pytest.mark.parametrize(("no", "total"), [(1, 1), (0, 2), (3, 2), (1, 0), (-1, 3)])
def test_a_header_without_sense_makes_no_part(no: int, total: int) -> None:
    assert not is_part(no, total)


def test_half_a_character_alone_and_nul_do_not_reach_the_database() -> None:
    assert clean("a\ud83db\0c") == "a\ufffdbc"
    assert clean_address(" IN\0FO\r\nX ") == "INFOX"
    assert len(clean_address("9" * 500)) == 64


@given(st.text(), st.integers(1, 5), st.randoms())
def test_any_text_survives_cutting_storing_and_joining(text: str, size: int, random: object) -> None:
    text = text.replace("\0", "")
    units = text.encode("utf-16-be")
    cuts = [units[i : i + 2 * size] for i in range(0, len(units), 2 * size)] or [b""]
    stored = {no: pack(cut.decode("utf-16-be", "surrogatepass")) for no, cut in enumerate(cuts, 1)}
    assert all(packed.isascii() for packed in stored.values())
    arrived = sorted(stored, key=lambda _: random.random())  # type: ignore[attr-defined]
    parts = {no: Fragment(unpack(stored[no]), "ucs2") for no in arrived}
    assert join(parts, len(cuts)).text == text
