"""Plays prompts on one call, one after the other, and stops at once when a key comes."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Literal

import structlog

from voip_sms.doors.ivr.events import Played, Prompt
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.doors.ivr.speech import SpeechError
from voip_sms.net.ari import Ari, AriError

log = structlog.get_logger(__name__)

LONGEST: Final = 300.0
"""Seconds that one sound may last: the longest text takes four minutes. After that its end got lost."""


class Player:
    """Of one channel. One sound at a time: of a list, Asterisk tells only how the last one ended."""

    def __init__(
        self,
        ari: Ari,
        channel: str,
        prompts: Prompts,
        new_id: Callable[[], str],
        ended: Callable[[int, Played], None],
    ) -> None:
        """`ended` hears of each `play` that was not cut off, with the `turn` that it was."""
        self.turn = 0
        """Counts what was begun and cut off: an end of an earlier turn is no news."""
        self._ari = ari
        self._channel = channel
        self._prompts = prompts
        self._new_id = new_id
        self._ended = ended
        self._task: asyncio.Task[None] | None = None
        self._sounding: _Sounding | None = None

    async def play(self, prompts: Sequence[Prompt]) -> None:
        """Begin, after stopping what plays."""
        await self.silence()
        self._task = asyncio.create_task(self._play(prompts, self.turn))

    async def silence(self) -> None:
        """Stop what plays; nobody hears of its end."""
        self.turn += 1
        task = self._task
        if task is None:
            return
        if self._sounding is None:
            task.cancel()  # a text is being spoken, or it is over
        else:
            self._sounding.stop()  # a request is under way: it ends in order, or the sound would begin later
        await asyncio.wait((task,))  # whoever is cancelled here is, and may come back to wait for the end
        self._task = None

    def finished(self, playback: str, *, ok: bool) -> None:
        """The PBX says that this playback ended."""
        if self._sounding is not None and self._sounding.id == playback:
            self._sounding.end("done" if ok else "failed")

    async def _play(self, prompts: Sequence[Prompt], turn: int) -> None:
        ok = True
        for prompt in prompts:
            ok = await self._one(prompt, turn)
            if not ok:
                break
        if turn == self.turn:
            self._ended(turn, Played(ok))

    async def _one(self, prompt: Prompt, turn: int) -> bool:
        """Whether all of it was played."""
        try:
            for medium in await self._prompts.media(prompt):
                if turn != self.turn or await self._sound(medium) != "done":
                    return False
        except SpeechError as error:
            log.warning("ivr_not_spoken", channel=self._channel, reason=str(error))
            return False
        except AriError as error:
            log.info("ivr_not_played", channel=self._channel, reason=str(error))
            return False
        except Exception:  # a fault of ours: the flow goes on as if a sound were missing, and doesn't wait
            log.exception("ivr_player_failed", channel=self._channel)
            return False
        return True

    async def _sound(self, medium: str) -> "_End":
        sounding = self._sounding = _Sounding(self._new_id())
        try:
            await self._ari.call(
                "POST", "channels", self._channel, "play", sounding.id, params={"media": medium}
            )
            end = await sounding.over()
            if end == "stopped":
                with suppress(AriError):  # it may have ended just now
                    await self._ari.delete("playbacks", sounding.id)
            elif end == "failed":
                log.warning("ivr_sound_failed", channel=self._channel, sound=medium)
            return end
        finally:
            self._sounding = None


_End = Literal["done", "failed", "stopped"]


class _Sounding:
    """One playback at the PBX; the first of its ends counts."""

    def __init__(self, name: str) -> None:
        self.id = name
        self._end: asyncio.Future[_End] = asyncio.get_running_loop().create_future()

    def stop(self) -> None:
        self.end("stopped")

    def end(self, how: _End) -> None:
        if not self._end.done():
            self._end.set_result(how)

    async def over(self) -> _End:
        try:
            async with asyncio.timeout(LONGEST):
                return await self._end
        except TimeoutError:
            return "failed"
