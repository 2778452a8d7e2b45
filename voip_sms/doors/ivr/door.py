"""The IVR door: calls that the dialplan puts into Stasis go through a flow, and nobody is left in silence."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from voip_sms.core.directory import Account, Identity
from voip_sms.doors.ivr import channels
from voip_sms.doors.ivr.events import Call
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.line import Line
from voip_sms.doors.ivr.machine import Machine
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.doors.ivr.runner import Engine, Runner, Visit
from voip_sms.doors.ivr.shelf import HasSound, Shelf
from voip_sms.doors.ivr.steps import SendSms
from voip_sms.net.ari import Ari, AriError, AriEvents

log = structlog.get_logger(__name__)

FLOW: Final = "flow"
"""The first argument of Stasis(): what is wanted of us; the second is the flow's name."""
CALLER: Final = "caller"
"""The argument `caller=number` takes the place of the number that the channel shows."""
GRACE: Final = 0.5
"""Seconds that a channel which the PBX lists as ours may be without a StasisStart: it is on its way."""
LOOK_AGAIN: Final = 1.0
"""Seconds before orphans are looked for again, if the PBX didn't say: they sit in silence."""
FAREWELL: Final = 4.0
"""Seconds of a stop in which calls may end by themselves: for a last sentence, and an SMS being stored."""
LAST_WORDS: Final = 2.0
"""Seconds of a stop that are kept for handing calls back."""


@dataclass(frozen=True, slots=True)
class Ids:
    """Chance, passed in: names of playbacks, which nobody else at the PBX may guess, and of pauses."""

    new: Callable[[], str]
    random: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Held:
    """A call that is with us."""

    line: Line
    task: asyncio.Task[None]


