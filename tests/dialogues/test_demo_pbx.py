"""Where the chapter about exchanges lacks a component, it says how to get it; a broken one fails its steps alone."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from voip_sms.demo import asterisk, kamailio, stage_pbx
from voip_sms.demo.asterisk import Asterisk, AsteriskFailedError
from voip_sms.demo.kamailio import Kamailio, KamailioFailedError
from voip_sms.demo.phone import Phone
from voip_sms.demo.report import Report
from voip_sms.demo.stage_pbx import Switchboard
from voip_sms.demo.story_pbx import PbxChapter

CALLS = ("ivr_key_sends", "ivr_entered_number", "ivr_failure_prompt")
STEPS = (*CALLS, "pbx_phone_sends", "kamailio_front")
GET = "on this machine: tools/pbx.sh fetches it, without root"

Without = Callable[..., None]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Without:
    """All programs are on this machine but those named, and an Asterisk is up at once."""

    def take(*names: str) -> None:
        def find(name: str, *, apart: str) -> str | None:
            return None if name in names else f"/{apart}/{name}"

        for module in (asterisk, kamailio, stage_pbx):
            monkeypatch.setattr(module, "find_program", find)

    monkeypatch.setattr(Asterisk, "start", lambda self: self)
    monkeypatch.setattr(Phone, "available", lambda: True)
    return take


async def told(board: Switchboard, *names: str) -> list[str]:
    """What the report says of these steps."""
    lines: list[str] = []
    report = Report(say=lines.append)
    stage: Any = SimpleNamespace(handsets=None)
    steps = PbxChapter(stage, board).steps()
    for name in names:
        await report.step(name, steps[name])
    return lines


async def test_without_any_of_it_every_step_is_skipped_with_a_hint(without: Without) -> None:
    without("asterisk", "kamailio", "espeak-ng", "sox")
    async with Switchboard() as board:
        assert not board.settings
        assert not list(board.doors())
        lines = await told(board, *STEPS)
    assert lines == [
        *(f"skip {name}: no Asterisk (22 or newer) {GET}" for name in STEPS[:-1]),
        f"skip kamailio_front: no Kamailio (5 or newer) {GET}",
    ]


@pytest.mark.parametrize("name", ["espeak-ng", "sox"])
async def test_calls_need_a_voice(without: Without, name: str) -> None:
    without("kamailio", name)
    async with Switchboard() as board:
        lines = await told(board, *CALLS)
    assert lines == [f"skip {step}: no {name} {GET}, or apt-get install {name}" for step in CALLS]


async def test_calls_need_a_phone_that_calls(without: Without, monkeypatch: pytest.MonkeyPatch) -> None:
    without("kamailio")
    monkeypatch.setattr(Phone, "available", lambda: False)
    async with Switchboard() as board:
        (line,) = await told(board, "ivr_key_sends")
    assert line == f"skip ivr_key_sends: {Phone.why_not()}"


async def test_what_does_not_come_up_fails_its_steps_and_nothing_else(
    without: Without, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_asterisk(_: Asterisk) -> Asterisk:
        raise AsteriskFailedError("Asterisk did not start: no memory")

    async def no_kamailio(*_: object) -> Kamailio:
        raise KamailioFailedError("Kamailio did not start: line 7")

    without()
    monkeypatch.setattr(Asterisk, "start", no_asterisk)
    monkeypatch.setattr(Kamailio, "start", no_kamailio)
    async with Switchboard() as board:
        assert board.kamailio is not None
        board.kamailio.subscribers.write_text(f"{stage_pbx.FRONT}:")
        listener: Any = SimpleNamespace(address=lambda _: ("127.0.0.1", 1))
        stage: Any = SimpleNamespace(folder=board.folder, serve=listener)
        await board.connect(stage)
        lines = await told(board, *STEPS)
    assert lines == [
        *(f"FAIL {name}: AssertionError: Asterisk did not start: no memory" for name in STEPS[:-1]),
        "FAIL kamailio_front: AssertionError: Kamailio did not start: line 7",
    ]


async def test_whoever_looks_on_is_told_how_to_call(without: Without) -> None:
    without()
    async with Switchboard() as board:
        assert board.asterisk is not None
        assert board.kamailio is not None
        board.asterisk.sip_port = 5062
        calls, limit, front = board.doors()
        proxy = f"127.0.0.2:{board.kamailio.port}"
    assert "softphone at 127.0.0.1:5062, user 201, password pw201: dial 700" in calls
    assert "2 SMS a day" in limit
    assert f"softphone at {proxy}, domain sms.test, user 301, password pw301" in front
