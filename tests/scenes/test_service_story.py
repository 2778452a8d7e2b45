"""The demo's whole story with PostgreSQL below it; `make demo` tells it with SQLite."""

import pytest

from support.service import opened
from voip_sms.demo.report import Report
from voip_sms.demo.story import Story


@pytest.mark.peer("postgresql")
@pytest.mark.peer("pjsua2")
@pytest.mark.peer("linphone")
async def test_the_story_on_postgresql(pg_url):
    lines = []
    report = Report(say=lines.append)
    async with opened(pg_url) as stage:
        story = Story(stage)
        try:
            for name, step in story.steps().items():
                await report.step(name, step)
        finally:
            await story.close()
        assert report.end() == 0, "\n".join(lines)
    assert lines[-1] == "demo: 26 passed, 0 failed"
