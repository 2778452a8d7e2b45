"""A call on the PJSIP phone: keys to press, what was heard, and how it ended."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from voip_sms.demo.recorder import Recorder

# Rung and answered within a second by a PBX here; this is for a busy two-core machine.
UP = 20.0
# RFC 3261 timer B: an INVITE without an answer ends after 32 s.
OVER = 40.0


class CallState(NamedTuple):
    """`state`: ringing, up or over; `status` and `reason` are those of the last SIP answer."""

    state: str
    status: int
    reason: str


class CallEndedError(Exception):
    """It was refused, or ended before it was answered; `args[0]` tells the status."""


class Call:
    """One call of one phone. Every wait is bounded."""

    def __init__(self, name: str, recording: Path, do: Callable[..., Awaitable[None]]) -> None:
        """`do` hands a command to the phone's process."""
        self.name = name
        self.caller = ""  # the other end's URI, from the first event on
        self.recording = recording  # WAV, 16 bits, mono; whole once the call is over
        self.states: Recorder[CallState] = Recorder()
        self._do = do

    async def up(self, within: float = UP) -> None:
        """Wait until it is answered; CallEndedError if it ends before."""
        now = await self.states.first(lambda one: one.state in ("up", "over"), within)
        if now.state == "over":
            raise CallEndedError(f"{now.status} {now.reason}")

    async def press(self, digits: str) -> None:
        """Press keys one after another (0-9, *, #), each for a tenth of a second, as RFC 4733 events."""
        await self._do("press", id=self.name, digits=digits)

    async def hang_up(self) -> None:
        await self._do("hang_up", id=self.name)
        await self.over()

    async def over(self, within: float = OVER) -> CallState:
        """Wait until it is over; status 200 when it was answered once, else why it was not."""
        return await self.states.first(lambda one: one.state == "over", within)
