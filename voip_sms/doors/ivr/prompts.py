"""What callers hear: each prompt as sounds that the PBX can play, spoken once and kept while in use."""

import asyncio
import hashlib
import hmac
import os
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from voip_sms.doors.ivr.events import Digits, Number, Prompt, Say, Sound
from voip_sms.doors.ivr.speech import Speech, SpeechError

KEPT: Final = 2000
"""Sounds in the folder: those of two hundred flows; 16 kB a second of speech, so some 100 MB."""
UNUSED: Final = 24 * 3600.0
"""Seconds after which a sound that nobody heard goes: it may be a text with a number of somebody's in it."""
AT_ONCE: Final = 2
"""Programs that speak at one time: more would take the machine from the messages."""
NAME: Final = re.compile(r"[0-9a-f]{32}\.wav", re.ASCII)
_KEYS: Final = {"pl": {"*": "gwiazdka", "#": "krzyżyk"}, "en": {"*": "star", "#": "hash"}}


class Prompts:
    """One per process; `close` it. `folder` is made when the first text is spoken."""

    def __init__(self, speech: Speech, folder: Path, url: str, key: bytes) -> None:
        """`url`: of the folder, as the PBX reaches it, "" if it reads the folder itself.

        `key`: 32 secret octets, so that nobody tells from a name what was said.
        """
        self._speech = speech
        self._folder = folder
        self._url = url
        self._key = key
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ivr-speech")

    async def media(self, prompt: Prompt) -> Sequence[str]:
        """What to play for it, one after the other, as Asterisk's media URIs. SpeechError."""
        if isinstance(prompt, Sound):
            return (f"sound:{prompt.name}",)
        return [await self._spoken(text, prompt.language) for text in _texts(prompt)]

    async def prepare(self, prompts: Iterable[Prompt]) -> None:
        """Speak them now, so that no caller waits for it. SpeechError."""
        for prompt in prompts:
            await self.media(prompt)

    async def read(self, name: str) -> bytes | None:
        """The sound that a PBX on another host asks for by its name; None if there is none."""
        if not NAME.fullmatch(name):
            return None
        path = self._folder / name
        try:
            return await asyncio.to_thread(path.read_bytes)  # not behind what is still being spoken
        except OSError:
            return None

    async def tidy(self) -> None:
        """Take away what nobody used for a day, and the oldest beyond KEPT."""
        await asyncio.get_running_loop().run_in_executor(self._threads, _tidy, self._folder, time.time())

    def close(self) -> None:
        """Speak no more; what is being spoken ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _spoken(self, text: str, language: str) -> str:
        path = self._folder / f"{self._name(text, language)}.wav"
        try:
            os.utime(path)  # used today
        except OSError:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._make, path, text, language)
        return f"sound:{self._url}/{path.name}" if self._url else f"sound:{path.with_suffix('')}"

    def _name(self, text: str, language: str) -> str:
        what = f"{self._speech.voice}\0{language}\0{text}".encode()
        return hmac.new(self._key, what, hashlib.sha256).hexdigest()[:32]

    def _make(self, path: Path, text: str, language: str) -> None:
        """Written beside and renamed: a PBX never reads half a sound."""
        octets = self._speech.speak(text, language)
        beside = path.with_suffix(f".{os.getpid()}-{id(octets):x}")
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                self._folder.chmod(0o755)  # the PBX is another user, whatever our umask is
            beside.write_bytes(octets)
            beside.chmod(0o644)
            beside.replace(path)
        except OSError as error:
            raise SpeechError(
                f"{self._folder}: {error.strerror}; set ivr.prompts to a folder of ours"
            ) from None


def _texts(prompt: Say | Digits | Number) -> Sequence[str]:
    """What is spoken: digits one by one from sounds of their own, so that no number lies there as a whole."""
    match prompt:
        case Say():
            return (prompt.text,)
        case Number():
            return (str(prompt.value),)
        case Digits():
            words = _KEYS.get(prompt.language, _KEYS["en"])
            return [words.get(digit, digit) for digit in prompt.text]


def _tidy(folder: Path, now: float) -> None:
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            if NAME.fullmatch(f"{path.stem}.wav"):  # ours, or the beginning of one that was never finished
                with suppress(OSError):
                    found.append((path.stat().st_mtime, path))
    found.sort(reverse=True)
    for place, (used, path) in enumerate(found):
        if place >= KEPT or now - used > UNUSED:
            with suppress(OSError):
                path.unlink()
