"""Days, hours, dates and Poland's holidays, at their edges."""

from datetime import date, datetime, timedelta

import pytest

from voip_sms.doors.ivr.calendar import read_dates, read_days, read_holidays, read_hours


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+01:00")


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ("mon-fri", "1111100"),
        ("sat, SUN", "0000011"),
        ("fri-mon", "1000111"),
        ("wed", "0010000"),
        ("sun-sun", "0000001"),
    ],
)
def test_days(days: str, found: str) -> None:
    monday = at("2026-11-23 12:00")
    week = [monday + timedelta(days=day) for day in range(7)]
    assert "".join(str(int(read_days(days).has(day))) for day in week) == found


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("08:00-16:00", ["08:00", "15:59"], ["07:59", "16:00"]),
        ("8:00-12:00, 13:00-24:00", ["11:59", "13:00", "23:59"], ["12:00", "12:59", "00:00"]),
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "21:59"]),
        ("00:00-24:00", ["00:00", "23:59"], []),
    ],
)
def test_hours(hours: str, inside: list[str], outside: list[str]) -> None:
    read = read_hours(hours)
    assert all(read.has(at(f"2026-11-23 {hour}")) for hour in inside)
    assert not any(read.has(at(f"2026-11-23 {hour}")) for hour in outside)


@pytest.mark.parametrize(
    ("dates", "inside", "outside"),
    [
        ("12-24..12-26", ["2026-12-24", "2030-12-26"], ["2026-12-23", "2026-12-27"]),
        ("12-24..01-06", ["2026-12-31", "2027-01-06"], ["2027-01-07", "2026-12-23"]),
        ("2026-12-24", ["2026-12-24"], ["2027-12-24"]),
        ("2026-12-24..2027-01-06", ["2026-12-31", "2027-01-01"], ["2027-12-31", "2026-01-01"]),
        ("02-29", ["2028-02-29"], ["2026-02-28", "2026-03-01"]),
    ],
)
def test_dates(dates: str, inside: list[str], outside: list[str]) -> None:
    read = read_dates(dates)
    assert all(read.has(at(f"{day} 12:00")) for day in inside)
    assert not any(read.has(at(f"{day} 12:00")) for day in outside)


@pytest.mark.parametrize("text", ["", "mo", "mon-", "mon/fri", "1-5"])
def test_what_are_no_days(text: str) -> None:
    with pytest.raises(ValueError, match="not days"):
        read_days(text)


@pytest.mark.parametrize(
    "text", ["", "8", "8-16", "08:00-08:00", "24:00-06:00", "08:60-09:00", "08:00-24:01"]
)
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="not hours"):
        read_hours(text)


def test_poland_s_days_off_work_in_2026() -> None:
    """As the act on days off work has them; Easter moves four of them."""
    holidays = read_holidays(["pl", "12-31"])
    days = [date(2026, 1, 1) + timedelta(days=day) for day in range(365)]
    assert [f"{day:%m-%d}" for day in days if holidays.has(at(f"{day} 12:00"))] == [
        "01-01", "01-06", "04-05", "04-06", "05-01", "05-03", "05-24", "06-04", "08-15", "11-01", "11-11",
        "12-24", "12-25", "12-26", "12-31",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "easter", ["2019-04-21", "2024-03-31", "2025-04-20", "2027-03-28", "2038-04-25", "2285-03-22"]
)
def test_easter(easter: str) -> None:
    holidays = read_holidays(["pl"])
    sunday = at(f"{easter} 12:00")
    assert [holidays.has(sunday + timedelta(days=day)) for day in (-1, 0, 1, 2)] == [False, True, True, False]
