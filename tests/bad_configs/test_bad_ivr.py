"""Every broken flow, and exactly what is said of it: line, step and reason."""

from pathlib import Path

import pytest

from voip_sms.doors.ivr.reading import FlowError, read_flow

FOLDER = Path(__file__).parent / "ivr"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_fault_is_named(path: Path) -> None:
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()
    with pytest.raises(FlowError) as refused:
        read_flow(path)
    assert [line.replace(str(path), "{file}") for line in refused.value.lines] == expected
