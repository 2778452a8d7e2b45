"""Speaks texts: a program such as espeak-ng, and sox, make a sound that every telephone line carries."""

import io
import os
import re
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Final, Protocol

RATE: Final = 8000
"""Samples a second, 16 bits, one channel: what Asterisk's `sound:` of a plain .wav is."""
TEXT_MOST: Final = 3000
"""Characters: more than anybody listens to; half a minute of work for nothing otherwise."""
SECONDS: Final = 15.0
"""For one program: a long text takes half a second on a busy machine."""
_REASON: Final = 200


class SpeechError(Exception):
    """The text could not be spoken; the text says what to install or to set."""


class Speech(Protocol):
    """Makes sounds of texts. Both calls block; call them from a thread."""

    @property
    def voice(self) -> str:
        """What the same text sounds the same with: another voice, another sound."""
        ...

    def speak(self, text: str, language: str) -> bytes:
        """A RIFF wave, 8 kHz, 16 bits, mono. SpeechError."""
        ...


class SpokenBy:
    """`Speech` by a program that takes `-v LANGUAGE -w FILE` and the text on its input, as espeak-ng does."""

    def __init__(self, program: str, sox: str) -> None:
        self._program = program
        self._sox = sox

    @property
    def voice(self) -> str:
        """The program."""
        return self._program

    def speak(self, text: str, language: str) -> bytes:
        """What `Speech` says."""
        said = re.sub(r"\[(?=\[)", "[ ", text[:TEXT_MOST])  # espeak-ng reads phonemes between [[ and ]]
        try:
            with tempfile.TemporaryDirectory(prefix="voip-sms-") as folder:
                return self._spoken(said, language, Path(folder))
        except OSError as error:
            raise SpeechError(f"no room to work in ({tempfile.gettempdir()}): {error.strerror}") from None

    def _spoken(self, said: str, language: str, folder: Path) -> bytes:
        raw, made = folder / "raw.wav", folder / "made.wav"
        _run([self._found(self._program), "-v", language, "-w", str(raw)], said)
        small = ["-r", str(RATE), "-c", "1", "-b", "16", str(made)]
        _run([self._found(self._sox), "-V1", str(raw), *small])
        return _checked(made, language)

    @staticmethod
    def _found(program: str) -> str:
        found = shutil.which(program)
        if found is None:
            name = Path(program).name
            raise SpeechError(
                f"{program} is not here: apt-get install {name}, or name another in section [ivr]"
            )
        return found


class Speechless:
    """No program is set: only sounds that the PBX has can be played."""

    voice = ""

    def speak(self, text: str, language: str) -> bytes:
        """SpeechError."""
        del text, language
        raise SpeechError("no texts can be spoken: ivr.speech is empty; set it, or use `sound`")


def _run(command: list[str], text: str = "") -> None:
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603 - the operator's program; a customer's text is only its input
            command,
            input=text.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired:
        raise SpeechError(f"{name} took more than {SECONDS:g} s") from None
    except OSError as error:
        raise SpeechError(f"{name} can't be run: {error.strerror}") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())[:_REASON]
        raise SpeechError(f"{name} failed: {said or done.returncode}")


def _checked(made: Path, language: str) -> bytes:
    """The file, if it is a sound at all: some programs fail with exit code 0."""
    try:
        octets = made.read_bytes()
        with wave.open(io.BytesIO(octets)) as sound:
            good = sound.getframerate() == RATE and sound.getnchannels() == 1 and sound.getnframes() > 0
    except (OSError, EOFError, wave.Error):
        good = False
    if not good:
        raise SpeechError(f"no sound came of it: is there a voice for {language!r}?")
    return octets
