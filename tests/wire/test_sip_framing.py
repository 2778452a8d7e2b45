"""A TCP stream cut into messages, however it arrives."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.sip.framing import MAX_SENSELESS, Broken, Event, Flawed, StreamFramer
from voip_sms.wire.sip.messages import MAX_BODY, MAX_HEAD, Request


def request(call: int, body: bytes = b"hello", length: str | None = None) -> bytes:
    head = (
        f"MESSAGE sip:601123456@sms.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{call}\r\n"
        f"From: <sip:101@sms.test>;tag=a\r\nTo: <sip:601123456@sms.test>\r\nCall-ID: {call}\r\nCSeq: 1 MESSAGE\r\n"
    )
    length = f"Content-Length: {len(body)}\r\n" if length is None else length
    return head.encode() + length.encode() + b"\r\n" + body


def calls(events: list[Event]) -> list[str]:
    return [e.headers.get("call-id") if isinstance(e, Request) else type(e).__name__ for e in events]


STREAM = request(1) + b"\r\n" + request(2, b"") + b"\r\n\r\n" + request(3, b"\r\n\r\n") + b"\r\n\r\n"
WANTED = ["1", "2", "Ping", "3", "Ping"]


def test_pipelined_messages_and_pings_come_out_in_order() -> None:
    assert calls(list(StreamFramer().feed(STREAM))) == WANTED


def test_one_octet_at_a_time() -> None:
    framer = StreamFramer()
    assert calls([e for octet in STREAM for e in framer.feed(bytes([octet]))]) == WANTED
    assert not framer.partial


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    framer = StreamFramer()
    edges = [0, *sorted(cuts), len(STREAM)]
    events = [e for a, b in itertools.pairwise(edges) for e in framer.feed(STREAM[a:b])]
    assert calls(events) == WANTED


def test_partial_tells_an_unfinished_message() -> None:
    framer = StreamFramer()
    assert list(framer.feed(request(1)[:-2])) == []
    assert framer.partial


@pytest.mark.parametrize(
    "length",
    [
        "",
        "Content-Length: -1\r\n",
        "Content-Length: 5\r\nl: 6\r\n",
        "Content-Length: x\r\n",
        f"Content-Length: {MAX_BODY + 1}\r\n",
    ],
)
def test_a_stream_without_a_usable_length_ends_after_an_answerable_error(length: str) -> None:
    framer = StreamFramer()
    events = list(framer.feed(request(1) + request(9, length=length) + request(2)))
    assert calls(events) == ["1", "Broken"]
    assert isinstance(events[1], Broken)
    assert events[1].error.request is not None
    assert events[1].error.request.headers.get("call-id") == "9"
    assert list(framer.feed(request(3))) == []


def test_spaces_before_the_colon_of_content_length() -> None:
    assert calls(list(StreamFramer().feed(request(1, length="Content-Length :   5\r\n") + request(2)))) == [
        "1",
        "2",
    ]


def test_a_flawed_message_leaves_the_stream_usable() -> None:
    flawed = request(7).replace(b"MESSAGE sip:601123456@sms.test SIP/2.0", b"MESSAGE sip:x@y; lr SIP/2.0")
    events = list(StreamFramer().feed(flawed + request(2)))
    assert calls(events) == ["Flawed", "2"]
    assert isinstance(events[0], Flawed)


def test_endless_headers_are_cut_off() -> None:
    framer = StreamFramer()
    events: list[Event] = []
    for _ in range(MAX_HEAD // 1000 + 2):
        events += framer.feed(b"X" * 1000)
    assert calls(events) == ["Broken"]


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_no_octets_crash_the_framer(pieces: list[bytes]) -> None:
    framer = StreamFramer()
    for piece in pieces:
        list(framer.feed(piece))
    list(framer.feed(STREAM))


def test_many_pings_at_once_are_one() -> None:
    framer = StreamFramer()
    assert calls(list(framer.feed(b"\r\n" * 1001 + request(1)))) == ["Ping", "1"]
    assert calls(list(framer.feed(b"\r\n\r\n"))) == ["Ping"], "the odd one before the request was none"


def test_senseless_responses_are_dropped_and_too_many_end_the_stream() -> None:
    senseless = b"SIP/2.0 9999 x\r\nContent-Length: 0\r\n\r\n"
    framer = StreamFramer()
    assert calls(list(framer.feed(senseless * MAX_SENSELESS + request(1)))) == ["1"]
    (broken,) = framer.feed(senseless + request(2))
    assert isinstance(broken, Broken)
    assert broken.error.request is None, "a response is never answered"
