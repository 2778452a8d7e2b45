"""Statuses only move forward, parts make a whole, and the carrier's words mean what the contract says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.status import (
    FOLLOWERS,
    TERMINAL,
    Status,
    advance,
    combine,
    from_message_state,
    from_receipt_stat,
)

ANY = st.sampled_from(Status)
PARTS = [status for status in Status if status is not Status.RECEIVED]


def test_the_names_are_the_contract():
    assert {str(status) for status in Status} == {
        "accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "expired", "failed",
        "canceled", "received",
    }  # fmt: skip
    assert {
        "delivered", "undelivered", "expired", "failed", "canceled", "received",
    } == TERMINAL  # fmt: skip


@pytest.mark.parametrize(
    ("current", "new", "allowed"),
    [
        ("accepted", "queued", True),
        ("accepted", "sent", True),  # steps may be left out
        ("accepted", "delivered", True),  # the receipt overtook the response
        ("scheduled", "canceled", True),
        ("queued", "canceled", True),
        ("sending", "canceled", False),  # too late
        ("sent", "canceled", False),
        ("sent", "failed", True),  # REJECTD
        ("sent", "sending", False),
        ("sending", "queued", False),
        ("queued", "accepted", False),
        ("delivered", "undelivered", False),
        ("expired", "delivered", False),  # a late receipt is logged, never applied
        ("failed", "sent", False),
        ("sent", "sent", False),
        ("accepted", "received", False),
        ("received", "delivered", False),
    ],
)
def test_vectors(current, new, allowed):
    assert advance(Status(current), Status(new)) is allowed


@given(ANY, ANY)
def test_no_way_leads_back(one, other):
    assert not (advance(one, other) and advance(other, one))
    assert not advance(one, one)


@given(ANY, ANY, ANY)
def test_a_step_may_always_be_left_out(one, two, three):
    if advance(one, two) and advance(two, three):
        assert advance(one, three) or three is Status.CANCELED


def test_every_status_but_the_last_leads_to_an_end():
    for status in Status:
        assert (status in TERMINAL) == (not FOLLOWERS[status])
        assert status in TERMINAL or FOLLOWERS[status] & TERMINAL


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["delivered"], "delivered"),
        (["delivered", "delivered"], "delivered"),
        (["delivered", "sent"], "sent"),
        (["failed", "queued"], "queued"),
        (["sent", "queued", "delivered"], "queued"),
        (["delivered", "undelivered"], "undelivered"),
        (["delivered", "expired", "delivered"], "expired"),
        (["expired", "undelivered"], "undelivered"),
        (["undelivered", "failed"], "failed"),
        (["failed", "canceled"], "failed"),
        (["canceled", "canceled"], "canceled"),
        (["received", "received"], "received"),
    ],
)
def test_parts_make_a_whole(parts, whole):
    assert combine([Status(part) for part in parts]) is Status(whole)


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=6), st.data())
def test_as_parts_move_forward_the_message_never_goes_back(parts, data):
    before = combine(parts)
    moving = [index for index, part in enumerate(parts) if FOLLOWERS[part]]
    if not moving:
        assert before in TERMINAL
        return
    index = data.draw(st.sampled_from(moving))
    parts[index] = data.draw(st.sampled_from(sorted(FOLLOWERS[parts[index]])))
    after = combine(parts)
    assert after is before or advance(before, after) or after is Status.CANCELED


@given(st.permutations([Status.DELIVERED, Status.EXPIRED, Status.SENT, Status.FAILED]))
def test_the_order_of_parts_does_not_matter(parts):
    assert combine(parts) is Status.SENT


@pytest.mark.parametrize(
    ("stat", "status"),
    [
        ("DELIVRD", "delivered"),
        ("delivrd", "delivered"),
        ("EXPIRED", "expired"),
        ("UNDELIV", "undelivered"),
        ("DELETED", "undelivered"),
        ("UNKNOWN", "undelivered"),
        ("REJECTD", "failed"),
        ("FAILED", "failed"),
        ("ACCEPTD", None),
        ("ENROUTE", None),
        ("", None),
        ("BUFFERED", None),
    ],
)
def test_the_words_of_receipts(stat, status):
    assert from_receipt_stat(stat) == (status and Status(status))


def test_message_states():
    states = {number: from_message_state(number) for number in range(10)}
    assert states == {
        0: None,
        1: None,
        2: Status.DELIVERED,
        3: Status.EXPIRED,
        4: Status.UNDELIVERED,
        5: Status.UNDELIVERED,
        6: None,
        7: Status.UNDELIVERED,
        8: Status.FAILED,
        9: None,
    }
