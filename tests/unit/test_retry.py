"""Retries come when the contract says, and end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND
from voip_sms.core.retry import CARRIER, MAIL, PHONE, WEBHOOK, Schedule

SCHEDULES = st.sampled_from([CARRIER, PHONE, WEBHOOK, MAIL])
NEVER = 2**62


def test_a_phone_that_is_off_is_tried_as_the_contract_says():
    waits = [PHONE.wait(failures, 0.0) for failures in range(1, 5)]
    assert waits == [30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE]
    assert PHONE.wait(1000, 0.0) == 30 * MINUTE  # and so on
    assert PHONE.tries is None


def test_a_webhook_has_ten_tries_over_about_three_days():
    assert WEBHOOK.tries == 10
    waits = [WEBHOOK.wait(failures, 0.0) for failures in range(1, 10)]
    assert 3 * DAY <= sum(waits) <= 3 * DAY + 6 * HOUR
    assert WEBHOOK.wait(10, 0.5) is None
    assert WEBHOOK.next_at(10, 0, 0.0, expires_at=NEVER) is None


def test_mail_is_given_up_after_five_days_and_a_carrier_never_before_expiry():
    assert MAIL.lasts == 5 * DAY
    assert CARRIER.lasts is None
    assert CARRIER.wait(10_000, 0.0) == 10 * MINUTE


def test_no_attempt_at_or_after_the_expiry():
    now = 1_000_000 * SECOND
    assert PHONE.next_at(1, now, 0.0, expires_at=now + 30 * SECOND + 1) == now + 30 * SECOND
    assert PHONE.next_at(1, now, 0.0, expires_at=now + 30 * SECOND) is None


def test_a_peer_that_asks_for_time_gets_it_but_never_hurries_us():
    assert PHONE.next_at(1, 0, 0.0, expires_at=NEVER, asked=HOUR) == HOUR
    assert PHONE.next_at(1, 0, 0.0, expires_at=NEVER, asked=SECOND) == 30 * SECOND


@given(SCHEDULES, st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_waits_grow_and_jitter_only_adds(schedule: Schedule, failures, chance):
    base, wait = schedule.wait(failures, 0.0), schedule.wait(failures, chance)
    assert base <= wait <= base * (1 + schedule.jitter)
    later = schedule.wait(failures + 1, 0.0)
    assert later is None or later >= base


@pytest.mark.parametrize("schedule", [CARRIER, PHONE, WEBHOOK, MAIL])
def test_what_failed_together_does_not_come_back_together(schedule):
    assert schedule.wait(3, 0.0) != schedule.wait(3, 0.9)
