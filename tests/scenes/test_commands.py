"""The other commands: what they print, and with what they end."""

import asyncio
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from support.fakes import FakeClock, NoDispatcher
from support.world import ACME, World, to_send, world
from voip_sms.cli.main import main
from voip_sms.core import ids
from voip_sms.core.identity import Rules
from voip_sms.engine.events import job_row
from voip_sms.engine.submit import Submit
from voip_sms.store.database import open_database


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "voip-sms.toml"
    path.write_text('[http]\nlisten = "127.0.0.1:0"\n[sip]\nudp = "127.0.0.1:0"\ntcp = "127.0.0.1:0"\n')
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    for name in ("serve", "apply", "config", "db", "doctor", "explain", "phone", "smsc", "webhooks"):
        assert f"\n  {name} " in text
        assert run(name, "--help").exit_code == 0


def test_an_unknown_command_ends_with_two() -> None:
    assert run("sevre").exit_code == 2


def test_the_sample_can_be_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "voip-sms.toml"
    path.write_text(run("config", "sample").stdout)
    checked = run("config", "check", "--config", path)
    assert (checked.exit_code, checked.stdout) == (0, f"{path}: ok\n")


def test_what_is_in_force_is_shown(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOIP_SMS_SIP__DOMAIN", "voip.example")
    shown = tomllib.loads(run("config", "show", "--config", config).stdout)
    assert shown["sip"]["domain"] == "voip.example"
    assert shown["simulator"]["password"] == "********"


def test_a_wrong_configuration_is_told_by_every_command(tmp_path: Path) -> None:
    path = tmp_path / "voip-sms.toml"
    path.write_text("[sip]\nudpp = 1\n")
    for command in (["serve"], ["config", "check"], ["db", "upgrade"], ["doctor"], ["explain", "msg_x"]):
        result = run(*command, "--config", path)
        assert result.exit_code == 2
        assert result.stderr == f'{path}: sip.udpp: unknown key; did you mean "udp"?\n'


def test_a_database_from_the_future_ends_with_three(config: Path, tmp_path: Path) -> None:
    assert run("db", "upgrade", "--config", config).exit_code == 0
    database = open_database(f"sqlite:///{tmp_path}/var/voip-sms.db")
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    result = run("db", "upgrade", "--config", config)
    assert result.exit_code == 3
    assert "newer version" in result.stderr


# --- explain ------------------------------------------------------------------------------------------------


async def _sent(place: World, *, tried: bool = False) -> str:
    await place.start()
    submitted = await Submit(place.context, NoDispatcher(), Rules()).submit(to_send("+48601123456"))
    message = submitted.items[0].message
    assert message is not None
    if tried:
        row = {"id": message.id, "tenant_id": ACME}
        job = job_row(row, "sip", "101", place.clock.now(), bytes(16), event="message.failed")
        await place.insert("forward_job", job | {"attempts": 1})
        attempt = {"job_id": job["id"], "no": 1, "tenant_id": ACME, "at": place.clock.now()}
        contacts = [["sip:101@a", "486"], ["sip:101@b", "timeout"]]
        outcome = {"outcome": "temporary", "cause": "sip_486", "contacts": contacts}
        await place.insert("forward_attempt", attempt | outcome)
    await place.stop()
    return ids.to_text("msg", message.id)


def test_explain_says_why_a_message_went_as_it_did(config: Path, tmp_path: Path, clock: FakeClock) -> None:
    url = f"sqlite:///{tmp_path}/var/voip-sms.db"
    assert run("db", "upgrade", "--config", config).exit_code == 0
    message = asyncio.run(_sent(world(url, clock)))
    result = run("explain", message, "--config", config)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == [f"{message}  outbound  accepted", "ACME > +48601123456  by key:app over api"]
    assert "  route: sim (prefix +48)" in lines
    assert any(line.startswith("  price: 0.29 PLN") for line in lines)


def test_explain_says_what_each_phone_answered(config: Path, tmp_path: Path, clock: FakeClock) -> None:
    url = f"sqlite:///{tmp_path}/var/voip-sms.db"
    assert run("db", "upgrade", "--config", config).exit_code == 0
    message = asyncio.run(_sent(world(url, clock), tried=True))
    lines = run("explain", message, "--config", config).stdout.splitlines()
    at = lines.index("  message.failed to sip 101: queued")
    assert lines[at + 1].endswith(" temporary (sip_486)")
    assert lines[at + 2 : at + 4] == ["      sip:101@a: 486", "      sip:101@b: timeout"]


def test_explain_of_nothing(config: Path) -> None:
    for wrong in ("msg_x", "msg_" + "0" * 26):
        result = run("explain", wrong, "--config", config)
        assert result.exit_code == 1
        assert wrong in result.stderr
