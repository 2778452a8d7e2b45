"""What a check says, and how checks run: all at once, each with a deadline."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["ok", "warn", "fail", "skip"]

PATIENCE: Final = 8.0
"""Seconds that one check may take: what it waits for answers within 3, and a person waits for the whole."""
CONNECT: Final = 3.0
"""Seconds for a connection, and for one answer on it: a peer that takes longer is in trouble."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, what was found, and what to do about it."""

    state: State
    name: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        """The line of `docs/contract.md`: `ok|warn|FAIL|skip <name>: what; what to do`."""
        word = self.state.upper() if self.state == "fail" else self.state
        return f"{word} {self.name}: {self.found}" + (f"; {self.advice}" if self.advice else "")


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look at. `look` blocks, and runs on a thread of its own."""

    name: str
    look: Callable[[], Iterable[Finding]]
    seconds: float = PATIENCE


class _Running:
    """A check under way. Its thread is a daemon: a resolver that hangs must not hold up the end."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._found: list[Finding] | None = None
        self._ends = time.monotonic() + check.seconds
        self._thread = threading.Thread(target=self._look, name=f"doctor {check.name}", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        try:
            self._found = list(self._check.look())
        except Exception as error:  # noqa: BLE001 - one check's fault must not hide what the others found
            text = f"could not be looked at: {type(error).__name__}: {error}"
            self._found = [Finding("fail", self._check.name, text)]

    def result(self) -> list[Finding]:
        self._thread.join(max(0.0, self._ends - time.monotonic()))
        if self._found is not None:
            return self._found
        text = f"no answer within {self._check.seconds:g} s"
        return [Finding("fail", self._check.name, text, "is what it needs reachable from here?")]


def run(checks: Sequence[Check]) -> Iterator[Finding]:
    """All checks at once; what they found in the order of `checks`, each within its deadline."""
    for running in [_Running(check) for check in checks]:
        yield from running.result()
