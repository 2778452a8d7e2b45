"""Rate, pauses and the shrinking window of a link; back-off between connections."""

import random

from hypothesis import given
from hypothesis import strategies as st

from voip_sms.carriers.smpp.pace import Pace
from voip_sms.carriers.smpp.window import Window
from voip_sms.net.reconnect import BackOff
from voip_sms.wire import smpp


def submits(pace: Pace, seconds: float, step: float = 0.01) -> int:
    """How many parts a link sends that asks every `step` seconds and whose carrier answers at once."""
    sent, now = 0, 0.0
    while now < seconds:
        while pace.allowed(now, 0):
            pace.took()
            sent += 1
            if sent > 1_000_000:
                raise AssertionError("no limit at all")
        now += step
    return sent


def test_12_rate_counts_parts_a_second():
    assert 1000 <= submits(Pace(100, 1000, 0.0), 10) <= 1000 + 10


def test_12_a_slow_rate_is_exact_too():
    assert submits(Pace(1, 10, 0.0), 9.5) == 10


def test_12_rate_0_is_no_limit_but_the_window():
    pace = Pace(0, 10, 0.0)
    assert pace.allowed(0.0, 0) == 10
    assert pace.allowed(0.0, 10) == 0
    pace.took()
    assert pace.free_at(5.0) is None


def test_12_a_rate_says_when_the_next_part_may_leave():
    pace = Pace(10, 10, 0.0)
    pace.took()
    assert pace.allowed(0.0, 1) == 0
    when = pace.free_at(0.0)
    assert 0.09 < when <= 0.1001
    assert pace.allowed(when + 1e-9, 1) == 1


def test_12_throttling_pauses_the_whole_link_and_goes_on_with_half():
    pace = Pace(0, 100, 0.0)
    pace.throttled(0.0, 100)
    assert pace.allowed(0.5, 0) == 0
    assert pace.free_at(0.5) == 1.0
    assert pace.allowed(1.0, 0) == 50


def test_12_one_overrun_is_one_pause_however_many_answers_say_so():
    pace = Pace(0, 100, 0.0)
    for left in range(100, 0, -1):
        pace.throttled(0.01, left)
    assert pace.free_at(0.02) == 1.01
    assert pace.allowed(1.01, 0) == 50


def test_12_who_stays_throttled_waits_longer_up_to_half_a_minute():
    pace, now, pauses = Pace(0, 10, 0.0), 0.0, []
    for _ in range(7):
        pace.throttled(now, 1)
        pauses.append(pace.free_at(now) - now)
        now = pace.free_at(now)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert pace.allowed(now, 0) == 1


def test_12_the_window_comes_back_with_what_the_carrier_takes():
    pace = Pace(0, 20, 0.0)
    pace.throttled(0.0, 20)
    for _ in range(400):
        pace.accepted()
    assert pace.allowed(10.0, 0) == 20
    pace.throttled(10.0, 20)
    assert pace.free_at(10.0) == 11.0


def test_12_a_carrier_that_takes_ten_a_second_is_not_hammered():
    """A link without a rate against a carrier with one: nearly all that it takes, few refusals."""
    pace, now, taken, refused, counted = Pace(0, 100, 0.0), 0.0, 0, 0, {}
    while now < 60:
        flight = pace.allowed(now, 0)
        for left in range(flight, 0, -1):
            second = int(now)
            counted[second] = counted.get(second, 0) + 1
            if counted[second] <= 10:
                taken += 1
                pace.accepted()
            else:
                refused += 1
                pace.throttled(now, left)
        now += 0.05
    assert taken > 0.8 * 600
    assert refused < 0.5 * taken  # a full window every second would be refused 5,400 times


@given(st.integers(1, 5000), st.lists(st.floats(0.0, 0.1), max_size=100))
def test_12_at_the_time_it_names_a_part_may_leave(rate, waits):
    """A wait that ends a rounding error too early must not become a wait for ever."""
    pace, now = Pace(rate, 10, 0.0), 0.0
    for wait in waits:
        now += wait
        while pace.allowed(now, 0):
            pace.took()
        when = pace.free_at(now)
        assert when is not None
        assert now < when <= now + 1 / rate + 1e-6
        assert Pace.allowed(pace, when, 0) == 1
        pace.took()
        now = when


@given(
    st.integers(0, 50),
    st.integers(1, 20),
    st.lists(st.sampled_from(["wait", "send", "accept", "throttle"]), max_size=200),
)
def test_13_never_more_in_flight_than_the_window(rate, window, steps):
    pace, now, flight = Pace(rate, window, 0.0), 0.0, 0
    for step in steps:
        now += 0.05
        if step == "send" and pace.allowed(now, flight) > 0:
            pace.took()
            flight += 1
        elif step == "accept" and flight:
            flight -= 1
            pace.accepted()
        elif step == "throttle" and flight:
            pace.throttled(now, flight)
            flight -= 1
        assert flight <= window
        assert 0 <= pace.allowed(now, flight) <= window - flight
        assert pace.allowed(now, 0) or pace.free_at(now) > now
    assert pace.allowed(now + 60, 0) >= 1


@given(st.permutations(range(1, 11)))
def test_13_responses_match_by_sequence_in_any_order(order):
    window, seen = Window(10, 5.0), {}
    for sequence in range(1, 11):
        window.add(sequence, lambda response, sequence=sequence: seen.__setitem__(sequence, response), 0.0)
    assert window.room == 0
    for sequence in order:
        assert window.answer(smpp.SubmitSmResp(sequence, f"id-{sequence}"))
        assert not window.answer(smpp.SubmitSmResp(sequence, "again"))
    assert {sequence: one.message_id for sequence, one in seen.items()} == {
        n: f"id-{n}" for n in range(1, 11)
    }


def test_14_every_submit_is_told_once_answered_expired_or_abandoned():
    window, told = Window(10, 5.0), []
    for sequence in range(3):
        window.add(
            sequence, lambda response, sequence=sequence: told.append((sequence, response)), float(sequence)
        )
    assert window.deadline == 5.0
    assert window.expire(4.9) == 0
    assert window.expire(5.0) == 1
    assert window.answer(smpp.SubmitSmResp(2, "x"))
    window.abandon()
    window.abandon()
    assert window.expire(100.0) == 0
    assert [(sequence, response and response.message_id) for sequence, response in told] == [
        (0, None),
        (2, "x"),
        (1, None),
    ]
    assert window.deadline is None


def test_16_back_off_doubles_to_its_longest_with_half_of_it_chance():
    back_off, chance = BackOff(0.5, 15.0), random.Random(1)
    for attempt, ceiling in enumerate([0.5, 1, 2, 4, 8, 15, 15]):
        delays = [back_off.delay(attempt, chance.random) for _ in range(200)]
        assert ceiling / 2 <= min(delays) < 0.6 * ceiling
        assert 0.9 * ceiling < max(delays) <= ceiling
    assert back_off.delay(10_000, lambda: 0.0) == 7.5
