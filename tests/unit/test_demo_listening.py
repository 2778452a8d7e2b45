"""A spoken text is found in a recording, also one that lost packets; another text is not."""

import io
import math
import random
import sys
import wave
from array import array
from pathlib import Path

import pytest

from voip_sms.demo.listening import HEARD, likeness

SECOND = 50
"""Moments of 20 ms."""


def speech(seed: int, seconds: float = 3.0) -> list[float]:
    """The loudness of something like a text, word after word."""
    chance = random.Random(seed)
    moments: list[float] = []
    while len(moments) < seconds * SECOND:
        loud = chance.uniform(1000, 12000)
        moments += [loud * math.sin(math.pi * n / 12) for n in range(chance.randint(3, 12))]
        moments += [0.0] * chance.randint(1, 6)
    return moments[: int(seconds * SECOND)]


def sound(moments: list[float], rate: int = 8000) -> bytes:
    """It as a RIFF wave, hummed."""
    step = rate // SECOND
    samples = array("h", (int(loud * math.sin(n * 0.6)) for loud in moments for n in range(step)))
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(rate)
        made.writeframes(samples.tobytes())
    return file.getvalue()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "call.wav"


def test_it_is_found_between_others_at_another_rate(recording: Path) -> None:
    recording.write_bytes(sound(speech(1) + [0.0] * 40 + speech(2) + speech(3), rate=16000))
    for seed in (1, 2, 3):
        assert likeness(recording, sound(speech(seed))) > 0.98
    for seed in range(4, 40):
        assert likeness(recording, sound(speech(seed))) < HEARD


def test_lost_packets_are_forgiven(recording: Path) -> None:
    text = speech(1, 5)
    heard = [loud for place, loud in enumerate(text) if place not in {20, 21, 90, 91, 92, 93, 180, 181}]
    recording.write_bytes(sound([0.0] * 30 + heard + [0.0] * 20))
    assert likeness(recording, sound(text)) > HEARD


def test_half_of_it_is_not_it(recording: Path) -> None:
    text = speech(1, 4)
    recording.write_bytes(sound(text[: 2 * SECOND] + [0.0] * 3 * SECOND))
    assert likeness(recording, sound(text)) < HEARD


def test_silence_and_what_is_shorter_hold_nothing(recording: Path) -> None:
    recording.write_bytes(sound([0.0] * 5 * SECOND))
    assert likeness(recording, sound(speech(1))) == 0
    recording.write_bytes(sound(speech(1)[:-10]))
    assert likeness(recording, sound(speech(1))) == 0
