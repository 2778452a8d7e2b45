"""Paid forwards come to rest, whatever graph of numbers and systems they run through."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voip_sms.core import loops


@pytest.mark.parametrize(
    "returned",
    [
        "+48601000001: Czesc, tu Ola",
        "+48601000002: +48601000001: Czesc, tu Ola",
        "48601000002 - +48601000001: Czesc, tu Ola",
        "SMS od +48601000002: +48601000001: Czesc, tu Ola",
        "+48601000003: +48601000002:+48601000001:  CZEŚĆ,  tu Ola ",
    ],
)
def test_a_forward_is_recognised_behind_the_prefixes_of_other_systems(returned: str) -> None:
    sent = loops.digest(loops.forwarded("+48601000001", "Cześć, tu Ola"))
    assert sent in loops.suspects(returned)


@pytest.mark.parametrize(
    "other", ["Cześć, tu Ola", "+48601000009: Cześć, tu Ola", "+48601000001: Cześć, tu Ala", "OK", ""]
)
def test_other_texts_are_not(other: str) -> None:
    sent = loops.digest(loops.forwarded("+48601000001", "Cześć, tu Ola"))
    assert sent not in loops.suspects(other)


def test_a_text_of_prefixes_only_ends() -> None:
    assert 1 <= len(loops.suspects("+48601000001: " * 200)) <= loops.PREFIXES + 1


def test_a_repeat_is_the_same_text_between_the_same_two() -> None:
    first = loops.repeat_digest("+48601", "+48602", "Nie ma mnie")
    assert first == loops.repeat_digest("+48601", "+48602", "nie ma  mnie")
    assert first != loops.repeat_digest("+48602", "+48601", "Nie ma mnie")
    assert first != loops.repeat_digest("+48601", "+48602", "Jestem")


NUMBERS = [f"+4860100000{n}" for n in range(10)]
EDGES = st.dictionaries(st.sampled_from(NUMBERS), st.sets(st.sampled_from(NUMBERS), max_size=3))
ENDLESS = 2_000
"""Far more arrivals than any run that comes to rest has."""


@settings(max_examples=300, deadline=None)
@given(graph=EDGES, start=st.sampled_from(NUMBERS), responders=st.sets(st.sampled_from(NUMBERS)))
def test_any_graph_ends_with_at_most_three_paid_texts_per_inbound(
    graph: dict[str, set[str]], start: str, responders: set[str]
) -> None:
    """Numbers of ours that forward for money, some of which also answer every forward by themselves."""
    guard: set[bytes] = set()
    paid = answers = seen = 0
    arrivals = deque([("+48777000000", start, "Cześć")])
    while arrivals:
        seen += 1
        assert seen < ENDLESS, "it never comes to rest"
        sender, number, text = arrivals.popleft()
        repeat = loops.repeat_digest(sender, number, text)
        if repeat in guard or not guard.isdisjoint(loops.suspects(text)):
            continue
        guard.add(repeat)
        for target in graph.get(number, set()) - {number, sender}:
            paid += 1
            guard.add(loops.digest(loops.forwarded(sender, text)))
            arrivals.append((number, target, loops.forwarded(sender, text)))
            if target in responders:
                answers += 1
                arrivals.append((target, number, "Nie ma mnie"))
    assert paid <= 3 * (1 + answers)
    if not responders:
        assert paid <= 3
