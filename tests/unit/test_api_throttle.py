"""Wrong keys cost time, per source, and the table stays small."""

from voip_sms.doors.api.throttle import BURST, SECONDS_PER_TRY, SOURCES, Throttle


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_free_then_one_each_few_seconds() -> None:
    seconds = Seconds()
    throttle = Throttle(seconds)
    assert [throttle.wrong("192.0.2.1") for _ in range(BURST)] == [0] * BURST
    assert throttle.wrong("192.0.2.1") == SECONDS_PER_TRY
    assert throttle.wrong("192.0.2.2") == 0
    seconds.now += SECONDS_PER_TRY
    assert throttle.wrong("192.0.2.1") == 0
    assert throttle.wrong("192.0.2.1") > 0


def test_waiting_longer_gives_no_more_than_a_burst() -> None:
    seconds = Seconds()
    throttle = Throttle(seconds)
    throttle.wrong("192.0.2.1")
    seconds.now += 3600
    assert [throttle.wrong("192.0.2.1") for _ in range(BURST + 1)].count(0) == BURST


def test_asking_while_told_to_wait_does_not_lengthen_the_wait() -> None:
    seconds = Seconds()
    throttle = Throttle(seconds)
    for _ in range(BURST + 50):
        throttle.wrong("192.0.2.1")
    seconds.now += SECONDS_PER_TRY
    assert throttle.wrong("192.0.2.1") == 0


def test_the_table_is_bounded_and_forgets_the_quietest() -> None:
    throttle = Throttle(Seconds())
    for _ in range(BURST + 1):
        throttle.wrong("192.0.2.1")
    for number in range(SOURCES - 1):
        throttle.wrong(f"198.18.{number >> 8}.{number & 255}")
    assert throttle.wrong("192.0.2.1") > 0
    for number in range(SOURCES + 5):
        throttle.wrong(f"198.19.{number >> 8}.{number & 255}")
    assert len(throttle._buckets) == SOURCES
    assert throttle.wrong("192.0.2.1") == 0
