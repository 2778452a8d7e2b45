"""What the engine keeps in memory: wake-ups that are not lost, and pairs that must not be overtaken."""

import asyncio

from voip_sms.engine.pairs import HELD_MOST, Pairs
from voip_sms.engine.signals import Signals

KEY = (b"m" * 16, 1)


async def test_a_wake_before_the_wait_is_not_lost() -> None:
    signals = Signals()
    assert not await signals.wait("forwards", 0)
    signals.wake({"forwards", "parts:sim"})

    assert await signals.wait("forwards", 0)
    assert not await signals.wait("forwards", 0)


async def test_a_waiter_is_woken_by_its_topic_only() -> None:
    signals = Signals()
    waiter = asyncio.create_task(signals.wait("forwards", 5))
    await asyncio.sleep(0)
    signals.wake({"directory"})
    await asyncio.sleep(0)
    assert not waiter.done()
    signals.wake({"forwards"})

    assert await waiter


async def test_callbacks_are_called_until_they_are_taken_off() -> None:
    signals, calls = Signals(), []
    off = signals.on("parts:sim", lambda: calls.append(1))
    signals.wake({"parts:sim"})
    signals.wake({"parts:other"})
    off()
    off()
    signals.wake({"parts:sim"})

    assert calls == [1]


def test_a_pair_is_free_again_when_all_its_parts_are_back() -> None:
    pairs = Pairs()
    pairs.take("a>b")
    pairs.take("a>b")
    assert not pairs.free("a>b", 0)
    assert pairs.free("a>c", 0)
    assert not pairs.leave("a>b")
    assert not pairs.free("a>b", 0)
    assert not pairs.leave("a>b")
    assert pairs.free("a>b", 0)


def test_leaving_says_when_others_wait_behind() -> None:
    pairs = Pairs()
    pairs.take("a>b")
    assert not pairs.leave("a>b")
    pairs.take("a>b")
    pairs.announce("a>b", 1)
    assert pairs.leave("a>b")
    pairs.take("a>b")
    pairs.take("c>d")
    pairs.some_wait()
    assert pairs.leave("a>b")
    assert pairs.leave("c>d")
    pairs.take("a>b")
    assert not pairs.leave("a>b")


def test_what_is_queued_holds_its_pair_until_it_is_claimed() -> None:
    pairs = Pairs()
    pairs.announce("a>b", 2)
    assert not pairs.free("a>b", 0)
    assert pairs.queued == 0
    pairs.queue("a>b", 2)
    assert pairs.queued == 2
    pairs.begin_claim()
    assert pairs.claimed("a>b", KEY)
    assert not pairs.free("a>b", 0)
    assert pairs.claimed("a>b", (KEY[0], 2))
    assert pairs.free("a>b", 0)
    assert not pairs.claimed("a>b", KEY)


def test_what_was_withdrawn_holds_nothing() -> None:
    pairs = Pairs()
    pairs.announce("a>b", 1)
    pairs.withdraw("a>b", 1)
    assert pairs.free("a>b", 0)


def test_a_claim_that_found_the_queue_empty_clears_what_went_elsewhere() -> None:
    pairs = Pairs()
    for name in ("gone", "new", "coming"):
        pairs.announce(name, 1)
    pairs.queue("gone", 1)
    pairs.begin_claim()
    pairs.queue("new", 1)
    pairs.drained()

    assert pairs.free("gone", 0)
    assert not pairs.free("new", 0)
    assert not pairs.free("coming", 0)


def test_a_retried_part_holds_its_pair_until_it_is_taken_or_expires() -> None:
    pairs = Pairs()
    pairs.hold("a>b", KEY, expires_at=100)
    assert not pairs.free("a>b", 99)
    assert pairs.free("a>b", 100)
    pairs.hold("a>b", KEY, expires_at=100)
    pairs.hold("a>b", (KEY[0], 2), expires_at=100)
    assert pairs.claimed("a>b", KEY)
    assert not pairs.free("a>b", 0)
    assert pairs.claimed("a>b", (KEY[0], 2))
    assert not pairs.claimed("a>b", KEY)
    assert pairs.free("a>b", 0)


def test_what_waits_behind_a_retried_part_still_waits_when_that_is_taken() -> None:
    """Else a new message would pass it: the claim may have had no room for more than the retried part."""
    pairs = Pairs()
    pairs.hold("a>b", KEY, expires_at=100)
    pairs.announce("a>b", 1)
    pairs.queue("a>b", 1)
    pairs.begin_claim()
    assert pairs.claimed("a>b", KEY)
    assert not pairs.free("a>b", 0)
    assert pairs.claimed("a>b", (b"n" * 16, 1))
    assert pairs.free("a>b", 0)


def test_with_too_many_held_pairs_nothing_passes() -> None:
    pairs = Pairs()
    for n in range(HELD_MOST + 1):
        pairs.hold(f"a>{n}", KEY, expires_at=100)

    assert not pairs.free("x>y", 0)
