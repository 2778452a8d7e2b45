"""Every broken file of customers, and exactly what is said of it: line, path, what, and what to do."""

from pathlib import Path

import pytest

from voip_sms.app.administration import apply
from voip_sms.app.settings import load
from voip_sms.core.resources.documents import NotYamlError

FOLDER = Path(__file__).parent / "yaml"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_fault_is_named(path: Path, tmp_path: Path) -> None:
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()
    config = tmp_path / "voip-sms.toml"
    config.write_text("")
    try:
        applied = apply(load(config), path, plan_only=False, prune=False)
    except NotYamlError as error:
        lines = [str(error)]
    else:
        assert applied.report is None
        lines = list(applied.errors)
    assert [_portable(line, path) for line in lines] == expected


def _portable(line: str, path: Path) -> str:
    return line.replace(str(path), "{file}").replace(str(path.parent), "{folder}")
