"""One channel as a machine sees it: what happens on it, one after the other, and what can be done."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from voip_sms.doors.ivr.events import Digit, Event, HungUp, Played, Prompt, TimedOut
from voip_sms.doors.ivr.player import Player
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.net.ari import Ari

log = structlog.get_logger(__name__)

EVENTS: Final = 64
"""That wait for their turn: keys pressed faster than anybody can. More keys are not heard; all else comes one
at a time, and a call would wait for ever for what was dropped."""
SHORTEST: Final = 0.04
"""Seconds of a key and of the pause after it, at least (ITU-T Q.24)."""


class Line:
    """`next` gives what happens; news of a prompt or a timer that was replaced is none."""

    def __init__(self, channel: str, ari: Ari, prompts: Prompts, new_id: Callable[[], str]) -> None:
        self.channel = channel
        self._events: asyncio.Queue[tuple[object, Event]] = asyncio.Queue()
        self._player = Player(ari, channel, prompts, new_id, self.put_for)
        self._timer: asyncio.TimerHandle | None = None
        self._last_key = 0.0
        self._gone = False

    # --- what the PBX tells -------------------------------------------------------------------------------

    def key(self, key: str, at: float, held: float) -> None:
        """A key that was let go `at` (seconds of the PBX's clock) after it was `held` for so many seconds.

        COMPAT Asterisk 22 tells of one press twice: to an application that is also subscribed to the
        endpoint, and of keys that follow within 45 ms, as a dialler's do. A key can't have been held for
        100 ms when the one before was let go 30 ms ago: what is told sooner than that is an echo. A clock
        that was set back in between says nothing.
        """
        if abs(at - self._last_key) >= max(held, SHORTEST):
            self._last_key = at
            self.put(Digit(key))

    def playback_ended(self, playback: str, *, ok: bool) -> None:
        """A sound has ended. One that ended with the call was not missing."""
        if not self._gone:
            self._player.finished(playback, ok=ok)

    def gone(self) -> None:
        """The caller hung up, or somebody else took the channel."""
        self._gone = True
        self.put(HungUp())

    # --- for the machine ----------------------------------------------------------------------------------

    def put(self, event: Event) -> None:
        """Something happened."""
        self.put_for(None, event)

    def put_for(self, cause: object, event: Event) -> None:
        """The same, of what was begun by `cause`: a turn of the player, or the timer."""
        if isinstance(event, Digit) and self._events.qsize() >= EVENTS:
            log.warning("ivr_key_dropped", channel=self.channel)
            return
        self._events.put_nowait((cause, event))

    async def next(self) -> Event:
        """What happened next."""
        while True:
            cause, event = await self._events.get()
            if not self._is_old(cause, event):
                return event

    async def play(self, prompts: Sequence[Prompt]) -> None:
        """Play these instead of what plays; Played follows."""
        await self._player.play(prompts)

    async def silence(self) -> None:
        """Stop what plays."""
        await self._player.silence()

    def wait(self, seconds: float) -> None:
        """TimedOut follows; 0: it doesn't. Replaces the timer before."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds > 0:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._ring)

    async def close(self) -> None:
        """Nothing happens any more."""
        self.wait(0)
        await self.silence()

    def _ring(self) -> None:
        self.put_for(self._timer, TimedOut())

    def _is_old(self, cause: object, event: Event) -> bool:
        if isinstance(event, Played):
            return cause != self._player.turn
        return isinstance(event, TimedOut) and cause is not self._timer
