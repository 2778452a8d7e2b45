"""A carrier connection that records what it is given, and fails at whatever stage it is told to."""

import asyncio
from collections.abc import Callable
from itertools import count

from voip_sms.core.failures import Accepted, Outcome, Uncertain
from voip_sms.core.model import LinkState, OutboundPart

Done = Callable[[OutboundPart, Outcome], None]
Answer = Callable[[OutboundPart], Outcome | None]


class FakeLink:
    """`ports.CarrierLink`. `answer` decides at once how a part ends; None leaves it open until `end`.

    `sent`: everything that was submitted, in order. `bind(False)` makes it take nothing.
    """

    def __init__(self, name: str = "sim", *, window: int = 10, answer: Answer | None = None) -> None:
        self.name = name
        self.window = window
        self.answer: Answer = answer or accept()
        self.sent: list[OutboundPart] = []
        self.open: dict[tuple[bytes, int], tuple[OutboundPart, Done]] = {}
        self.most_open = 0
        self.started = self.stopped = False
        self._bound = True
        self._wake: Callable[[], None] = lambda: None

    def state(self) -> LinkState:
        return LinkState("bound" if self._bound else "connecting", 0, "", len(self.open))

    def free(self) -> int:
        return self.window - len(self.open) if self._bound and not self.stopped else 0

    def on_free(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def submit(self, part: OutboundPart, done: Done) -> None:
        assert self.started
        assert not self.stopped
        self.sent.append(part)
        self.open[part.message_id, part.no] = (part, done)
        self.most_open = max(self.most_open, len(self.open))
        outcome = self.answer(part)
        if outcome is not None:
            asyncio.get_running_loop().call_soon(self.end, part, outcome)

    def end(self, part: OutboundPart, outcome: Outcome) -> None:
        """The answer of an open part has come."""
        found = self.open.pop((part.message_id, part.no), None)
        if found is not None:
            found[1](part, outcome)
            self._wake()

    def bind(self, bound: bool = True) -> None:  # noqa: FBT001, FBT002
        self._bound = bound
        if bound:
            self._wake()

    async def start(self) -> None:
        self.started = True

    async def stop(self, drain: float) -> None:
        self.stopped = True
        for part, done in list(self.open.values()):
            done(part, Uncertain("closed"))
        self.open.clear()

    @property
    def texts(self) -> list[str]:
        return [part.text for part in self.sent]


def accept() -> Answer:
    """Takes everything, with ids c1, c2, …"""
    numbers = count(1)
    return lambda _: Accepted(f"c{next(numbers)}")


def silent(_: OutboundPart) -> None:
    """Answers nothing."""


def script(*outcomes: Outcome, then: Answer | None = None) -> Answer:
    """These outcomes one after the other, then as `then` says (accepting)."""
    left = list(outcomes)
    rest = then or accept()
    return lambda part: left.pop(0) if left else rest(part)
