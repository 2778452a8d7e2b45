"""Guessing passwords: how much is too much, for how long, and who is never shut out."""

import pytest

from support.fakes import FakeClock
from voip_sms.core.clock import SECOND
from voip_sms.doors.sip import bans
from voip_sms.doors.sip.bans import BAN, PER_SOURCE, PER_USER, WINDOW, Bans, Standing

HERE, THERE = "192.0.2.1", "192.0.2.2"


def guess(table: Bans, user: str, times: int) -> list[bool]:
    return [table.failed(HERE, user) for _ in range(times)]


def test_a_ban_begins_at_the_limit_and_ends(clock: FakeClock) -> None:
    table = Bans(clock.now)
    assert guess(table, "101", PER_USER) == [False] * (PER_USER - 1) + [True]
    assert table.standing(HERE, "101") is Standing.BANNED
    assert table.standing(HERE, "102") is Standing.WELCOME
    assert table.standing(THERE, "101") is Standing.WELCOME, "the real phone elsewhere isn't locked out"
    clock.advance(BAN / SECOND + 1)
    assert table.standing(HERE, "101") is Standing.WELCOME


def test_slow_failures_never_add_up(clock: FakeClock) -> None:
    table = Bans(clock.now)
    for _ in range(10 * PER_USER):
        assert not table.failed(HERE, "101")
        clock.advance(WINDOW / SECOND / 10)
    assert table.standing(HERE, "101") is Standing.WELCOME


def test_a_right_password_forgives_earlier_slips(clock: FakeClock) -> None:
    table = Bans(clock.now)
    guess(table, "101", PER_USER - 1)
    table.succeeded(HERE, "101")
    assert not any(guess(table, "101", PER_USER - 1))


def test_a_scanner_with_a_new_user_each_time_is_banned_as_a_source(clock: FakeClock) -> None:
    table = Bans(clock.now)
    for number in range(PER_SOURCE):
        table.failed(HERE, f"{number}")
    assert table.standing(HERE, "never tried") is Standing.BANNED


def test_a_source_with_a_live_binding_is_only_slowed(clock: FakeClock) -> None:
    table = Bans(clock.now)
    table.bound(HERE, clock.now() + 60 * SECOND)
    guess(table, "101", PER_USER)
    assert table.standing(HERE, "101") is Standing.SLOWED
    clock.advance(61)
    assert table.standing(HERE, "101") is Standing.BANNED


def test_a_phone_is_not_slowed_for_what_its_neighbours_do(clock: FakeClock) -> None:
    table = Bans(clock.now)
    table.bound(HERE, clock.now() + 60 * SECOND, "101")
    for number in range(PER_SOURCE):
        table.failed(HERE, f"{number + 1000}")
    assert table.standing(HERE, "101") is Standing.WELCOME
    assert table.standing(HERE, "102") is Standing.SLOWED
    guess(table, "101", PER_USER)
    assert table.standing(HERE, "101") is Standing.SLOWED, "somebody guesses its own password"


def test_a_neighbour_s_address_in_the_same_slash_64_is_the_same_source(clock: FakeClock) -> None:
    table = Bans(clock.now)
    for number in range(PER_USER):
        table.failed(f"2001:db8:0:1::{number:x}", "101")
    assert table.standing("2001:db8:0:1:ffff::1", "101") is Standing.BANNED
    assert table.standing("2001:db8:0:2::1", "101") is Standing.WELCOME
    table.bound("2001:db8:0:1::77", clock.now() + 60 * SECOND)
    assert table.standing("2001:db8:0:1:ffff::1", "101") is Standing.SLOWED


def test_memory_is_bounded(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bans, "CAPACITY", 100)
    monkeypatch.setattr(bans, "LIVE_CAPACITY", 100)
    table = Bans(clock.now)
    for number in range(1000):
        table.failed(f"198.51.100.{number}", "x")
        table.bound(f"198.51.100.{number}", clock.now())
    assert len(table._records) <= 100
    assert len(table._live) <= 100
