"""doctor says where links in mails lead, and whether passwords are typed in the clear."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from voip_sms.app.doctor import panel
from voip_sms.app.settings import Settings
from voip_sms.cli.main import main


@pytest.mark.parametrize(
    ("url", "state", "said"),
    [
        ("", "warn", "http://127.0.0.1:8080/panel; set it to what people type"),
        ("http://sms.example.com/panel", "warn", "is not https; put a TLS proxy in front"),
        ("http://10.0.0.5:8080/panel", "warn", "is not https"),
        (
            "https://sms.example.com",
            "fail",
            "leads past the panel, and so do links in mails; write https://sms.",
        ),
        ("https://sms.example.com/sms/panel", "fail", "write https://sms.example.com/panel: no proxy may"),
        ("https://sms.example.com/panel/", "ok", "https://sms.example.com/panel"),
        ("http://127.0.0.1:8080/panel", "ok", "http://127.0.0.1:8080/panel"),
        ("http://localhost:8080/panel", "ok", "http://localhost:8080/panel"),
        ("http://[::1]:8080/panel", "ok", "http://[::1]:8080/panel"),
    ],
)
def test_the_address(url: str, state: str, said: str) -> None:
    sections = {"http": {"listen": "127.0.0.1:8080"}, "panel": {"url": url}}
    (found,) = panel.look(Settings.model_validate(sections))
    assert (found.state, found.name) == (state, "panel.url")
    assert said in str(found)


@pytest.mark.parametrize("sections", [{"panel": {"enabled": False}}, {"http": {"listen": ""}}])
def test_where_it_is_not_served_nothing_is_said(sections: dict[str, dict[str, object]]) -> None:
    assert list(panel.look(Settings.model_validate(sections))) == []


def test_what_is_no_address_is_told_before_anything_is_looked_at(tmp_path: Path) -> None:
    config = tmp_path / "voip-sms.toml"
    config.write_text('[panel]\nurl = "sms.example.com"\n')
    result = CliRunner().invoke(main, ["doctor", "--config", str(config)], catch_exceptions=False)
    assert result.exit_code == 2
    assert "panel.url" in result.stderr
    assert "https://sms.example.com/panel" in result.stderr
