"""Senders: what may be a name, which names look alike, and how each shape goes on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.originators import (
    Kind,
    Originator,
    OriginatorInvalidError,
    TypeOfNumber,
    check_name,
    folded,
    from_network,
    originator,
)


@pytest.mark.parametrize("name", ["ACME", "Abc", "Bramka SMS", "A1 Taxi", "Müller", "x-kom.pl", "ABCDEFGHIJK", "4FUN", "a@b.c"])  # fmt: skip
def test_names_that_a_handset_can_show(name):
    check_name(name)
    assert originator(name) == Originator(Kind.NAME, name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "too_short"),
        ("AB", "too_short"),
        ("ABCDEFGHIJKL", "too_long"),
        ("ABCDEFGHI[]", "too_long"),  # brackets count two
        ("Żółw", "character"),
        ("АСМЕ", "character"),  # Cyrillic
        ("AB\nC", "character"),
        ("😀😀😀", "character"),
        ("123456789", "no_letter"),
        ("12-34", "no_letter"),
        (" ACME", "spaces"),
        ("ACME ", "spaces"),
        ("A  B", "spaces"),
    ],
)
def test_names_that_none_can_show_say_what_is_wrong(name, problem):
    with pytest.raises(OriginatorInvalidError) as invalid:
        check_name(name)
    assert invalid.value.problem == problem


@pytest.mark.parametrize(
    "other",
    [
        "VERIFY",
        "VER1FY",
        "verify",
        "v e r i f y",
        "Vérify",
        "VER!FY",
        "Verlfy",
        "VER|FY",
        "V3RIFY",
        "VΣRIFY",
        "ver-ify",
        "VЕRIFY",
        "ＶＥＲＩＦＹ",
    ],
)
def test_look_alikes_meet(other):
    assert folded(other) == folded("Verify")


def test_different_names_stay_different():
    names = ["ACME", "Bramka SMS", "Verify", "mBank", "InPost", "Allegro", "Orlen", "ZUS", "PKO", "DHL"]
    assert len({folded(name) for name in names}) == len(names)


@given(st.text(max_size=30))
def test_folding_is_stable(name):
    assert folded(folded(name)) == folded(name)


@pytest.mark.parametrize(
    ("value", "kind", "wire", "ton_npi"),
    [
        ("+48601123456", Kind.NUMBER, "48601123456", (1, 1)),
        ("ACME", Kind.NAME, "ACME", (5, 0)),
        ("7155", Kind.SHORT, "7155", (3, 0)),
    ],
)
def test_type_of_number(value, kind, wire, ton_npi):
    sender = originator(value)
    assert sender.kind is kind
    assert sender.on_the_wire == wire
    assert sender.type_of_number() == TypeOfNumber(*ton_npi)


def test_a_carrier_may_want_short_codes_otherwise():
    assert originator("7155").type_of_number(TypeOfNumber(0, 1)) == TypeOfNumber(0, 1)
    assert originator("ACME").type_of_number(TypeOfNumber(0, 1)) == TypeOfNumber(5, 0)


@pytest.mark.parametrize(
    ("written", "ton", "expected"),
    [
        ("48601123456", 1, Originator(Kind.NUMBER, "+48601123456")),
        ("+48601123456", 1, Originator(Kind.NUMBER, "+48601123456")),
        ("0048601123456", 1, Originator(Kind.NUMBER, "+48601123456")),
        ("+48601123456", 0, Originator(Kind.NUMBER, "+48601123456")),
        ("48601123456", 0, Originator(Kind.NUMBER, "+48601123456")),
        ("601123456", 2, Originator(Kind.NUMBER, "+48601123456")),
        ("601123456", 0, Originator(Kind.NUMBER, "+48601123456")),
        ("4915123456789", 0, Originator(Kind.NUMBER, "+4915123456789")),
        ("99999999999999", 1, Originator(Kind.NUMBER, "+99999999999999")),
        ("7155", 3, Originator(Kind.SHORT, "7155")),
        ("7155", 0, Originator(Kind.SHORT, "7155")),
        ("7155", 1, Originator(Kind.SHORT, "7155")),
        ("mBank", 5, Originator(Kind.NAME, "mBank")),
        ("mBank", 0, Originator(Kind.NAME, "mBank")),
        ("12345", 5, Originator(Kind.NAME, "12345")),
        ("", 0, Originator(Kind.NAME, "")),
    ],
)
def test_what_a_network_wrote_is_read(written, ton, expected):
    assert from_network(written, ton, "PL") == expected


@given(st.text(max_size=40), st.integers(0, 255))
def test_whatever_a_network_wrote_the_message_is_not_lost(written, ton):
    assert from_network(written, ton, "PL").kind in Kind
