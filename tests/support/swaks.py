"""Debian's swaks as a mail client by somebody else: one mail, and the whole conversation as text."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path

from support import peers

WITHIN = 40.0
"""Seconds for one conversation; it takes a fraction of one."""


@dataclass(frozen=True, slots=True)
class Talk:
    """How it went. `code` 0: the mail was taken; 24 no recipient was, 26 the mail was not, 28 no login."""

    code: int
    text: str

    def replies(self, number: str) -> list[str]:
        """What the server said with this reply code, line by line."""
        said = [line.partition(" ")[2].strip() for line in self.text.splitlines() if line.startswith("<")]
        return [line for line in (one.lstrip("*~- ") for one in said) if line.startswith(number)]


async def swaks(port: int, *options: str, body: str = "", within: float = WITHIN) -> Talk:
    """One mail to a server on loopback; `options` are swaks' own. A loud skip when it is not installed."""
    program = peers.find_command("swaks")
    if program is None:
        peers.missing("swaks", "apt-get install swaks")
    texts = ("--body", body) if body else ()
    process = await asyncio.create_subprocess_exec(
        program, "--server", "127.0.0.1", "--port", str(port), "--helo", "client.test",
        "--timeout", "20", *texts, *options,
        stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env={"PATH": "/usr/bin:/bin", "HOME": str(Path("/nonexistent"))},
    )  # fmt: skip
    try:
        async with asyncio.timeout(within):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
    assert process.returncode is not None
    return Talk(process.returncode, said.decode(errors="replace"))
