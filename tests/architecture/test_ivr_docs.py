"""What people are told of flows is what flows are: every key is explained, the example runs, the picture is new."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from voip_sms.doors.ivr.drawing import draw
from voip_sms.doors.ivr.flow import FlowFile
from voip_sms.doors.ivr.parts import BUILT_IN, Condition, Count, Prompt
from voip_sms.doors.ivr.reading import read_flow
from voip_sms.doors.ivr.steps import KINDS, Consent, Gather, Menu, Place, Play, SendSms, SetValues, Transfer

ROOT = Path(__file__).parents[2]
MODELS = (
    FlowFile,
    Prompt,
    Condition,
    Count,
    Play,
    Menu,
    Gather,
    SendSms,
    Consent,
    SetValues,
    Transfer,
    Place,
)
PAGES = ("ivr.en.md", "ivr.pl.md")


def page(name: str) -> str:
    return (ROOT / "docs" / "use" / name).read_text(encoding="utf-8")


def keys(model: type[BaseModel]) -> Iterator[str]:
    return (field.alias or name for name, field in model.model_fields.items())


@pytest.mark.parametrize("name", PAGES)
def test_every_key_step_and_variable_is_explained(name: str) -> None:
    text = page(name)
    quoted = " ".join(re.findall(r"`[^`]+`|```.*?```", text, re.DOTALL))
    words = set(re.findall(r"[a-z_]+", quoted))
    named = {key for model in MODELS for key in keys(model)} | set(KINDS) | BUILT_IN
    assert named - words == set()


@pytest.mark.parametrize("name", PAGES)
def test_every_example_is_told_of(name: str) -> None:
    text = page(name)
    assert not [path.name for path in (ROOT / "ivr_flows").glob("*.yaml") if f"`{path.name}`" not in text]


@pytest.mark.parametrize("name", PAGES)
def test_the_example_of_the_page_runs(name: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(re.findall(r"```yaml\n(version.*?)```", page(name), re.DOTALL)[0], encoding="utf-8")
    assert read_flow(path).start == "welcome"


def test_the_picture_is_of_today() -> None:
    """`voip-sms ivr draw ivr_flows/opening-hours.yaml -o docs/images/flow.svg`."""
    drawn = draw(read_flow(ROOT / "ivr_flows" / "opening-hours.yaml"))
    assert (ROOT / "docs" / "images" / "flow.svg").read_text(encoding="utf-8") == drawn
