"""Refusals and failures in words: every code, in both languages, and the particular ones that people can act on."""

import pytest

from voip_sms.core import addresses
from voip_sms.core.failures import CODES, Refusal
from voip_sms.core.segments import TextTooLongError
from voip_sms.core.writing import weigh
from voip_sms.doors.panel.frame.words import LANGUAGES, Catalogues
from voip_sms.doors.panel.reasons import refusal_words, why_failed, why_not
from voip_sms.doors.panel.screens.send.words import dear_words

CATALOGUES = Catalogues.load()
ENGLISH, POLISH = CATALOGUES.of("en"), CATALOGUES.of("pl")


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_its_own_words_in_every_language(code: str) -> None:
    said = [why_not(code, CATALOGUES.of(language)) for language in LANGUAGES]
    assert len(set(said)) == len(LANGUAGES), said
    others = {why_not(other, ENGLISH) for other in CODES if other != code}
    assert why_not(code, ENGLISH) not in others


def test_a_code_of_tomorrow_is_a_sentence_too() -> None:
    assert why_not("never_heard_of", POLISH) == why_not("invalid", POLISH)
    assert why_failed("never_heard_of", POLISH) == "Nie doręczono"


@pytest.mark.parametrize(
    ("typed", "english"),
    [
        ("222000001", "A landline takes no SMS"),
        ("800123456", "A toll-free number takes no SMS"),
        ("801123456", "A shared-cost number takes no SMS"),
        ("700123456", "Premium numbers can't be texted"),
        ("112", "Emergency numbers and short codes can't be texted"),
        ("hello", "This is not a phone number: nine digits, or a + and the country code first"),
    ],
)
def test_what_is_wrong_with_a_number(typed: str, english: str) -> None:
    with pytest.raises(Refusal) as error:
        addresses.recipient(typed, "PL")
    assert refusal_words(error.value, ENGLISH) == english
    polish = refusal_words(error.value, POLISH)
    assert polish not in (english, why_not("invalid", POLISH))
    kept = why_not(error.value.code.name, POLISH, error.value.detail)
    assert kept == polish, "what is kept of it says the same"


def test_how_many_parts_are_too_many() -> None:
    refusal = TextTooLongError(12, 10)
    assert refusal_words(refusal, ENGLISH).startswith("The text takes 12 parts and at most 10 are allowed")
    assert "12" in refusal_words(refusal, POLISH)


def test_a_name_that_waits_for_approval() -> None:
    refusal = Refusal("sender_not_allowed", "the sender name X is not approved", {"status": "pending"})
    assert "czeka na zatwierdzenie" in refusal_words(refusal, POLISH)


@pytest.mark.parametrize("code", ["rejected", "undelivered", "expired", "uncertain", "no_receipt", None])
def test_why_it_did_not_arrive(code: str | None) -> None:
    assert why_failed(code, ENGLISH) != why_failed(code, POLISH)


# --- what makes a text dear ---------------------------------------------------------------------------------


def dear(text: str, words: object = ENGLISH) -> str:
    weight = weigh(text, transliterate=False)
    assert weight is not None
    return " ".join(dear_words(weight, words))  # type: ignore[arg-type]


def test_the_letter_and_what_to_write_instead() -> None:
    said = dear("ł" + "x" * 80)
    assert said == (
        "“ł” makes this 2 parts of at most 67 characters. "
        "Write l for ł, or give up accents below: then it is 1 part."
    )
    assert dear("ł" + "x" * 80, POLISH) == (
        "Przez „ł” są to 2 części po najwyżej 67 znaków. "
        "Napisz l zamiast ł albo zaznacz niżej pisanie bez polskich znaków: wtedy wyjdzie 1 część."
    )


def test_where_nothing_is_saved_nothing_is_advised() -> None:
    assert dear("ł") == "“ł” makes this 1 part of at most 70 characters."


def test_what_nothing_can_stand_for_is_named_even_after_many_letters() -> None:
    assert "Nothing can stand for “🙂”: leave it out." in dear("zażółć gęślą jaźń 🙂")


def test_a_cheap_text_is_left_alone() -> None:
    assert dear("x" * 400) == ""
