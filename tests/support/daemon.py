"""A server of Debian's as one of our own: a private folder and port, the machine's own one untouched."""

import asyncio
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from support import peers
from voip_sms.demo.children import dies_with_us, end
from voip_sms.demo.clients import POLL_SECONDS, until
from voip_sms.demo.ports import quiet_port

# It takes a second here; this is for a busy two-core machine.
START = 30.0


class Daemon(ABC):
    """A master process that runs parts of itself as other users: it needs root (a loud skip otherwise)."""

    def __init__(self, name: str, program: str | Path | None, *, greeting: bytes, log: str) -> None:
        """`greeting`: how its first line on `port` begins; `log`: the file in its folder."""
        peer = name.lower()
        if program is None or not Path(program).exists():
            peers.missing(peer, peers.PEERS[peer][1])
        if os.geteuid() != 0:
            peers.missing(peer, "its master process must be started by root")
        self.name = name
        self._program, self._greeting, self._log = str(program), greeting, log
        self._process: Process | None = None
        self.port = quiet_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"voip-sms-{peer}-"))
        self.folder.chmod(0o755)  # other users pass through it

    @abstractmethod
    def arguments(self) -> tuple[str, ...]:
        """What keeps it in the foreground, with the configuration in its folder."""

    async def start(self) -> Self:
        """Start the master process and wait for its greeting; RuntimeError with the log without one."""
        self._process = await asyncio.create_subprocess_exec(
            *dies_with_us(), self._program, *self.arguments(),
            stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True,  # it ends its group, not ours
        )  # fmt: skip
        try:
            await self.until(self._greets, f"{self.name} does not answer")
        except TimeoutError as error:
            await self.stop()
            raise RuntimeError(str(error)) from None
        return self

    async def stop(self) -> None:
        """End it and remove its folder."""
        await self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def halt(self) -> None:
        """End the master process by its own pid, which ends all others; `start` goes on with its folder."""
        process, self._process = self._process, None
        if process is not None:
            await end(process)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def until(
        self,
        look: Callable[[], Awaitable[Any]],
        complaint: str,
        within: float = START,
        step: float = POLL_SECONDS,
    ) -> Any:
        """What `look` finds, once it does; TimeoutError with the end of the log."""
        try:
            return await until(look, complaint, within, step)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_text()[-3000:]}") from None

    def log_text(self) -> str:
        file = self.folder / self._log
        return file.read_text(errors="replace") if file.exists() else ""

    async def _greets(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            return False
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(START):
                return (await reader.readline()).startswith(self._greeting)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
