"""Pictures of flows: everything is on them, nothing lies on anything else, and no text is markup."""

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support.flows import flow_of
from voip_sms.doors.ivr.drawing import draw
from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.layout import Box, arrange
from voip_sms.doors.ivr.reading import read_flow

FLOWS = sorted((Path(__file__).parents[2] / "ivr_flows").glob("*.yaml"))
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return [one.text or "" for one in ET.fromstring(picture).iter(f"{SVG}text")]


def cards(picture: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of each."""
    found = re.findall(
        r'<g transform="translate\(([\d.]+) ([\d.]+)\)">\n<rect class="card" width="([\d.]+)" height="([\d.]+)"',
        picture,
    )
    return [(float(x), float(y), float(x) + float(w), float(y) + float(h)) for x, y, w, h in found]


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_every_step_has_its_card_and_no_card_lies_on_another(path: Path) -> None:
    flow = read_flow(path)
    picture = draw(flow)
    assert set(flow.steps) <= set(texts(picture))
    drawn = cards(picture)
    assert len(drawn) == len(flow.steps)
    for one, other in itertools.combinations(drawn, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    root = ET.fromstring(picture)
    assert all(right < float(root.get("width", 0)) for _, _, right, _ in drawn)
    assert all(bottom + 94 < float(root.get("height", 0)) for _, _, _, bottom in drawn)


def test_texts_are_texts(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        'first: {do: menu, prompt: {say: "</text><script>alert(1)</script>\\u0007 & {{ caller[-4:] }}"}, keys: {"*": first, "1": bye}, on_none: bye}\n'
        "bye: {do: hangup}",
    )
    picture = draw(flow)
    assert "<script" not in picture
    assert "\a" not in picture
    shown = " ".join(texts(picture))
    assert "</text><script>" in shown
    assert "‹caller›" in shown


def test_ways_back_are_words_and_ways_on_are_lines(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        'first: {do: menu, prompt: {say: x}, keys: {"*": first, "1": bye}, on_none: bye}\nbye: {do: hangup}',
    )
    picture = draw(flow)
    assert "↩ first" in texts(picture)
    assert picture.count('class="line"') == 2


def test_start_and_failure_are_marked(tmp_path: Path) -> None:
    flow: Flow = flow_of(
        tmp_path, "first: {do: play, prompt: {say: x}, next: bye}\nbye: {do: hangup}", head="on_failure: bye"
    )
    assert {"start", "on failure"} <= set(texts(draw(flow)))


def test_lines_pass_beside_the_boxes_between() -> None:
    boxes = [
        Box("a", 100, 10, (("b", 50), ("c", 80))),
        Box("b", 100, 10, (("c", 50),)),
        Box("c", 100, 10, ()),
    ]
    arranged = arrange(boxes, ["a"])
    assert {name: column for name, (column, _) in arranged.at.items()} == {"a": 0, "b": 1, "c": 2}
    passing = next(line for line in arranged.lines if line.source == "a" and line.target == "c")
    top = arranged.at["b"][1]
    assert not top - 10 < passing.passes[0] < top + 110
