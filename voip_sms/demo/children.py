"""Programs that we start: they die with us, and are ended by their own pid."""

import asyncio
import shutil
import signal
import subprocess
from asyncio.subprocess import Process
from contextlib import suppress
from typing import Final

# What an orderly end may take before force: a program that closes its files and connections needs less.
STOP: Final = 10.0


def dies_with_us(by: str = "KILL") -> list[str]:
    """A prefix that ends the child when we are killed ourselves; Debian has it, elsewhere we do without.

    `by` "TERM" or "INT" is for programs that have children of their own to end.
    """
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", by] if found else []


async def end(process: Process, by: signal.Signals = signal.SIGTERM, within: float = STOP) -> None:
    """Ask it to end, and wait; killed after `within` seconds. Nothing happens to one that has ended."""
    with suppress(ProcessLookupError):
        process.send_signal(by)
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def end_blocking(
    process: subprocess.Popen[bytes], by: signal.Signals = signal.SIGTERM, within: float = STOP
) -> None:
    """`end` for who has no event loop."""
    with suppress(ProcessLookupError):
        process.send_signal(by)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(within)
