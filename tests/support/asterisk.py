"""The Asterisk that a file of tests shares, the phones on it, and what a recording of a call holds."""

import math
import re
import sys
import wave
from array import array
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from support import peers
from voip_sms.demo.asterisk import Asterisk
from voip_sms.demo.phone import Phone

DIALPLAN: Final = Path(__file__).parents[2] / "dialplan"
KEY: Final = "test-key-pbx-0123456789abcdef"
# Of an 8 kHz recording: 20 ms, so that a tone and the pause after it are told apart.
_WINDOW: Final = 160
# The share of a window's power that a tone has when it is all that sounds.
_PURE: Final = 0.8
# Below this mean square, of 32767 at most, it is silence.
_LOUD: Final = 200.0**2


@contextmanager
def running_asterisk(
    dialplan: str, phones: tuple[str, ...] = ("101", "102", "103"), files: dict[str, str] | None = None
) -> Iterator[Asterisk]:
    """One Asterisk for as long as the block lasts; the test is skipped where there is none."""
    peers.need("asterisk")
    with Asterisk(dialplan, phones, files) as asterisk:
        yield asterisk


def shipped(*names: str) -> str:
    """Lines that include files of `dialplan/`, as an operator's extensions.conf does."""
    return "".join(f'#include "{DIALPLAN / name}"\n' for name in names)


def settings_for(port: int, **changes: str) -> dict[str, str]:
    """The shipped settings file for a service at this port of 127.0.0.1."""
    text = (DIALPLAN / "voip-sms-settings.conf").read_text(encoding="utf-8")
    for name, value in {"url": f"http://127.0.0.1:{port}", "key": KEY, **changes}.items():
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert count == 1, name
    return {"voip-sms-settings.conf": text}


@asynccontextmanager
async def phone_on(asterisk: Asterisk, user: str, transport: str = "udp") -> AsyncIterator[Phone]:
    """A PJSIP phone that has registered there, and loses its power in the end: a goodbye takes it a second."""
    peers.need("pjsua2")
    phone = await Phone(asterisk.account(user, transport)).start()
    try:
        answer = await phone.register()
        assert answer.status == 200, answer
        yield phone
    finally:
        await phone.kill()


def write_tone(path: Path, hertz: int, seconds: float = 0.5) -> None:
    """A sound for Asterisk that a test can recognise: 8 kHz, mono, 16 bits."""
    samples = array(
        "h", (int(12000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(int(8000 * seconds)))
    )
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())


def seconds_of_tone(recording: Path, hertz: int) -> float:
    """How long a tone of this frequency, and nothing else, is heard in a WAV file."""
    rate, samples = _samples(recording)
    step = _WINDOW * rate // 8000
    windows = (samples[start : start + step] for start in range(0, len(samples) - step, step))
    return sum(_is_tone(window, hertz, rate) for window in windows) * step / rate


def seconds_of_sound(recording: Path) -> float:
    """How long anything at all is heard in a WAV file."""
    rate, samples = _samples(recording)
    step = _WINDOW * rate // 8000
    windows = (samples[start : start + step] for start in range(0, len(samples) - step, step))
    return sum(_power(window) > _LOUD for window in windows) * step / rate


def _samples(recording: Path) -> tuple[int, Sequence[int]]:
    with wave.open(str(recording), "rb") as file:
        rate, octets = file.getframerate(), file.readframes(file.getnframes())
    samples = array("h", octets)
    if sys.byteorder == "big":
        samples.byteswap()
    return rate, samples


def _power(window: Sequence[int]) -> float:
    return sum(value * value for value in window) / len(window)


def _is_tone(window: Sequence[int], hertz: int, rate: int) -> bool:
    """Goertzel's filter: the power at one frequency against that of all."""
    whole = _power(window)
    if whole < _LOUD:
        return False
    angle = 2 * math.pi * hertz / rate
    real = sum(value * math.cos(angle * n) for n, value in enumerate(window))
    imaginary = sum(value * math.sin(angle * n) for n, value in enumerate(window))
    return 2 * (real * real + imaginary * imaginary) / len(window) ** 2 > _PURE * whole
