"""One process of the service, started as a customer starts it and watched from outside."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from voip_sms.demo.children import dies_with_us

# A cold start migrates the database and imports everything: 2 s here, so this is for a busy two-core machine.
START = 30.0
# The contract drains windows for at most 10 s; a little more for interpreter and disk.
STOP = 15.0
# The contract allows one line on stdout; more is kept so that a test can complain about it, but not for ever.
MAX_LINES = 100


class ServiceFailedError(Exception):
    """It ended, or said nothing within the bound; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ran to its end."""

    code: int
    out: str
    err: str


def command(*arguments: str) -> list[str]:
    """The installed `voip-sms` of the environment that runs us, with its arguments."""
    beside = Path(sys.executable).with_name("voip-sms")
    return [str(beside) if beside.exists() else "voip-sms", *arguments]


async def run(*arguments: str, within: float = START, cwd: Path | None = None) -> Finished:
    """Run one `voip-sms` command to its end; TimeoutError (and it is killed) after `within` seconds."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=cwd
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


class Service:
    """`voip-sms serve …` or `voip-sms smsc …` as a subprocess; its stderr goes to the file `log`."""

    def __init__(
        self,
        *arguments: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] | None = None,
    ) -> None:
        self.arguments = arguments
        self._command = [*program, *arguments] if program else command(*arguments)
        self.log = log
        self.ready: Mapping[str, Any] = {}
        self.lines: list[str] = []
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self, within: float = START) -> Self:
        """Start it and wait for its ready line; ServiceFailedError when none comes. Can be started again."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *dies_with_us(),
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
            )
        try:
            async with asyncio.timeout(within):
                self.ready = await self._ready_line()
        except TimeoutError:
            await self.kill()
            raise ServiceFailedError(self._complaint(f"not ready within {within:.0f} s")) from None
        self._reader = asyncio.create_task(self._read_on())
        return self

    async def stop(self, within: float = STOP) -> int:
        """SIGTERM and wait; its exit code. ServiceFailedError (and it is killed) when it does not end."""
        process = self._running()
        _signal(process, signal.SIGTERM)
        try:
            return await self.wait(within)
        except TimeoutError:
            await self.kill()
            raise ServiceFailedError(self._complaint(f"did not stop within {within:.0f} s")) from None

    async def kill(self) -> int:
        """Kill it without warning (SIGKILL), and wait until it is gone."""
        _signal(self._running(), signal.SIGKILL)
        return await self.wait(STOP)

    async def wait(self, within: float) -> int:
        """Wait for its end by itself; its exit code. TimeoutError after `within` seconds."""
        process = self._running()
        async with asyncio.timeout(within):
            code = await process.wait()
            if self._reader is not None:
                await self._reader
        self._reader = None
        return code

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        if self.running:
            await self.kill()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._running().pid

    def address(self, listener: str) -> tuple[str, int]:
        """Host and port of a listener by its name in the ready line (`http`, `sip_udp`, …)."""
        host, _, port = str(self.ready[listener]).rpartition(":")
        return host, int(port)

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "start it first"
        return self._process

    async def _ready_line(self) -> Mapping[str, Any]:
        process = self._running()
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode().rstrip("\n"):
            self._keep(line)
            if line.startswith("ready "):
                parsed: Mapping[str, Any] = json.loads(line.removeprefix("ready "))
                return parsed
        code = await process.wait()
        raise ServiceFailedError(self._complaint(f"ended with {code} before it was ready"))

    async def _read_on(self) -> None:
        """Keep its pipe from filling up, which would stop it."""
        stdout = self._running().stdout
        assert stdout is not None
        while line := await stdout.readline():
            self._keep(line.decode().rstrip("\n"))

    def _keep(self, line: str) -> None:
        if len(self.lines) < MAX_LINES:
            self.lines.append(line)

    def _complaint(self, what: str) -> str:
        return f"voip-sms {' '.join(self.arguments)}: {what}\n{self.log_text()[-4000:]}"


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself in the meantime
        process.send_signal(number)
