"""User data headers: which part of which message, wherever it says so, and no crash on any octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire import udh
from voip_sms.wire.udh import Concat, Element, Header, HeaderError

ELEMENTS = st.lists(st.builds(Element, st.integers(0, 255), st.binary(max_size=12)), max_size=9).map(tuple)


@st.composite
def concats(draw):
    wide = draw(st.booleans())
    total = draw(st.integers(1, 255))
    return Concat(draw(st.integers(0, 0xFFFF if wide else 0xFF)), total, draw(st.integers(1, total)), wide)


@pytest.mark.parametrize(
    ("octets", "concat"),
    [
        ("05000342 0302", Concat(0x42, 3, 2)),
        ("0608041234 0201", Concat(0x1234, 2, 1, wide=True)),
        ("0b 0504 23f4 0000 0003 cc 0201", Concat(0xCC, 2, 1)),  # behind application ports
        ("0a 2403 010203 0003 07 0202", Concat(7, 2, 2)),  # behind a national language table
        ("0a 0003 07 0202 2403 010203", Concat(7, 2, 2)),  # before it
        ("0b 0003 010201 0804 0102 0202", Concat(0x0102, 2, 2, wide=True)),  # twice: the last counts
        ("00", None),
        ("03 250100", None),
        ("05 0003 01 0000", None),  # nothing of nothing
        ("05 0003 01 0200", None),
        ("05 0003 01 0203", None),  # the third of two
        ("04 0002 0102", None),  # too short to say anything
    ],
)
def test_the_concatenation_is_found_wherever_it_stands(octets, concat):
    user_data = bytes.fromhex(octets.replace(" ", ""))
    header, rest = udh.split(user_data + b"text")
    assert header.concat == concat
    assert rest == b"text"
    assert udh.parse(user_data) == header


@given(concats())
def test_a_concatenation_round_trips(concat):
    header = udh.concat_header(concat)
    assert len(header) == (7 if concat.wide else 6)
    assert udh.parse(header).concat == concat


@given(ELEMENTS, st.binary(max_size=140))
def test_any_elements_round_trip(elements, text):
    header = udh.build(elements)
    assert udh.split(header + text) == (Header(elements), text)


@given(ELEMENTS.filter(lambda many: all(e.identifier not in (0, 8) for e in many)), concats(), st.data())
def test_other_elements_are_no_hindrance(others, concat, data):
    at = data.draw(st.integers(0, len(others)))
    header = udh.build((*others[:at], concat.element(), *others[at:]))
    assert udh.parse(header).concat == concat


@given(st.binary(max_size=200))
def test_any_octets_are_a_header_or_refused(octets):
    try:
        header, rest = udh.split(octets)
    except HeaderError:
        return
    assert octets == udh.build(header.elements) + rest
    assert header.concat is None or header.concat.sequence <= header.concat.total


@pytest.mark.parametrize("octets", ["", "05", "050003", "0500034203", "0100", "02 0005", "05 0004 010203"])
def test_lengths_that_do_not_add_up_are_refused(octets):
    with pytest.raises(HeaderError):
        udh.split(bytes.fromhex(octets.replace(" ", "")))


def test_a_header_alone_has_nothing_behind_it():
    with pytest.raises(HeaderError):
        udh.parse(bytes.fromhex("050003420302ff"))


@pytest.mark.parametrize(
    "values",
    [(256, 2, 1, False), (65536, 2, 1, True), (-1, 2, 1, False), (1, 0, 0, False), (1, 2, 0, False),
     (1, 2, 3, False), (1, 256, 1, False)],
)  # fmt: skip
def test_an_impossible_concatenation_is_never_made(values):
    with pytest.raises(HeaderError):
        Concat(*values)


def test_a_header_longer_than_a_message_is_never_made():
    assert len(udh.build((Element(1, b"x" * 137),))) == 140
    with pytest.raises(HeaderError):
        udh.build((Element(1, b"x" * 138),))
    with pytest.raises(HeaderError):
        udh.build((Element(256, b""),))
