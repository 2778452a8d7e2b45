"""What is made to be dear costs little: processor time, so that a busy machine makes no difference."""

import time

import pytest

from fuzz.edge import shared
from fuzz.hostile import hostile, streams
from voip_sms.wire.sip.framing import StreamFramer

SLOWEST = 0.1
"""Seconds of processor time."""
DATAGRAMS, STREAMS = hostile(), streams()
VOUCHED, UNKNOWN = b"\x00", b"\x02"


def seconds(octets: bytes) -> float:
    began = time.process_time()
    shared().play(octets)
    return time.process_time() - began


@pytest.mark.parametrize(("name", "octets"), DATAGRAMS, ids=[name for name, _ in DATAGRAMS])
def test_a_dear_datagram(name: str, octets: bytes) -> None:
    for standing in (VOUCHED, UNKNOWN):
        assert min(seconds(standing + octets) for _ in range(2)) < SLOWEST


@pytest.mark.parametrize(("name", "pieces"), STREAMS, ids=[name for name, _ in STREAMS])
def test_a_dear_stream(name: str, pieces: list[bytes]) -> None:
    began = time.process_time()
    framer = StreamFramer()
    for piece in pieces:
        for _ in framer.feed(piece):
            pass
    assert time.process_time() - began < SLOWEST
