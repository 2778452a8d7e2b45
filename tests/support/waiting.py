"""Waits for what must come about soon, and says what was missing when it didn't."""

import asyncio
from collections.abc import Awaitable, Callable

SOON = 30.0
"""Seconds: for a machine that runs two files of tests and much else; what works takes milliseconds."""


async def eventually(check: Callable[[], Awaitable[bool]] | Callable[[], bool], what: str = "") -> None:
    """Until `check` is true; AssertionError after a while."""
    end = asyncio.get_running_loop().time() + SOON
    while True:
        found = check()
        if not isinstance(found, bool):
            found = await found
        if found:
            return
        assert asyncio.get_running_loop().time() < end, what or "it never came about"
        await asyncio.sleep(0.005)
