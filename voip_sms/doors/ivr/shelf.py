"""The flows in force: read from their folder, again when it changes, and taken when they can be heard."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from voip_sms.doors.ivr.events import Digits, Say
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.doors.ivr.reading import SUFFIXES, read_flows
from voip_sms.doors.ivr.speech import SpeechError

log = structlog.get_logger(__name__)

LOOK: Final = 2.0
"""Seconds between looks at the folder: who saves a flow tries it at once."""
AGAIN: Final = 60.0
"""Seconds before flows that could not be heard are tried again: a voice or a sound may be there by now."""
TIDY: Final = 3600.0
"""Seconds between turns of tidying the spoken texts."""
ALL_KEYS: Final = "0123456789*#"

HasSound = Callable[[str], Awaitable[bool]]
"""Whether the PBX has a sound of this name."""
_Signature = tuple[tuple[str, int, int, int], ...]


class Shelf:
    """`watch` it as a task. Of a file that is wrong, the flow that was read before stays in force."""

    def __init__(self, folder: Path, country: str, prompts: Prompts, has_sound: HasSound) -> None:
        self._folder = folder
        self._country = country
        self._prompts = prompts
        self._has_sound = has_sound
        self._flows: Mapping[str, Flow] = {}
        self._seen: _Signature | None = None
        self._reading = asyncio.Lock()
        self._again_at = math.inf
        self.problems: Sequence[str] = ()
        """What is wrong now, each with file, line, step and reason."""

    def get(self, name: str) -> Flow | None:
        """The flow of this name."""
        return self._flows.get(name)

    def __len__(self) -> int:
        return len(self._flows)

    async def watch(self) -> None:
        """Look for changes after the first `read`, until cancelled."""
        loop = asyncio.get_running_loop()
        tidy_at = 0.0
        while True:
            await asyncio.sleep(LOOK)
            changed = await loop.run_in_executor(None, _signature, self._folder) != self._seen
            if changed or loop.time() >= self._again_at:
                await self.read()
            if loop.time() >= tidy_at:
                await self._prompts.tidy()
                tidy_at = loop.time() + TIDY

    async def read(self) -> None:
        """Read the folder now. Whatever goes wrong, the flows before stay, and it is tried again."""
        async with self._reading:
            self._again_at = asyncio.get_running_loop().time() + AGAIN
            try:
                if await self._read_anew():
                    self._again_at = math.inf
            except Exception:  # a fault of ours with one flow must not keep all calls out
                log.exception("ivr_flows_not_read")

    async def _read_anew(self) -> bool:
        """Whether all that is well written can be heard."""
        loop = asyncio.get_running_loop()
        self._seen = await loop.run_in_executor(None, _signature, self._folder)
        found, problems = await loop.run_in_executor(None, self._read)
        heard: dict[str, Flow] = {}
        unheard: list[str] = []
        for name, flow in found.items():
            faults = await self._unheard(flow)
            unheard += faults
            if not faults:
                heard[name] = flow
        self._take(heard, (*problems, *unheard))
        return not unheard

    def _read(self) -> tuple[dict[str, Flow], tuple[str, ...]]:
        return read_flows(self._folder, country=self._country)

    def _take(self, heard: Mapping[str, Flow], problems: Sequence[str]) -> None:
        """These flows from now on, and those before whose files are wrong now."""
        good = {flow.path for flow in heard.values()}
        kept = {
            name: flow
            for name, flow in self._flows.items()
            if name not in heard and flow.path not in good and flow.path.exists()
        }
        for problem in problems:
            if problem not in self.problems:
                log.error("ivr_flow_refused", problem=problem)
        self.problems = tuple(problems)
        self._flows = {**kept, **heard}
        log.info("ivr_flows", flows=sorted(self._flows), kept=sorted(kept), refused=len(problems))

    async def _unheard(self, flow: Flow) -> Sequence[str]:
        """What of a flow could not be heard: a text without a voice, a sound that the PBX doesn't have."""
        faults: list[str] = []
        for heard in flow.prompts():
            spot = f"{flow.path}:{heard.line}: steps.{heard.step}.{heard.kind}"
            if heard.kind == "sound":
                if not await self._has_sound(heard.text):
                    faults.append(f"{spot}: the PBX has no sound {heard.text}")
                continue
            prompt = Say(heard.text, heard.language) if heard.kind == "say" and heard.fixed else None
            try:
                await self._prompts.prepare([prompt or Digits(ALL_KEYS, heard.language)])
            except SpeechError as error:
                faults.append(f"{spot}: {error}")
        return faults


def _signature(folder: Path) -> _Signature:
    """What changes when a flow's file does."""
    try:
        files = [path for path in folder.iterdir() if path.suffix in SUFFIXES]
        stats = [(path.name, path.stat()) for path in files]
    except OSError:  # gone, or just being replaced: seen at the next look
        return ()
    return tuple(sorted((name, one.st_mtime_ns, one.st_size, one.st_ino) for name, one in stats))
