"""When a pool will be full, as far as what was seen tells."""

import pytest

from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.forecast import full_at


def test_a_steady_growth_goes_on() -> None:
    samples = [(day * DAY, day) for day in range(5)]  # one a day, four by now
    assert full_at(samples, 10, 4 * DAY) == 10 * DAY


def test_what_is_full_is_full_now() -> None:
    assert full_at([(0, 3)], 3, 7 * HOUR) == 7 * HOUR


@pytest.mark.parametrize(
    "samples",
    [
        [],
        [(0, 1)],
        [(0, 1), (HOUR, 2), (2 * HOUR, 3)],  # a morning is no trend
        [(0, 5), (DAY, 4), (2 * DAY, 3)],
        [(0, 2), (DAY, 2), (2 * DAY, 2)],
    ],
)
def test_what_does_not_grow_or_was_hardly_seen_is_not_foretold(samples: list[tuple[int, int]]) -> None:
    assert full_at(samples, 10, 2 * DAY) is None


def test_one_odd_hour_counts_little() -> None:
    samples = [(hour * HOUR, 2) for hour in range(48)]
    samples[30] = (30 * HOUR, 9)
    found = full_at(samples, 10, 47 * HOUR)
    assert found is None or found > 7 * DAY


def test_what_is_further_than_a_year_is_not_in_sight() -> None:
    samples = [(day * DAY, day) for day in range(5)]
    assert full_at(samples, 10_000, 4 * DAY) is None
