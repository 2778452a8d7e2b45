"""Identifiers sort as they were made, never repeat, and have one text form only."""

import random
import threading
import uuid
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.clock import MILLISECOND
from voip_sms.core.ids import IdInvalidError, Ids, earliest, from_text, made_at, to_text

# RFC 9562 appendix A.6
EXAMPLE = uuid.UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F").bytes
EXAMPLE_MOMENT = 0x017F22E279B0 * MILLISECOND


class Hands:
    """A clock that shows what the test sets, and goes on to the next of a list at every look."""

    def __init__(self, *moments: int) -> None:
        self.moments = list(moments)

    def now(self) -> int:
        return self.moments.pop(0) if len(self.moments) > 1 else self.moments[0]


def test_the_layout_is_that_of_the_specification():
    made = uuid.UUID(bytes=Ids(Hands(EXAMPLE_MOMENT), random.Random(1).randbytes).new())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made_at(made.bytes) == EXAMPLE_MOMENT == made_at(EXAMPLE)
    assert earliest(EXAMPLE_MOMENT) < EXAMPLE < earliest(EXAMPLE_MOMENT + MILLISECOND)
    assert earliest(-1) == bytes(16)  # somebody asks for a day before there were any


@given(st.lists(st.integers(0, 2**47), min_size=2, max_size=50), st.integers())
def test_ids_grow_however_the_clock_jumps(milliseconds, seed):
    ids = Ids(Hands(*(moment * MILLISECOND for moment in milliseconds)), random.Random(seed).randbytes)
    made = [ids.new() for _ in milliseconds]
    assert all(one < two for one, two in pairwise(made))
    assert all(uuid.UUID(bytes=one).version == 7 for one in made)


@pytest.mark.parametrize("octet", [b"\x00", b"\xff"])
def test_ids_grow_whatever_chance_brings(octet):
    ids = Ids(Hands(EXAMPLE_MOMENT), lambda count: octet * count)
    made = [ids.new() for _ in range(1000)]
    assert made == sorted(set(made))


def test_when_a_millisecond_is_full_the_next_is_borrowed():
    ids = Ids(Hands(EXAMPLE_MOMENT), lambda count: b"\xff" * count)
    first = ids.new()
    ids._count = 2**74 - 1
    assert ids.new() > first
    assert made_at(ids.new()) == EXAMPLE_MOMENT + MILLISECOND


def test_threads_share_without_repeats():
    ids = Ids(Hands(EXAMPLE_MOMENT), random.Random(2).randbytes)
    made: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: made.extend([ids.new() for _ in range(2000)])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 8000


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        (bytes(16), "msg_" + "0" * 26),
        (b"\xff" * 16, "msg_7" + "z" * 25),
        ((31).to_bytes(16), "msg_" + "0" * 25 + "z"),
        (EXAMPLE, "msg_01fwhe4ydgfk1shh6w1g60eecf"),
    ],
)
def test_text_vectors(identifier, text):
    assert to_text("msg", identifier) == text
    assert from_text("msg", text) == identifier


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_texts_round_trip_and_sort_as_their_octets(one, other):
    assert from_text("sub", to_text("sub", one)) == one
    assert (to_text("sub", one) < to_text("sub", other)) == (one < other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "msg_",
        "01fwhe4ydgfk1shh6w1g60eecf",
        "sub_01fwhe4ydgfk1shh6w1g60eecf",
        "msg-01fwhe4ydgfk1shh6w1g60eecf",
        "msg_01fwhe4ydgfk1shh6w1g60eec",
        "msg_01fwhe4ydgfk1shh6w1g60eecf0",
        "msg_01FWHE4YDGFK1SHH6W1G60EECF",  # one text form only
        "msg_01fwhe4ydgfk1shh6w1g60eecu",  # no such digit
        "msg_8" + "0" * 25,  # 131 bits
        "msg_01fwhe4ydgfk1shh6w1g60eec١",
        "msg_../../../../../etc/passwd",
    ],
)
def test_anything_else_is_no_identifier(text):
    with pytest.raises(IdInvalidError):
        from_text("msg", text)


@given(st.text(max_size=40))
def test_any_text_is_an_identifier_or_refused(text):
    try:
        identifier = from_text("msg", text)
    except IdInvalidError:
        return
    assert to_text("msg", identifier) == text


def test_only_sixteen_octets_are_an_identifier():
    with pytest.raises(IdInvalidError):
        to_text("msg", b"short")
