"""Wrong secrets cost time, per source and per person and at every door; nobody is shut out, the table stays small."""

import pytest

from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import (
    BURST,
    NAME_BURST,
    PATIENCE,
    SECONDS_PER_NAME,
    SECONDS_PER_TRY,
    SOURCES,
    Guesses,
)
from voip_sms.core.sites import site_of

HERE, THERE = "192.0.2.1", "192.0.2.2"


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def crowd(number: int) -> str:
    return f"198.18.{number >> 8}.{number & 255}"


def test_a_burst_is_free_then_one_each_few_seconds() -> None:
    seconds = Seconds()
    guesses = Guesses(seconds)
    assert [guesses.wrong(HERE) for _ in range(BURST)] == [0] * BURST
    assert guesses.wrong(HERE) == SECONDS_PER_TRY
    assert guesses.wrong(THERE) == 0
    seconds.now += SECONDS_PER_TRY
    assert guesses.wrong(HERE) == 0
    assert guesses.wrong(HERE) > 0


def test_waiting_longer_gives_no_more_than_a_burst() -> None:
    seconds = Seconds()
    guesses = Guesses(seconds)
    guesses.wrong(HERE)
    seconds.now += 3600
    assert [guesses.wrong(HERE) for _ in range(BURST + 1)].count(0) == BURST


def test_asking_while_told_to_wait_does_not_lengthen_the_wait() -> None:
    seconds = Seconds()
    guesses = Guesses(seconds)
    for _ in range(BURST + 50):
        guesses.wrong(HERE)
    seconds.now += SECONDS_PER_TRY
    assert guesses.wrong(HERE) == 0


def test_the_table_is_bounded_and_forgets_the_quietest() -> None:
    guesses = Guesses(Seconds())
    for _ in range(BURST + 1):
        guesses.wrong(HERE)
    for number in range(SOURCES - 1):
        guesses.wrong(crowd(number))
    assert guesses.wrong(HERE) > 0
    for number in range(SOURCES + 5):
        guesses.wrong(f"2001:db8:{number:x}::1")
    assert len(guesses) == SOURCES
    assert guesses.wrong(HERE) == 0


def test_a_thousand_machines_that_share_one_victim_are_as_slow_as_one() -> None:
    guesses = Guesses(Seconds())
    assert not any(guesses.wrong(crowd(number), "ann@a.test") for number in range(NAME_BURST))
    assert guesses.wrong(crowd(NAME_BURST), "ann@a.test") == SECONDS_PER_NAME
    assert guesses.wait(THERE, "ann@a.test") == SECONDS_PER_NAME
    assert guesses.wait(THERE, "bob@a.test") == 0


def test_the_victim_does_not_wait_where_she_is_at_home() -> None:
    guesses = Guesses(Seconds())
    guesses.right(HERE, "ann@a.test")
    for number in range(NAME_BURST * 2):
        guesses.wrong(crowd(number), "ann@a.test")
    assert guesses.wait(HERE, "ann@a.test") == 0
    assert guesses.wait(THERE, "ann@a.test") > 0


def test_being_at_home_somewhere_is_no_licence_to_guess_there() -> None:
    guesses = Guesses(Seconds())
    guesses.right(HERE, "ann@a.test")
    for _ in range(BURST):
        guesses.wrong(HERE, "ann@a.test")
    assert guesses.wait(HERE, "ann@a.test") == SECONDS_PER_TRY


def test_looking_at_the_wait_takes_nothing() -> None:
    guesses = Guesses(Seconds())
    assert not any(guesses.wait(HERE, "ann@a.test") for _ in range(100))
    assert guesses.wrong(HERE, "ann@a.test") == 0


def waits(guesses: Guesses, number: int, name: str = "ann@a.test", source: str = HERE) -> list[float]:
    """Of tries at one moment; -1 for those that are refused."""
    seen = []
    for _ in range(number):
        try:
            seen.append(guesses.turn(source, name).seconds)
        except Refusal:
            seen.append(-1)
    return seen


def test_of_tries_side_by_side_each_waits_longer_and_then_they_are_refused() -> None:
    guesses = Guesses(Seconds())
    assert waits(guesses, BURST) == [0] * BURST
    assert waits(guesses, 6) == [6, 12, 18, 24, -1, -1]
    with pytest.raises(Refusal, match="rate_limited") as refused:
        guesses.turn(HERE, "ann@a.test")
    assert refused.value.data == {"retry_after": 30}


@pytest.mark.parametrize("at_once", [1, 3, 50])
def test_an_hour_of_guessing_has_as_many_tries_side_by_side_as_one_by_one(at_once: int) -> None:
    seconds, looked_at = Seconds(), 0
    guesses = Guesses(seconds)
    for _ in range(3600):
        looked_at += sum(wait >= 0 for wait in waits(guesses, at_once))
        seconds.now += 1
    assert looked_at <= BURST + (3600 + PATIENCE) / SECONDS_PER_TRY


def test_many_machines_that_share_one_victim_take_turns_too() -> None:
    seconds, looked_at = Seconds(), 0
    guesses = Guesses(seconds)
    for _ in range(60):
        for number in range(100):
            looked_at += waits(guesses, 1, source=crowd(number)) != [-1]
        seconds.now += 1
    assert looked_at <= NAME_BURST + (60 + PATIENCE) / SECONDS_PER_NAME


def test_a_right_secret_costs_no_turn() -> None:
    guesses = Guesses(Seconds())
    for _ in range(BURST * 10):
        turn = guesses.turn(HERE, "ann@a.test")
        assert turn.seconds == 0
        guesses.spare(turn)
    assert waits(guesses, 1) == [0]


def test_who_mistypes_once_waits_for_nothing() -> None:
    guesses = Guesses(Seconds())
    guesses.turn(HERE, "ann@a.test")
    assert waits(guesses, 1) == [0]


def test_who_has_no_patience_takes_no_turn() -> None:
    guesses = Guesses(Seconds())
    waits(guesses, BURST)
    for _ in range(3):
        with pytest.raises(Refusal, match="rate_limited"):
            guesses.turn(HERE, "ann@a.test", patience=0)
    assert guesses.wait(HERE, "ann@a.test") == SECONDS_PER_TRY


def test_who_is_wrong_too_often_is_no_longer_at_home() -> None:
    guesses = Guesses(Seconds())
    guesses.right(HERE, "ann@a.test")
    for _ in range(BURST):
        guesses.wrong(HERE, "ann@a.test")
    assert guesses.at_home(HERE, "ann@a.test")
    guesses.wrong(HERE, "ann@a.test")
    assert not guesses.at_home(HERE, "ann@a.test")


def test_a_site_is_an_address_or_a_slash_64() -> None:
    assert site_of(HERE) == HERE
    assert site_of("2001:db8:1:2:3:4:5:6") == site_of("2001:db8:1:2::9") != site_of("2001:db8:1:3::9")
    assert site_of("fe80::1%eth0") == "fe80::"
    assert site_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert site_of(None) == ""
    assert site_of("not an address") == "not an address"
