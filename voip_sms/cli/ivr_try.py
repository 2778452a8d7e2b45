"""`voip-sms ivr try`: a flow played in the terminal; keys are typed, and nothing is sent."""

import sys
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal

import click

from voip_sms.cli.ivr_files import country_option, flow_file, flow_in
from voip_sms.cli.values import PairInvalidError, by_name
from voip_sms.core import segments
from voip_sms.core.failures import Refusal
from voip_sms.doors.ivr import events
from voip_sms.doors.ivr.events import Action, Call, Digit, Event, HungUp, Played, Sent, TimedOut
from voip_sms.doors.ivr.knowledge import mobile_of
from voip_sms.doors.ivr.machine import Machine

Result = Literal["accepted", "refused", "error"]

_KEYS: Final = frozenset("0123456789*#")
_HANG_UP: Final = "h"
_LONGEST: Final = 1000
"""Characters of a line: more keys than a call has."""


def _variables(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    del ctx, parameter
    try:
        return by_name(given)
    except PairInvalidError as error:
        raise click.BadParameter("write name=value") from error


@click.command("try")
@flow_file
@click.option("--caller", default="+48601234567", show_default=True, help='Who calls; "" hides the number.')
@click.option("--called", default="+48225550100", show_default=True, help="The number that was dialled.")
@click.option(
    "--set", "variables", metavar="NAME=VALUE", multiple=True, callback=_variables, help="What it expects."
)
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%d %H:%M"]), help='When the call is, as "2026-12-24 17:30".'
)
@click.option(
    "--sms",
    "result",
    type=click.Choice(["accepted", "refused", "error"]),
    default="accepted",
    show_default=True,
    help="What becomes of each SMS.",
)
@country_option
def rehearse(
    path: Path,
    *,
    caller: str,
    called: str,
    variables: dict[str, str],
    at: datetime | None,
    result: Result,
    country: str,
) -> None:
    """Play the flow in FILE here. Nothing is sent.

    Type the keys as a caller would press them, several at once if you like, and press Enter. Enter alone is
    silence; h hangs up.
    """
    flow = flow_in(path, country)
    unexpected = sorted(variables.keys() - flow.expects)
    if unexpected:
        raise click.BadParameter(f"the flow does not expect {', '.join(unexpected)}", param_hint="--set")

    def now() -> datetime:
        return (at or datetime.now(UTC)).astimezone()

    click.echo(f"{caller or 'somebody who hides the number'} calls {called}, {now():%A %d.%m.%Y %H:%M}")
    call = Call("try", caller, called, variables)
    _Rehearsal(Machine(flow, call, now, partial(mobile_of, country)), flow.language, result).run()


class _Rehearsal:
    """One call between a machine and a terminal."""

    def __init__(self, machine: Machine, language: str, result: Result) -> None:
        self._machine = machine
        self._language = language
        self._result: Result = result
        self._shown = ""
        self._typed: deque[str] = deque()
        self._following: Event | None = None
        """What happens next without the caller."""

    def run(self) -> None:
        """Until either side ends the call."""
        self._do(self._machine.begin())
        while not self._machine.ended:
            self._do(self._machine.on(self._next()))

    def _next(self) -> Event:
        following, self._following = self._following, None
        return following or self._from_caller()

    def _from_caller(self) -> Event:
        while not self._typed:
            line = _typed()
            if line in ("", _HANG_UP):
                return TimedOut() if not line else HungUp()
            self._typed.extend(key for key in line if key in _KEYS)
        return Digit(self._typed.popleft())

    # --- what the machine asks for --------------------------------------------------------------------------

    def _do(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self._do_one(action)

    def _do_one(self, action: Action) -> None:
        match action:
            case events.Play(prompts):
                self._following = Played()
                for prompt in prompts:
                    self._tell(self._machine.step, self._spoken(prompt))
            case events.Send(step, to, text):
                self._following = Sent(self._result)
                self._tell(step, f"SMS to {to} ({_size(text)}): {text}")
            case events.Note(step, decision, reason):
                self._tell(step, f"→ {decision}{f' ({reason})' if reason else ''}")
            case events.Leave(context, extension, priority, variables):
                self._tell(self._machine.step, f"on in the dialplan{_place(context, extension, priority)}")
                for name, value in variables.items():
                    self._tell(self._machine.step, f"  {name}={value}")
            case _:  # Wait, Silence, HangUp: seen by what follows
                pass

    def _tell(self, step: str, text: str) -> None:
        if step != self._shown:
            click.echo(click.style(step, bold=True))
            self._shown = step
        click.echo(f"    {text}")

    def _spoken(self, prompt: events.Prompt) -> str:
        match prompt:
            case events.Sound(name):
                return f"♪ {name}"
            case events.Say(text, language):
                spoken = f"“{text}”"
            case events.Digits(text, language):
                spoken = f"“{' '.join(text)}”"
            case events.Number(value, language):
                spoken = f"“{value}”"
        return spoken if language == self._language else f"{spoken} [{language}]"


def _typed() -> str:
    """A line of the terminal's; the end of it all is somebody hanging up. Piped in, it is shown as typed."""
    click.echo("    > ", nl=False)
    line = sys.stdin.readline(_LONGEST)
    typed = line.strip() if line else _HANG_UP
    if not line or not sys.stdin.isatty():
        click.echo(typed)
    return typed


def _size(text: str) -> str:
    try:
        cut = segments.segment(text)
    except Refusal as refusal:
        return refusal.detail
    count = len(cut.parts)
    return f"{count} part{'s' if count > 1 else ''}, {cut.encoding}"


def _place(context: str, extension: str, priority: int) -> str:
    return f": {context},{extension},{priority}" if context else ", where the call came from"
