"""The stream cutter: any cut of the stream gives the same PDUs, a bad length ends it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.smpp import Framer, FramingError


def frame(body):
    return struct.pack(">IIII", 16 + len(body), 4, 0, 1) + body


@given(st.lists(st.binary(max_size=60).map(frame), max_size=6), st.lists(st.integers(1, 40), max_size=12))
def test_any_cut_gives_the_same_pdus(frames, cuts):
    stream, framer, found = b"".join(frames), Framer(), []
    for cut in cuts:
        found += framer.feed(stream[:cut])
        stream = stream[cut:]
    found += framer.feed(stream)
    assert found == frames
    assert framer.buffered == 0


@pytest.mark.parametrize("length", [0, 15, 70_000, 0xFFFFFFFF])
def test_a_bad_length_is_fatal_and_gives_back_what_came_before(length):
    framer = Framer()
    with pytest.raises(FramingError) as caught:
        framer.feed(frame(b"ok") + struct.pack(">I", length) + b"rest")
    assert caught.value.frames == (frame(b"ok"),)
    assert caught.value.length == length
    with pytest.raises(FramingError):
        framer.feed(frame(b"later"))


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_garbage_never_does_worse_than_a_framing_error(chunks):
    framer = Framer(max_length=64)
    try:
        for chunk in chunks:
            assert all(16 <= len(found) <= 64 for found in framer.feed(chunk))
            assert framer.buffered < 64
    except FramingError:
        pass
