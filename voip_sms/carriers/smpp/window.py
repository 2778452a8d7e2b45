"""Submits that wait for their responses: matched by sequence in any order, each bounded in time."""

from collections.abc import Callable

from voip_sms.wire import smpp

Answered = Callable[["smpp.SubmitSmResp | smpp.GenericNack | None"], None]
"""Called once per submit: with the response, or None when none came (the outcome is uncertain)."""


class Window:
    """At most `size` submits; each is answered, expires after `patience` seconds, or is abandoned."""

    __slots__ = ("_patience", "_size", "_waiting")

    def __init__(self, size: int, patience: float) -> None:
        self._size = size
        self._patience = patience
        self._waiting: dict[int, tuple[float, Answered]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def room(self) -> int:
        """How many more fit."""
        return self._size - len(self._waiting)

    @property
    def deadline(self) -> float | None:
        """When the oldest expires: all wait equally long, so it is the first."""
        for deadline, _ in self._waiting.values():
            return deadline
        return None

    def add(self, sequence: int, answered: Answered, now: float) -> None:
        """A submit left at `now`."""
        self._waiting[sequence] = (now + self._patience, answered)

    def answer(self, response: smpp.SubmitSmResp | smpp.GenericNack) -> bool:
        """A response came; False if nobody waits for it: too late, or never asked."""
        found = self._waiting.pop(response.sequence, None)
        if found is None:
            return False
        found[1](response)
        return True

    def expire(self, now: float) -> int:
        """Give up those whose time is over; how many."""
        late = []
        for sequence, (deadline, _) in self._waiting.items():
            if deadline > now:
                break
            late.append(sequence)
        for sequence in late:
            self._waiting.pop(sequence)[1](None)
        return len(late)

    def abandon(self) -> None:
        """The connection is gone: nobody will answer any more."""
        waiting, self._waiting = self._waiting, {}
        for _, answered in waiting.values():
            answered(None)
