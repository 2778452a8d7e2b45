"""Tells whether a spoken text is heard in the recording of a call, by its loudness from moment to moment."""

import io
import math
import sys
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Final

MOMENTS: Final = 50
"""A second: 20 ms, what one packet of a call holds."""
PIECE: Final = 75
"""Moments that are looked for as one: shorter ones are found in any text."""
DRIFT: Final = 10
"""Moments by which a piece may come early or late: on a busy machine packets are lost, or come too late."""
HEARD: Final = 0.75
"""So alike are a text and its recording at least; other texts of a flow stay below 0.6."""


def likeness(recording: Path, spoken: bytes) -> float:
    """How alike a WAV file's best stretch is to a whole spoken text (RIFF wave): 0 not at all, 1 the same."""
    heard, wanted = _loudness(recording.read_bytes()), _loudness(spoken)
    count = max(1, len(wanted) // PIECE)
    size = len(wanted) // count
    fits = [_fits(wanted[start : start + size], heard) for start in range(0, count * size, size)]
    return max(
        (_together(fits, size, start) for start in range(len(heard) - len(wanted) + 1)),
        default=0.0,
    )


def _fits(piece: Sequence[float], heard: Sequence[float]) -> Sequence[float]:
    """How alike they are (Pearson's correlation) for each moment that the piece may begin at."""
    shape = _centred(piece)
    return [
        sum(a * b for a, b in zip(shape, _centred(heard[start : start + len(shape)]), strict=True))
        for start in range(len(heard) - len(shape) + 1)
    ]


def _together(fits: Sequence[Sequence[float]], size: int, start: int) -> float:
    """The mean of all pieces, one behind the other from `start`, each where it fits best nearby."""
    places = (start + size * number for number in range(len(fits)))
    found = (
        max(fit[max(0, place - DRIFT) : place + DRIFT + 1]) for fit, place in zip(fits, places, strict=True)
    )
    return sum(found) / len(fits)


def _loudness(octets: bytes) -> Sequence[float]:
    """Root mean square of each moment."""
    with wave.open(io.BytesIO(octets)) as sound:
        rate, samples = sound.getframerate(), array("h", sound.readframes(sound.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    step = rate // MOMENTS
    return [
        math.sqrt(sum(value * value for value in samples[start : start + step]) / step)
        for start in range(0, len(samples) - step + 1, step)
    ]


def _centred(values: Sequence[float]) -> Sequence[float]:
    """Without its mean, and of length 1."""
    mean = sum(values) / len(values)
    about = [value - mean for value in values]
    length = math.sqrt(sum(value * value for value in about))
    return [value / length for value in about] if length else about
