"""A caller in a flow without a PBX: what is pressed goes in, what is heard and sent comes out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from voip_sms.core import addresses
from voip_sms.core.failures import Refusal
from voip_sms.doors.ivr import events
from voip_sms.doors.ivr.events import Action, Call, Digit, Event, HungUp, Played, Sent, TimedOut
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.machine import Machine
from voip_sms.doors.ivr.reading import read_flow

MOBILE = "+48601234567"
LANDLINE = "+48225550100"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


def mobile(text: str) -> str:
    """As the service says it of Poland."""
    try:
        return addresses.recipient(text, "PL").e164
    except Refusal:
        return ""


def flow_of(folder: Path, steps: str, *, start: str = "first", head: str = "") -> Flow:
    """A flow of these steps, each line of them as in a file."""
    path = folder / "flow.yaml"
    body = "".join(f"  {line}\n" for line in steps.strip().splitlines())
    path.write_text(f"version: 1\ntenant: acme\nstart: {start}\n{head}\nsteps:\n{body}", encoding="utf-8")
    return read_flow(path)


class Caller:
    """Somebody in a flow; `at` can be moved."""

    def __init__(
        self,
        flow: Flow,
        *,
        number: str = MOBILE,
        at: datetime = NOON,
        variables: dict[str, str] | None = None,
    ) -> None:
        self.at = at
        self.actions: list[Action] = []
        call = Call("1700000000.1", number, LANDLINE, variables or {})
        self.machine = Machine(flow, call, lambda: self.at, mobile)
        self._take(self.machine.begin())

    def _take(self, actions: Sequence[Action]) -> None:
        self.actions += actions

    def happens(self, *happened: Event) -> None:
        """One after the other."""
        for event in happened:
            self._take(self.machine.on(event))

    def press(self, keys: str) -> None:
        """Right now, also into a prompt."""
        self.happens(*(Digit(key) for key in keys))

    def listen(self, *, ok: bool = True) -> None:
        """To the prompt's end."""
        self.happens(Played(ok))

    def answer(self, keys: str) -> None:
        """Listen, then press."""
        self.listen()
        self.press(keys)

    def say_nothing(self) -> None:
        """Listen, and let the time run out."""
        self.happens(Played(), TimedOut())

    def stored(self, result: Literal["accepted", "refused", "error"] = "accepted", code: str = "") -> None:
        """What the engine says."""
        self.happens(Sent(result, "msg_1" if result == "accepted" else "", code))

    def hang_up(self) -> None:
        self.happens(HungUp())

    @property
    def heard(self) -> list[str]:
        """All that was played, as text."""
        plays = (one for one in self.actions if isinstance(one, events.Play))
        return [_text(prompt) for play in plays for prompt in play.prompts]

    @property
    def sms(self) -> list[tuple[str, str]]:
        """To whom, and what."""
        return [(one.to, one.text) for one in self.actions if isinstance(one, events.Send)]

    @property
    def notes(self) -> list[tuple[str, str, str]]:
        """The trace."""
        return [(one.step, one.decision, one.reason) for one in self.actions if isinstance(one, events.Note)]

    @property
    def hung_up_on(self) -> bool:
        return any(isinstance(one, events.HangUp) for one in self.actions)

    @property
    def left(self) -> events.Leave | None:
        """Where to in the dialplan."""
        return next((one for one in self.actions if isinstance(one, events.Leave)), None)


def _text(prompt: events.Prompt) -> str:
    match prompt:
        case events.Say(text, _) | events.Digits(text, _):
            return text
        case events.Sound(name):
            return f"sound {name}"
        case events.Number(value, _):
            return str(value)