class IvrDoor:
    """`start` listens to the PBX; `stop` hands its calls back."""

    def __init__(
        self,
        ari: Ari,
        shelf: Callable[[HasSound], Shelf],
        prompts: Prompts,
        engine: Engine,
        *,
        most: int,
        ids: Ids,
    ) -> None:
        """`shelf` makes the one of this door; `most` calls at a time."""
        self._ari = ari
        self._shelf = shelf(self._has_sound)
        self._prompts = prompts
        self._engine = engine
        self._most = most
        self._ids = ids
        self._events = AriEvents(
            ari, hear=self._hear, opened=self._opened, lost=self._lost, random=ids.random
        )
        self._calls: dict[str, _Held] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._running: list[asyncio.Task[None]] = []
        self._stopping = False

    @property
    def calls(self) -> int:
        """Calls that are in flows now."""
        return len(self._calls)

    @property
    def connected(self) -> bool:
        """Whether calls come in."""
        return self._events.connected

    # --- from the start to the end of the door ------------------------------------------------------------

    async def start(self) -> None:
        """Begin; returns at once. Calls come in when the flows are read and their texts spoken."""
        self._running = [asyncio.create_task(self._run()), asyncio.create_task(self._shelf.watch())]

    async def _run(self) -> None:
        await self._shelf.read()
        await self._events.run()

    async def stop(self, drain: float) -> None:
        """No new calls; those that end within `drain` seconds do, the others go on in the dialplan."""
        running, self._running = self._running, []
        if not running:
            return
        self._stopping = True
        under_way = [*(held.task for held in self._calls.values()), *self._beside]
        if under_way:
            await asyncio.wait(under_way, timeout=min(FAREWELL, max(0.0, drain - LAST_WORDS)))
        await self._hand_all_back()
        await _end(running)
        await _end(self._beside)
        self._prompts.close()

    async def _hand_all_back(self) -> None:
        left = dict(self._calls)
        await _end(held.task for held in left.values())
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await asyncio.gather(*(self._give_up(channel, "stopped") for channel in left))

    async def _opened(self) -> None:
        """We are connected: first those who wait in silence, then whether the PBX still has all sounds."""
        while True:
            try:
                await self._free_orphans()
                break
            except AriError as error:
                log.warning("ivr_orphans_unknown", reason=str(error))
                await asyncio.sleep(LOOK_AGAIN)
        await self._shelf.read()

    async def _has_sound(self, name: str) -> bool:
        """While we aren't connected nobody can say, and nobody can come in either."""
        return not self.connected or await channels.has_sound(self._ari, name)

    async def _free_orphans(self) -> None:
        """Calls that were in a flow when we, or the connection, went away. AriError."""
        if not self._strangers(await channels.ours(self._ari)):
            return
        await asyncio.sleep(GRACE)
        orphans = self._strangers(await channels.ours(self._ari))
        if orphans:
            log.warning("ivr_orphans", channels=orphans)
        await asyncio.gather(*(self._give_up(channel, "lost") for channel in orphans))

    def _strangers(self, listed: Iterable[str]) -> list[str]:
        return [channel for channel in listed if channel not in self._calls]

    def _lost(self) -> None:
        """What happens to calls now, nobody tells us: they are orphans, and freed when we are back."""
        for held in self._calls.values():
            held.task.cancel()
        self._calls.clear()

    async def _give_up(self, channel: str, reason: str) -> None:
        await channels.give_up(self._ari, channel, reason)

    # --- what the PBX tells -------------------------------------------------------------------------------

    def _hear(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "StasisStart":
                self._enter(event)
            case "ChannelDtmfReceived":
                if held := self._calls.get(event["channel"]["id"]):
                    at = datetime.fromisoformat(event["timestamp"]).timestamp()
                    held.line.key(event["digit"], at, event["duration_ms"] / 1000)
            case "PlaybackFinished":
                playback = event["playback"]
                if held := self._calls.get(playback["target_uri"].removeprefix("channel:")):
                    held.line.playback_ended(playback["id"], ok=playback["state"] == "done")
            case "ChannelHangupRequest" | "StasisEnd" | "ChannelDestroyed":
                if held := self._calls.get(event["channel"]["id"]):
                    held.line.gone()

    def _enter(self, event: dict[str, Any]) -> None:
        channel, args = event["channel"]["id"], event.get("args", [])
        if reason := self._not_now(args):
            log.warning("ivr_call_not_taken", channel=channel, reason=reason)
            self._spawn(self._give_up(channel, reason))
            return
        line = Line(channel, self._ari, self._prompts, self._ids.new)
        held = _Held(line, asyncio.create_task(self._call(event, line)))
        self._calls[channel] = held
        held.task.add_done_callback(lambda _: self._forget(channel, held))

    def _not_now(self, args: list[str]) -> str:
        if self._stopping:
            return "stopped"
        if len(self._calls) >= self._most:
            return "busy"
        return "" if args[:1] == [FLOW] and len(args) > 1 else "unknown"

    def _forget(self, channel: str, held: _Held) -> None:
        """The channel may be in a flow anew by now: the dialplan came to another Stasis()."""
        if self._calls.get(channel) is held:
            del self._calls[channel]

    # --- one call -----------------------------------------------------------------------------------------

    async def _call(self, event: dict[str, Any], line: Line) -> None:
        channel, name = event["channel"]["id"], event["args"][1]
        flow = self._shelf.get(name)
        account = self._account(flow) if flow is not None else None
        if flow is None or account is None:
            reason = "unknown" if flow is None else "off"
            log.error("ivr_no_flow", channel=channel, flow=name, reason=reason)
            await self._give_up(channel, reason)
            return
        ending = "lost"
        try:
            ending = await self._through(flow, account, event, line)
        except Exception:  # a fault of ours: the caller must not hear silence for it
            log.exception("ivr_call_failed", channel=channel, flow=flow.name)
            ending = await self._failed(channel)
        finally:
            self._engine.metrics.called(flow.name, ending)
            log.info("ivr_call_ended", channel=channel, flow=flow.name, ending=ending)

    def _account(self, flow: Flow) -> Account | None:
        """Who sends; a flow that sends nothing needs no identity."""
        sends = any(isinstance(step, SendSms) for step in flow.steps.values())
        identity = flow.identity if sends else flow.identity or Identity("default")
        return self._engine.calling.account(flow.tenant, flow.name, identity)

    async def _through(self, flow: Flow, account: Account, event: dict[str, Any], line: Line) -> str:
        channel = event["channel"]
        try:
            passed = await channels.passed(self._ari, channel["id"], flow.expects)
            if channel["state"] != "Up":
                await channels.answer(self._ari, channel["id"])
        except AriError as error:
            log.warning("ivr_call_not_taken", channel=channel["id"], reason=str(error))
            return await self._failed(channel["id"])
        call = _call_of(channel, event["args"][2:], passed)
        machine = Machine(flow, call, lambda: self._engine.now(account), self._engine.mobile)
        visit = Visit(flow, account, call, machine, _id_of(event))
        return await Runner(visit, line, self._ari, self._engine, self._spawn).run()

    async def _failed(self, channel: str) -> str:
        await self._give_up(channel, "fault")
        return "failed"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside the calls: what must end even if its call has."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _call_of(channel: dict[str, Any], args: list[str], passed: dict[str, str]) -> Call:
    given = dict(arg.split("=", 1) for arg in args if "=" in arg)
    caller = given.pop(CALLER, channel["caller"]["number"])
    return Call(channel["id"], caller, channel["dialplan"]["exten"], {**passed, **given})


def _id_of(event: dict[str, Any]) -> str:
    """The PBX, its name for the channel, and when that was made: one that restarts may give a name again."""
    channel = event["channel"]
    return f"{event.get('asterisk_id', '')}/{channel['id']}/{channel['creationtime']}"


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
