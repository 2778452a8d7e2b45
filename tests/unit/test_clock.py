"""Moments: whole microseconds, and RFC 3339 both ways."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.clock import (
    SystemClock,
    TimeInvalidError,
    from_datetime,
    from_rfc3339,
    to_datetime,
    to_rfc3339,
)

NEW_YEAR_10000 = 253_402_300_800_000_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T10:00:00Z", 1_795_341_600_000_000),
        ("2026-11-22T10:00:00.5Z", 1_795_341_600_500_000),
        ("2026-11-22T10:00:00.123456789Z", 1_795_341_600_123_456),
        ("2026-11-22T11:00:00+01:00", 1_795_341_600_000_000),
        ("2026-11-22t10:00:00z", 1_795_341_600_000_000),
        ("2026-11-22 10:00:00Z", 1_795_341_600_000_000),
    ],
)
def test_texts_are_read(text, moment):
    assert from_rfc3339(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22T10:00Z", "20261122T100000Z", "2026-W47-7T10:00:00Z",
        "2026-13-22T10:00:00Z", "2026-02-30T10:00:00Z", "2026-11-22T24:00:01Z", "2026-11-22T10:00:00+25:00",
        "2026-11-22T10:00:00Z ", "tomorrow", "٢026-11-22T10:00:00Z", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59\n", "1" * 1000,
    ],
)  # fmt: skip
def test_other_texts_are_refused(text):
    with pytest.raises(TimeInvalidError):
        from_rfc3339(text)


@given(st.integers(0, NEW_YEAR_10000 - 1))
def test_every_moment_round_trips(moment):
    text = to_rfc3339(moment)
    assert from_rfc3339(text) == moment
    assert from_datetime(to_datetime(moment)) == moment
    assert text.endswith("Z")
    assert len(text) == 27


@given(st.integers(0, NEW_YEAR_10000 - 1), st.integers(0, NEW_YEAR_10000 - 1))
def test_texts_sort_as_moments_do(one, other):
    assert (to_rfc3339(one) < to_rfc3339(other)) == (one < other)


def test_a_naive_datetime_is_no_moment():
    with pytest.raises(TimeInvalidError):
        from_datetime(datetime(2026, 11, 22))  # noqa: DTZ001
    warsaw = timezone(timedelta(hours=1))
    assert from_datetime(datetime(1970, 1, 1, 1, tzinfo=warsaw)) == 0


def test_the_system_clock_shows_the_time():
    before = datetime.now(UTC)
    now = to_datetime(SystemClock().now())
    assert before - timedelta(milliseconds=1) <= now <= datetime.now(UTC)
