"""One line per step of the story, and the sum at its end."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

STEP_SECONDS = 90.0
"""No step of the story takes a tenth of it; a busy machine may need more."""


class Missing(Exception):  # noqa: N818 - not an error: the reason for a skip line
    """A chapter's real component is not on this machine; the text says how to get it."""


@dataclass(slots=True)
class Report:
    """Prints each step as it ends, and counts."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    say: Callable[[str], None] = field(default=lambda line: print(line, flush=True))

    async def step(self, name: str, tell: Callable[[], Awaitable[str]]) -> None:
        """Run one step: its result is the text behind `ok`, its exception the one behind `FAIL`."""
        try:
            async with asyncio.timeout(STEP_SECONDS):
                self._line("ok", name, await tell())
            self.passed += 1
        except Missing as missing:
            self._line("skip", name, str(missing))
            self.skipped += 1
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the step's result
            self._line("FAIL", name, f"{type(error).__name__}: {error}" if str(error) else repr(error))
            self.failed += 1

    def end(self) -> int:
        """Print the sum; the exit code."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        self.say(f"demo: {self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed else 0

    def _line(self, word: str, name: str, text: str) -> None:
        self.say(f"{word} {name}: {' '.join(text.split())[:300]}")
