"""What is written before it is sent: recipients as people type them, what a text weighs, times on the wall."""

from datetime import datetime

import pytest

from voip_sms.core.clock import HOUR, to_rfc3339
from voip_sms.core.writing import Costly, NoSuchTimeError, is_twice, moment_of, recipients_of, weigh

WARSAW = "Europe/Warsaw"


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", ()),
        (" \n, ;\t", ()),
        ("601 123 456", ("601 123 456",)),
        ("601123456\r\n+44 7400 123456", ("601123456", "+44 7400 123456")),
        ("601123456, 602 123 456; staff", ("601123456", "602 123 456", "staff")),
        ("a,b,a", ("a", "b")),
    ],
)
def test_recipients(typed: str, wanted: tuple[str, ...]) -> None:
    assert recipients_of(typed) == wanted


def test_a_recipient_is_cut_where_none_can_be() -> None:
    assert [len(one) for one in recipients_of("1" * 5000)] == [160]


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u200b\u200b"])
def test_no_text_weighs_nothing(text: str) -> None:
    assert weigh(text, transliterate=False) is None


@pytest.mark.parametrize(
    ("text", "parts", "left", "room"),
    [
        ("x", 1, 159, 160),
        ("x" * 160, 1, 0, 160),
        ("x" * 161, 2, 145, 153),
        ("€" * 80, 1, 0, 160),
        ("ż", 1, 69, 70),
        ("ż" * 70, 1, 0, 70),
        ("ż" * 71, 2, 63, 67),
    ],
)
def test_room_that_is_left(text: str, parts: int, left: int, room: int) -> None:
    weight = weigh(text, transliterate=False)
    assert weight is not None
    assert (weight.parts, weight.left, weight.room) == (parts, left, room)


def test_the_characters_that_make_it_dear_are_named_with_what_can_stand_for_them() -> None:
    weight = weigh("Łódź, „tak” 🙂" + "x" * 100, transliterate=False)
    assert weight is not None
    assert weight.costly == (
        Costly("🙂", ""), Costly("Ł", "L"), Costly("ó", "o"), Costly("ź", "z"), Costly("„", '"'), Costly("”", '"'),
    )  # fmt: skip
    assert weight.plain_parts is None, "the smile stays: giving up accents helps nobody"


def test_what_giving_up_accents_would_save() -> None:
    text = "Zażółć gęślą jaźń. " * 5
    dear, cheap = weigh(text, transliterate=False), weigh(text, transliterate=True)
    assert dear is not None
    assert cheap is not None
    assert (dear.parts, dear.plain_parts) == (2, 1)
    assert (cheap.parts, cheap.costly, cheap.transliterated) == (1, (), True)


@pytest.mark.parametrize(
    ("local", "wanted"),
    [
        (datetime(2026, 11, 22, 12, 0), "2026-11-22T11:00:00.000000Z"),  # noqa: DTZ001 - a wall clock's
        (datetime(2027, 7, 1, 12, 0), "2027-07-01T10:00:00.000000Z"),  # noqa: DTZ001
        (datetime(2027, 3, 28, 1, 59), "2027-03-28T00:59:00.000000Z"),  # noqa: DTZ001
        (datetime(2027, 3, 28, 3, 0), "2027-03-28T01:00:00.000000Z"),  # noqa: DTZ001
        (datetime(2027, 10, 31, 2, 30), "2027-10-31T00:30:00.000000Z"),  # noqa: DTZ001
        (datetime(2027, 10, 31, 3, 0), "2027-10-31T02:00:00.000000Z"),  # noqa: DTZ001
    ],
)
def test_a_time_on_the_wall(local: datetime, wanted: str) -> None:
    assert to_rfc3339(moment_of(local, WARSAW)) == wanted


def test_the_night_clocks_are_put_forward_has_no_half_past_two() -> None:
    with pytest.raises(NoSuchTimeError) as error:
        moment_of(datetime(2027, 3, 28, 2, 30), WARSAW)  # noqa: DTZ001
    assert error.value.first == datetime(2027, 3, 28, 3, 30)  # noqa: DTZ001


def test_the_night_clocks_are_put_back_has_it_twice() -> None:
    twice = datetime(2027, 10, 31, 2, 30)  # noqa: DTZ001
    assert is_twice(twice, WARSAW)
    later = datetime(2027, 10, 31, 3, 30)  # noqa: DTZ001
    assert moment_of(later, WARSAW) - moment_of(twice, WARSAW) == 2 * HOUR
    assert not any(is_twice(one, WARSAW) for one in (later, datetime(2027, 3, 28, 2, 30)))  # noqa: DTZ001
