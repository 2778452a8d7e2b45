"""Token buckets: never more than rate and burst allow, and nobody waits longer than told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.buckets import Buckets

STEPS = st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.2, 0.5, 1.0, 30.0]), min_size=1, max_size=80)


@given(STEPS, st.sampled_from([0.5, 3.0, 5.0, 20.0]), st.sampled_from([1.0, 4.0, 20.0]))
def test_no_stretch_of_time_has_more_than_its_share(steps, rate, burst) -> None:
    buckets, now, taken = Buckets(rate, burst, 10), 0.0, []
    for step in steps:
        now += step
        if not buckets.take("a", now):
            taken.append(now)
    for first, since in enumerate(taken):
        for last, until in enumerate(taken[first:], first):
            assert last - first + 1 <= burst + (until - since) * rate + 0.001


@given(STEPS, st.sampled_from([0.5, 3.0, 20.0]))
def test_after_the_wait_that_was_named_there_is_one(steps, rate) -> None:
    buckets, now = Buckets(rate, 2, 10), 0.0
    for step in steps:
        now += step
        wait = buckets.take("a", now)
        if wait:
            now += wait
            assert buckets.take("a", now) == 0.0


def test_keys_do_not_share_and_the_quietest_is_forgotten() -> None:
    buckets = Buckets(1, 1, 2)
    assert [buckets.take(key, 0.0) for key in "abab"] == [0.0, 0.0, pytest.approx(1), pytest.approx(1)]
    buckets.take("c", 0.0)
    assert len(buckets) == 2
    assert buckets.take("a", 0.0) == 0.0


@given(STEPS, st.sampled_from([0.5, 3.0, 20.0]))
def test_looking_says_what_taking_would_and_takes_nothing(steps, rate) -> None:
    buckets, now = Buckets(rate, 2, 10), 0.0
    for step in steps:
        now += step
        seen = [buckets.wait("a", now) for _ in range(3)]
        assert seen == [pytest.approx(buckets.take("a", now))] * 3
