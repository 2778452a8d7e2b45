"""A text is cut where handsets can join it again, never costs more than it must, and is read as it was written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.segments import (
    Segmented,
    TextEmptyError,
    TextTooLongError,
    segment,
    without_accents,
)
from voip_sms.wire import gsm0338

GSM_TEXT = st.text(st.sampled_from(sorted(gsm0338.CHARACTERS)), min_size=1, max_size=700).filter(
    lambda text: not text.isspace()
)
ANY_TEXT = st.text(
    st.one_of(st.sampled_from("aż€[ł\n😀👩‍🚀é"), st.characters(codec="utf-8")), min_size=1, max_size=400
)


def lengths(segmented: Segmented) -> list[int]:
    if segmented.encoding == "gsm7":
        return [gsm0338.septets(part) for part in segmented.parts]
    return [len(part.encode("utf-16-be")) // 2 for part in segmented.parts]


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a", "gsm7", [1]),
        ("a" * 160, "gsm7", [160]),
        ("a" * 161, "gsm7", [153, 8]),
        ("a" * 306, "gsm7", [153, 153]),
        ("a" * 307, "gsm7", [153, 153, 1]),
        ("€" * 80, "gsm7", [160]),
        ("€" * 81, "gsm7", [152, 10]),  # an escape pair moves over whole
        ("a" * 152 + "€" + "a" * 10, "gsm7", [152, 12]),
        ("a" * 151 + "€" + "a" * 10, "gsm7", [153, 10]),
        ("ż" * 70, "ucs2", [70]),
        ("ż" * 71, "ucs2", [67, 4]),
        ("ż" * 134, "ucs2", [67, 67]),
        ("😀" * 35, "ucs2", [70]),
        ("😀" * 36, "ucs2", [66, 6]),  # a surrogate pair moves over whole
        ("ż" * 66 + "😀" + "ż" * 5, "ucs2", [66, 7]),
        ("ż" * 65 + "😀" + "ż" * 5, "ucs2", [67, 5]),
    ],
)
def test_parts_have_the_lengths_of_the_specification(text, encoding, expected):
    segmented = segment(text)
    assert segmented.encoding == encoding
    assert lengths(segmented) == expected
    assert segmented.units == sum(expected)
    assert segmented.text == text


@given(GSM_TEXT)
def test_any_gsm_text_survives_and_no_escape_pair_is_split(text):
    segmented = segment(text, max_parts=20)
    assert segmented.encoding == "gsm7"
    assert segmented.text == text
    limit = 160 if len(segmented.parts) == 1 else 153
    assert all(0 < length <= limit for length in lengths(segmented))
    for part in segmented.parts:
        assert gsm0338.decode(gsm0338.encode(part)) == part


@given(ANY_TEXT)
def test_any_text_is_either_empty_or_read_as_written(text):
    try:
        segmented = segment(text, max_parts=20)
    except TextEmptyError:
        return
    # Canonically equal: a letter that came in two pieces may arrive in one.
    assert unicodedata.normalize("NFC", segmented.text) == unicodedata.normalize("NFC", text)
    limit = {("gsm7", True): 160, ("gsm7", False): 153, ("ucs2", True): 70, ("ucs2", False): 67}
    assert max(lengths(segmented)) <= limit[segmented.encoding, len(segmented.parts) == 1]
    assert (segmented.foreign is None) == (segmented.encoding == "gsm7")


@given(st.text(st.sampled_from("ab\ud83d\ude00\udc00ż"), min_size=1, max_size=200))
def test_half_a_surrogate_pair_never_reaches_the_carrier(text):
    for part in segment(text).parts:
        part.encode("utf-16-be")


def test_the_character_that_forces_ucs2_is_named():
    foreign = segment("Zażółć").foreign
    assert foreign is not None
    assert (foreign.index, foreign.character) == (2, "ż")


def test_transliteration_saves_parts_and_says_so():
    text = "Zażółć gęślą jaźń – „tak”, rzekł" * 4
    dear, cheap = segment(text), segment(text, transliterate=True)
    assert (dear.encoding, len(dear.parts), dear.transliterated) == ("ucs2", 2, False)
    assert (cheap.encoding, len(cheap.parts), cheap.transliterated) == ("gsm7", 1, True)
    assert cheap.text == 'Zazolc gesla jazn - "tak", rzekl' * 4


def test_accents_stay_where_giving_them_up_would_save_nothing():
    segmented = segment("Żółw 🐢", transliterate=True)
    assert segmented.text == "Żółw 🐢"
    assert not segmented.transliterated
    assert segment("é à ñ ü", transliterate=True).text == "é à ñ ü"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("ĄĆĘŁŃÓŚŹŻąćęłńóśźż", "ACELNOSZZacelnoszz"),
        ("čďěňřšťůž Đ đ ı İ ő ű ș ț", "cdenrstuz D d i I o u s t"),
        ("Ørsted, Straße, Ñandú, Äpfel", "Ørsted, Straße, Ñandu, Äpfel"),
        ("naïve œuvre façade", "naive oeuvre facade"),
        ("„a” «b» ‘c’ – — … ½ ﬁ № ™", '"a" "b" \'c\' - - ... 1/2 fi No TM'),
        ("a\u00a0b\u200bc\u00add", "a bcd"),
        ("жук 漢字 한 😀", "жук 漢字 한 😀"),
        ("e\u0301 z\u0307", "é z"),
    ],
)
def test_letters_without_a_place_in_gsm_become_their_nearest(written, plain):
    assert without_accents(written) == plain


@given(ANY_TEXT)
def test_giving_up_accents_twice_changes_nothing_more(text):
    once = without_accents(text)
    assert without_accents(once) == once


def test_decomposed_letters_of_the_alphabet_need_no_ucs2():
    segmented = segment("cafe\u0301")
    assert (segmented.encoding, segmented.text) == ("gsm7", "café")


@pytest.mark.parametrize("text", ["", " ", "\r\n\t ", "\u00a0\u2003", "\u200b\ufeff"])
@pytest.mark.parametrize("transliterate", [False, True])
def test_a_text_that_shows_nothing_is_refused(text, transliterate):
    with pytest.raises(TextEmptyError) as refusal:
        segment(text, transliterate=transliterate)
    assert refusal.value.code.name == "text_empty"


def test_too_many_parts_are_refused_with_both_numbers():
    assert len(segment("a" * 1530).parts) == 10
    with pytest.raises(TextTooLongError) as refusal:
        segment("a" * 1531)
    assert (refusal.value.parts, refusal.value.max_parts) == (11, 10)
    assert refusal.value.code.name == "text_too_long"
    with pytest.raises(TextTooLongError):
        segment("a" * 161, max_parts=1)
