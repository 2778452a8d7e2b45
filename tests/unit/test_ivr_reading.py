"""Files of flows: what is read, what a folder gives, and what may be heard."""

from pathlib import Path

import pytest

from voip_sms.core.directory import CallLimits, Identity
from voip_sms.doors.ivr.flow import Heard
from voip_sms.doors.ivr.reading import LARGEST, FlowError, read_flow, read_flows

HEAD = "version: 1\ntenant: acme\nstart: a\nsteps:\n"
FLOW = HEAD + "  a: {do: hangup}\n"


def test_what_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "address.yaml"
    path.write_text(
        "version: 1\ntenant: Acme Ltd\nidentity: {kind: number, value: 601 000 001}\nlimits: {caller: 3}\n"
        'language: pl\nstart: a\nsteps:\n  a:\n    do: play\n    prompt:\n    - {say: "x {{ caller }}"}\n'
        "    - {sound: hello}\n    - {digits: 12, language: en}\n    next: b\n"
        "  b: {do: hangup, prompt: {number: 7}}\n"
    )
    flow = read_flow(path)
    assert (flow.name, flow.tenant, flow.language) == ("address", "Acme Ltd", "pl")
    assert flow.identity == Identity("number", "+48601000001")
    assert flow.limits == CallLimits(3, None)
    assert flow.prompts() == [
        Heard("a", 11, "say", "x {{ caller }}", "pl", fixed=False),
        Heard("a", 12, "sound", "hello", "pl", fixed=True),
        Heard("a", 13, "digits", "12", "en", fixed=True),
        Heard("b", 15, "number", "7", "pl", fixed=True),
    ]


def test_numbers_are_read_as_the_country_has_them(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(
        HEAD + '  a: {do: send_sms, to: "0151 12345678", text: x, on_accepted: b, on_refused: b, '
        "on_error: b}\n  b: {do: hangup}\n"
    )
    assert read_flow(path, country="DE").steps["a"].to.source == "+4915112345678"  # type: ignore[union-attr]
    with pytest.raises(FlowError, match="not a phone number"):
        read_flow(path)


def test_a_folder_gives_what_is_right_and_says_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(FLOW)
    (tmp_path / "c.yml").write_text(FLOW.replace("tenant", "name: b\ntenant"))
    (tmp_path / "d.yaml").write_text("version: 1\nsteps: [\n")
    (tmp_path / "notes.txt").write_text("no flow")
    (tmp_path / ".e.yaml").write_text("an editor's")
    (tmp_path / "f.yaml").mkdir()
    flows, problems = read_flows(tmp_path)
    assert {name: flow.path.name for name, flow in flows.items()} == {"b": "b.yaml"}
    assert [problem.replace(f"{tmp_path}/", "") for problem in problems] == [
        "c.yml:2: name: b is the flow in b.yaml already",
        "d.yaml:3: not YAML: did not find expected node content",
        "f.yaml: Is a directory",
    ]


def test_no_folder_is_a_problem(tmp_path: Path) -> None:
    flows, problems = read_flows(tmp_path / "none")
    assert flows == {}
    assert problems == (f"{tmp_path}/none: No such file or directory",)


def test_a_file_as_large_as_a_film_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(FlowError, match="larger than"):
        read_flow(path)
