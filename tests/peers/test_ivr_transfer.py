"""Callers whom a flow put through to somebody: the limit for the time in the flow is not theirs any more."""

from pathlib import Path

import pytest

from support.asterisk import DIALPLAN, running_asterisk, write_tone
from support.ivr_pbx import LENGTH, TONES, calling, served

pytestmark = [pytest.mark.peer("asterisk"), pytest.mark.peer("pjsua2")]

LIMIT = "TIMEOUT(absolute)=660"
ENTRY = (DIALPLAN / "voip-sms-flow.conf").read_text(encoding="utf-8")
CALLS = """
[phones]
exten => 100,1,Answer()
 same => n,Gosub(voip-sms-flow,desk,1)
 same => n,Hangup()
[desk]
exten => s,1,NoOp(the note has ${LEN(${NOTE})} octets)
 same => n,Wait(3)
 same => n,Playback(sms-sent)
 same => n,Hangup()
[messages]
exten => _.,1,NoOp()
"""
NOTE = "😀" * 500
"""As long as a variable may be, in 6,000 octets of a URL."""
FLOW = """
version: 1
tenant: acme
start: desk
steps:
  desk: {do: transfer, to: {context: desk}, variables: {NOTE: "{{ note }}"}}
"""


async def test_who_was_put_through_is_not_cut_off_and_comes_with_what_the_flow_says(tmp_path: Path) -> None:
    assert LIMIT in ENTRY
    with running_asterisk(ENTRY.replace(LIMIT, "TIMEOUT(absolute)=2") + CALLS) as asterisk:
        write_tone(asterisk.sounds / "sms-sent.wav", TONES["sms-sent"], LENGTH)
        async with (
            served(asterisk, tmp_path / "flows", {"desk": f"{FLOW}variables: {{note: {NOTE}}}"}),
            calling(asterisk, "100", tmp_path) as caller,
        ):
            await caller.heard("sms-sent")
        assert "the note has 2000 octets" in asterisk.log_text()
