"""Addresses of ours as people write them, and first words as keywords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.failures import Refusal
from voip_sms.core.keywords import first_word, fold, wrong_with
from voip_sms.core.mail.addressing import (
    Group,
    Info,
    Number,
    Service,
    is_mailbox,
    number_of,
    proves,
    recipient_of,
)


@pytest.mark.parametrize(
    ("local", "found"),
    [
        ("601123456", Number("601123456")),
        ("+48601123456", Number("+48601123456")),
        ("0048601123456", Number("0048601123456")),
        ("601-123-456", Number("601-123-456")),
        ("601123456+k7q2", Number("601123456", "k7q2")),
        ("+48601123456+K7Q2", Number("+48601123456", "k7q2")),
        ("staff", Group("staff")),
        ("Staff+k7q2", Group("staff", "k7q2")),
        ("INFO", Info()),
        ("info+k7q2", Info("k7q2")),
        ("Postmaster", Service("postmaster")),
    ],
)
def test_what_a_local_part_means(local: str, found: object) -> None:
    assert recipient_of(local) == found


@pytest.mark.parametrize(
    "local", ["", "+", "+staff", "601123456+", "601123456+a b", "60\r\n1", "a b", "żółć", "x" * 101, "-staff"]
)
def test_what_none_of_it_is_is_refused(local: str) -> None:
    with pytest.raises(Refusal) as refused:
        recipient_of(local)
    assert refused.value.code.name == "recipient_invalid"


@given(st.text(max_size=120))
def test_no_address_is_a_surprise(local: str) -> None:
    try:
        found = recipient_of(local)
    except Refusal:
        return
    assert found.token == found.token.lower()
    assert not set(local) & set("@\r\n<>\0")


def test_numbers_are_read_as_everywhere() -> None:
    assert number_of(Number("601-123-456"), "PL").e164 == "+48601123456"
    with pytest.raises(Refusal, match="recipient_forbidden"):
        number_of(Number("112"), "PL")


def test_a_token_proves_only_itself() -> None:
    assert proves(Number("601123456", "k7q2"), "K7q2")
    assert not proves(Number("601123456", "k7q3"), "k7q2")
    assert not proves(Number("601123456"), "k7q2")
    assert not proves(Number("601123456"), "")


@pytest.mark.parametrize(
    ("text", "word"),
    [("Zgłoś awarię", "zglos"), ("  ZGLOS! teraz", "zglos"), ("", ""), ("\n", ""), ("Ćma", "cma")],
)
def test_the_first_word_whatever_its_case_and_accents(text: str, word: str) -> None:
    assert first_word(text) == word


@pytest.mark.parametrize(
    "word", ["STOP", "stop", "Start", "HELP", "Info", "Pomoc", "", "two words", "x" * 21]
)
def test_words_nobody_can_have(word: str) -> None:
    assert wrong_with(word)


def test_a_word_that_can_be_had() -> None:
    assert not wrong_with("Awaria1")
    assert fold("Awaria1") == "awaria1"


@pytest.mark.parametrize(
    "text",
    ["a@example.com", "a.b+c@example.com", "o'brien@ex-ample.co", "x@localhost", f"{'a' * 64}@example.com"],
)
def test_a_mailbox_is_one(text):
    assert is_mailbox(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a..b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a@ex..com",
            "a@.com",
            "a@com.",
            "a@-x.com",
        ),
        *("a b@example.com", "a@b@example.com", "@example.com", "a@", "a@example.com\r\nBcc: b@example.com"),
        *(f"{'a' * 65}@example.com", f"a@{'b' * 64}.com", f"a@{'b.' * 130}com", "ż@example.com"),
    ],
)
def test_no_mailbox(text):
    assert not is_mailbox(text)
