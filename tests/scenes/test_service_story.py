"""The demo's whole story with PostgreSQL below it; `make demo` tells it with SQLite."""

import pytest

from support.service import opened
from voip_sms.demo.report import Report
from voip_sms.demo.stage_pbx import Switchboard
from voip_sms.demo.story import Story


@pytest.mark.peer("postgresql")
@pytest.mark.peer("pjsua2")
@pytest.mark.peer("linphone")
@pytest.mark.peer("asterisk")
@pytest.mark.peer("espeak-ng")
@pytest.mark.peer("sox")
@pytest.mark.peer("kamailio")
async def test_the_story_on_postgresql(pg_url: str) -> None:
    lines: list[str] = []
    report = Report(say=lines.append)
    async with Switchboard() as board, opened(pg_url, board.extend, **board.settings) as stage:
        await board.connect(stage)
        story = Story(stage, board)
        try:
            for name, step in story.steps().items():
                await report.step(name, step)
        finally:
            await story.close()
        assert report.end() == 0, "\n".join(lines)
    assert lines[-1] == "demo: 32 passed, 0 failed"
