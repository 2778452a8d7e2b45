"""How much a source may ask in vain, and what of it is told."""

import pytest

from voip_sms.net.sip import strangers
from voip_sms.net.sip.strangers import BURST, RATE, SAID_AGAIN, SHUNNED, Rarely, Strangers


class Ticks:
    """Seconds that only go on when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_a_burst_is_borne_then_there_is_silence_for_a_while(ticks: Ticks) -> None:
    table = Strangers(ticks)
    assert not any(table.charge("here") for _ in range(int(BURST)))
    assert not table.shunned("here")
    assert table.charge("here")
    assert table.shunned("here")
    assert not table.shunned("there")
    ticks.now += SHUNNED
    assert not table.shunned("here")
    assert not any(table.charge("here") for _ in range(int(SHUNNED * RATE) - 1)), "refilled meanwhile"


def test_the_lasting_rate_is_borne_for_ever(ticks: Ticks) -> None:
    table = Strangers(ticks)
    for _ in range(int(3 * BURST)):
        ticks.now += 1 / RATE
        assert not table.charge("here")


def test_where_somebody_lives_nobody_is_shunned(ticks: Ticks) -> None:
    table = Strangers(ticks)
    table.spare(lambda host: host == "home")
    assert not any(table.charge("home") for _ in range(int(2 * BURST)))
    assert not table.shunned("home")


def test_memory_is_bounded(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "CAPACITY", 100)
    monkeypatch.setattr(strangers, "BURST", 0.5)
    table, rarely = Strangers(ticks), Rarely(ticks)
    for number in range(1000):
        assert table.charge(str(number))
        assert rarely.first(str(number))
    assert max(len(table._buckets), len(table._shunned), len(rarely._said)) <= 100


def test_the_same_is_told_rarely(ticks: Ticks) -> None:
    rarely = Rarely(ticks)
    assert [rarely.first("flood", "a") for _ in range(3)] == [True, False, False]
    assert rarely.first("flood", "b")
    ticks.now += SAID_AGAIN
    assert rarely.first("flood", "a")
