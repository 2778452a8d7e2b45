"""The short way of reading POST /v1/messages gives what the model gives, for bodies of every kind."""

from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voip_sms.core.resources import InvalidError
from voip_sms.doors.api import requests
from voip_sms.doors.api.requests import asked_of

# Text as JSON can carry it: no lone surrogates.
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
SCALAR = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | TEXT
EDGES = st.sampled_from(["", "x" * 64, "x" * 65, "x" * 200, "x" * 201])
ANYTHING = SCALAR | EDGES | st.lists(SCALAR, max_size=3) | st.dictionaries(TEXT, SCALAR, max_size=2)
NEARLY = EDGES | SCALAR
OPTIONAL = {
    "from": ANYTHING,
    "client_ref": ANYTHING,
    "max_parts": ANYTHING,
    "sender": ANYTHING,
    "class": ANYTHING,
    "send_at": ANYTHING,
    "account": ANYTHING | st.sampled_from(["sip:101", "sip:101@pbx", "101"]),
    "extra": ANYTHING,
}
BODIES = (
    st.fixed_dictionaries({"to": TEXT, "text": TEXT}, optional={"from": NEARLY, "client_ref": NEARLY})
    | st.fixed_dictionaries({"to": ANYTHING, "text": ANYTHING}, optional=OPTIONAL)
    | ANYTHING
)


def answer(read: Any, body: Any) -> Any:
    try:
        return read(body)
    except InvalidError as error:
        return [(complaint.path, complaint.what) for complaint in error.complaints]


@settings(max_examples=400, deadline=None)
@given(BODIES)
@example({"to": "1", "text": "x", "client_ref": "x" * 200})
@example({"to": "1", "text": "x", "client_ref": "x" * 201})
@example({"to": "1", "text": "x", "from": "x" * 64})
@example({"to": "1", "text": "x", "from": "x" * 65})
@example({"to": "1", "text": "x", "from": None, "client_ref": None})
def test_both_ways_agree(body: Any) -> None:
    value = orjson.loads(orjson.dumps(body))
    assert answer(lambda one: asked_of(one, "PL"), value) == answer(
        lambda one: requests._any(one, "PL"), value
    )


@given(st.fixed_dictionaries({"to": TEXT.filter(bool), "text": TEXT}, optional={"client_ref": TEXT}))
def test_the_common_shape_takes_the_short_way(body: Any) -> None:
    assert requests._common(body) == requests._any(body, "PL")


def test_everything_else_does_not() -> None:
    common = {"to": "1", "text": "x"}
    for other in (
        {**common, "max_parts": 1},
        {**common, "to": ["1"]},
        {"to": "1"},
        {**common, "from": ""},
        [],
    ):
        assert requests._common(other) is None


@pytest.mark.parametrize(
    "body",
    [
        {**{f"k{number}": 1 for number in range(90_000)}, "to": "1", "text": "x"},
        {"to": [1] * 500_000, "text": "x"},
        {"to": [1] * 10_000, "text": "x"},
        {"to": [[[]] * 10_000] * 25, "text": "x"},
        {"x" * 1_000_000: 1, "to": "1", "text": "x"},
        {"to": "1", "text": "x", "data": [[]] * 5_000},
    ],
)
def test_no_body_keeps_the_loop_busy(body: Any) -> None:
    """A complaint in words for each of half a million mistakes took seconds: their number has a bound."""
    octets = orjson.dumps(body)
    assert len(octets) <= 1024 * 1024
    found = answer(lambda one: asked_of(one, "PL"), orjson.loads(octets))
    assert isinstance(found, list)
    assert len(found) <= 10_000
    assert sum(len(str(path)) for path, _ in found) < 1_000_000


def test_whatever_is_nested_deeply_is_no_fault_of_ours() -> None:
    for depth in (10, 500, 1000):
        value: Any = orjson.loads(b"[" * depth + b"]" * depth)
        assert isinstance(answer(lambda one: asked_of(one, "PL"), value), list)
        assert isinstance(answer(lambda one: asked_of(one, "PL"), {"to": value, "text": "x"}), list)
