"""One file, the environment above it, and a sample that says exactly the defaults."""

import tomllib
from pathlib import Path

import pytest

from voip_sms.app.sample import sample, shown
from voip_sms.app.settings import Settings, SettingsInvalidError, load

GOLDEN = Path(__file__).parents[1] / "golden" / "voip-sms.toml"
CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "voip-sms.toml"
    file.write_text("")
    return file


def test_the_sample_is_as_reviewed() -> None:
    renew = "if it is meant: voip-sms config sample > tests/golden/voip-sms.toml"
    assert sample() == GOLDEN.read_text(encoding="utf-8"), renew


def test_the_sample_says_the_defaults() -> None:
    assert Settings(**tomllib.loads(sample())) == Settings()


def test_the_contract_s_file_is_accepted(path: Path) -> None:
    text = CONTRACT.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    path.write_text(text)
    settings = load(path)
    assert settings.mail.sender == "sms@sms.test"
    assert settings.webhooks.allow == ("http://127.0.0.0/8",)


def test_paths_are_relative_to_the_file(path: Path) -> None:
    path.write_text('[sip]\ntls_cert = "tls/cert.pem"\ntls_key = "/elsewhere/key.pem"\n')
    settings = load(path)
    base = path.parent
    assert settings.data_dir == base / "var"
    assert settings.database.url == f"sqlite:///{base}/var/voip-sms.db"
    assert settings.sip.tls_cert == str(base / "tls" / "cert.pem")
    assert settings.sip.tls_key == "/elsewhere/key.pem"


def test_the_environment_wins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text('[sip]\nudp = "127.0.0.1:1"\ntcp = "127.0.0.1:2"\n')
    monkeypatch.setenv("VOIP_SMS_SIP__UDP", "127.0.0.1:0")
    monkeypatch.setenv("VOIP_SMS_SIP__DIGEST", '["SHA-256"]')
    monkeypatch.setenv("VOIP_SMS_MAIL__FROM", "a@b.test")
    settings = load(path)
    assert (settings.sip.udp, settings.sip.tcp) == ("127.0.0.1:0", "127.0.0.1:2")
    assert settings.sip.digest == ("SHA-256",)
    assert settings.mail.sender == "a@b.test"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("VOIP_SMS_SIP__UDPP", "x", 'environment VOIP_SMS_SIP__UDPP: sip.udpp: unknown key; did you mean "udp"?'),
        ("VOIP_SMS_HTTP__LISTEN", "x", "environment VOIP_SMS_HTTP__LISTEN: http.listen: 'x' is no address"),
        ("VOIP_SMS_SIPP__UDP", "x", "environment: VOIP_SMS_SIPP__UDP: no such section; known: service, database"),
        ("VOIP_SMS_SIP__DIGEST", "MD5,SHA", "environment: "),
    ],
)  # fmt: skip
def test_the_environment_s_faults_are_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalidError) as caught:
        load(path)
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith(line)


def test_variables_that_mean_no_key_are_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOIP_SMS_REQUIRE_PEERS", "1")
    assert load(path).http.listen == "127.0.0.1:8080"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalidError, match="config sample"):
        load(tmp_path / "none.toml")


def test_what_is_shown_hides_secrets(path: Path) -> None:
    path.write_text(
        '[database]\nurl = "postgresql://u:hush@h/d"\n[mail]\nrelay = "smtp://u:hush@h:25"\n'
        '[simulator]\npassword = "hush"\n'
    )
    text = shown(load(path))
    assert "hush" not in text
    assert tomllib.loads(text)["database"]["url"] == "postgresql://u:***@h/d"
