"""The SMS of one call: no step sends twice, and none says that it sent what it did not."""

from dataclasses import dataclass, field
from typing import Final, Literal

from voip_sms.doors.ivr.events import Sent

ATTEMPTS: Final = 3
"""SMS that one step of one call may ask for, while the earlier ones came to nothing."""

Verdict = Literal["send", "accepted", "refused", "error"]


@dataclass(slots=True)
class _Order:
    to: str
    text: str
    attempts: int = 1
    accepted: bool = False


@dataclass(slots=True)
class Orders:
    """What each step has asked for; `last` is how the last one ended."""

    last: Sent | None = None
    _of: dict[str, _Order] = field(default_factory=dict)

    def judge(self, step: str, to: str, text: str) -> tuple[Verdict, str]:
        """Whether `step` may send this now, or how its wish ends; and why. "send" counts as an attempt."""
        before = self._of.get(step)
        if before is None:
            self._of[step] = _Order(to, text)
            return "send", ""
        if before.accepted:
            if (before.to, before.text) == (to, text):
                return "accepted", "sent in this call already"
            return "refused", "a step sends one SMS in a call"
        if before.attempts >= ATTEMPTS:
            return "error", f"{ATTEMPTS} attempts came to nothing"
        self._of[step] = _Order(to, text, before.attempts + 1)
        return "send", ""

    def ended(self, step: str, sent: Sent) -> None:
        """The wish of `step` ended like this."""
        self.last = sent
        self._of[step].accepted = sent.result == "accepted"
