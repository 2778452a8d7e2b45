"""Every broken configuration file, and exactly what is said of it."""

from pathlib import Path

import pytest

from voip_sms.app.settings import SettingsInvalidError, load

FILES = sorted((Path(__file__).parent / "toml").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_fault_is_named(path: Path) -> None:
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()
    with pytest.raises(SettingsInvalidError) as caught:
        load(path)
    assert [line.replace(str(path), "{file}") for line in caught.value.lines] == expected
