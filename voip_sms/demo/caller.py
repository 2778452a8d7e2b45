"""Somebody who calls a flow on the Asterisk: listens, presses keys, and remembers what was said."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from voip_sms.demo.asterisk import Asterisk
from voip_sms.demo.call import Call
from voip_sms.demo.clients import until
from voip_sms.demo.listening import likeness

PLAYED: Final = re.compile(r"Playing '(/[^']+)")
"""Asterisk's own word for each sound that it begins."""
SAME: Final = 0.99
"""So alike are two sounds of one text; sox makes each with a little noise of its own."""


class Caller:
    """One call that was answered; what was `heard` is told when it is over."""

    def __init__(self, call: Call, asterisk: Asterisk, since: int, speak: Callable[[str], bytes]) -> None:
        """`since`: how long Asterisk's log was before; `speak` makes the sound of a text."""
        self._call = call
        self._asterisk = asterisk
        self._since = since
        self._speak = speak

    async def hears_anything(self) -> None:
        """Until Asterisk begins to play something."""
        await until(self._anything, "Asterisk played nothing")

    async def hears(self, text: str) -> None:
        """Until Asterisk begins to play this text."""
        wanted = await asyncio.to_thread(self._speak, text)
        others: set[Path] = set()

        async def plays() -> bool:
            new = [sound for sound in self._played() if sound not in others]
            others.update(new)
            return any(likeness(sound, wanted) > SAME for sound in new)

        await until(plays, f"Asterisk never played «{text}»")

    async def press(self, keys: str) -> None:
        """As a person does; what plays is interrupted."""
        await self._call.press(keys)

    def heard(self, text: str) -> float:
        """How well the recording has this text, 0 to 1; HEARD is enough."""
        return likeness(self._call.recording, self._speak(text))

    async def _anything(self) -> bool:
        return bool(self._played())

    def _played(self) -> list[Path]:
        names = PLAYED.findall(self._asterisk.log_text()[self._since :])
        return [path for name in names if (path := Path(name).with_suffix(".wav")).exists()]
