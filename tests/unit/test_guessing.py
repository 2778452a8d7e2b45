"""Wrong secrets cost time, per source and per person and at every door; nobody is shut out, the table stays small."""

from voip_sms.core.guessing import (
    BURST,
    NAME_BURST,
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


def test_a_site_is_an_address_or_a_slash_64() -> None:
    assert site_of(HERE) == HERE
    assert site_of("2001:db8:1:2:3:4:5:6") == site_of("2001:db8:1:2::9") != site_of("2001:db8:1:3::9")
    assert site_of("fe80::1%eth0") == "fe80::"
    assert site_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert site_of(None) == ""
    assert site_of("not an address") == "not an address"
