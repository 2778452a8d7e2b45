"""The corpus, replayed: what every target began with, what it found before, and that none takes long."""

import time

import pytest

from fuzz.seeds import kept, seeds
from fuzz.targets import TARGETS

SLOWEST = 0.1
"""Seconds of processor time for one input: at that pace a few datagrams a second would keep us busy."""


def took(target: str, octets: bytes) -> float:
    began = time.process_time()
    TARGETS[target](octets)
    return time.process_time() - began


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_breaks_and_nothing_is_slow(target: str) -> None:
    inputs = [(f"seed {number}", octets) for number, octets in enumerate(seeds(target))] + kept(target)
    assert inputs
    for name, octets in inputs:
        try:
            slow = took(target, octets) > SLOWEST and min(took(target, octets) for _ in range(3)) > SLOWEST
        except Exception as error:
            raise AssertionError(f"{target}: {name} broke it: {octets[:200]!r}") from error
        assert not slow, f"{target}: {name} took too long"
