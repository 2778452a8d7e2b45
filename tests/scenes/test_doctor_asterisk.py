"""What `voip-sms doctor` says of the PBX, of flows, and of voices."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from support.ari import FakeAri, fake_ari
from support.ivr import FLOW, SOUNDS
from voip_sms.app.doctor import asterisk, flows
from voip_sms.app.doctor.findings import Finding
from voip_sms.app.settings import Settings

SPEAKS = """
version: 1
tenant: acme
language: pl
start: hello
steps: {hello: {do: hangup, prompt: {say: "Dzień dobry"}}}
"""


@pytest.fixture
async def pbx() -> AsyncIterator[FakeAri]:
    async with fake_ari() as fake:
        fake.sounds |= SOUNDS
        yield fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "flows"
    made.mkdir()
    (made / "address.yaml").write_text(FLOW, encoding="utf-8")
    return made


def settings_of(pbx: FakeAri | None, ivr: Mapping[str, object] | None = None, **service: str) -> Settings:
    section = {} if pbx is None else {"url": pbx.url, "user": "sms", "password": pbx.password}
    return Settings.model_validate({"asterisk": section, "ivr": ivr or {}, "service": service})


async def of_pbx(settings: Settings) -> list[Finding]:
    return await asterisk.examine(settings)


def one(found: list[Finding], name: str, state: str) -> Finding:
    (finding,) = [one for one in found if one.name == name and one.state == state]
    return finding


async def test_a_pbx_that_answers_and_has_all_sounds(pbx: FakeAri, folder: Path) -> None:
    found = await of_pbx(settings_of(pbx, {"flows": str(folder)}))
    assert [str(finding) for finding in found] == [f"ok asterisk.url: {pbx.url}: Asterisk 22.10.1"]


async def test_a_sound_that_is_missing(pbx: FakeAri, folder: Path) -> None:
    pbx.sounds.remove("ask")
    found = await of_pbx(settings_of(pbx, {"flows": str(folder)}))
    assert one(found, "ivr.flows", "fail").found == "the PBX has no sound ask"


async def test_a_wrong_password(pbx: FakeAri) -> None:
    settings = settings_of(pbx)
    pbx.password = "changed"
    (finding,) = await of_pbx(settings)
    assert finding.state == "fail"
    assert "401 user or password" in finding.found
    assert "ari.conf" in finding.advice


async def test_nobody_there(pbx: FakeAri) -> None:
    settings = settings_of(pbx)
    await pbx.stop()
    (finding,) = await of_pbx(settings)
    assert finding.state == "fail"
    assert "http show status" in finding.advice


def test_without_a_pbx_nothing_is_asked() -> None:
    assert list(asterisk.look(settings_of(None))) == []
    assert list(flows.look(settings_of(None))) == []


def test_flows_without_a_pbx(folder: Path) -> None:
    found = list(flows.look(settings_of(None, {"flows": str(folder)})))
    assert one(found, "ivr.flows", "fail").advice == "set asterisk.url, user and password"
    assert one(found, "ivr.flows", "ok").found == f"{folder}: address"


def test_a_broken_flow_is_named(folder: Path) -> None:
    (folder / "broken.yaml").write_text("version: 1\ntenant: acme\nstart: nowhere\nsteps: {}\n")
    found = list(flows.look(settings_of(None, {"flows": str(folder)})))
    assert any(f"{folder / 'broken.yaml'}:4" in finding.found for finding in found if finding.state == "fail")


def test_a_voice_that_is_missing(folder: Path, tmp_path: Path) -> None:
    (folder / "speaks.yaml").write_text(SPEAKS, encoding="utf-8")
    ivr = {"flows": str(folder), "speech": "no-such-speech", "prompts": str(tmp_path / "prompts")}
    found = list(flows.look(settings_of(None, ivr)))
    assert "apt-get install no-such-speech" in one(found, "ivr.speech", "fail").found


def test_a_folder_that_the_pbx_cannot_enter(folder: Path, tmp_path: Path) -> None:
    (folder / "speaks.yaml").write_text(SPEAKS, encoding="utf-8")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    ivr = {"flows": str(folder), "prompts": str(closed / "prompts")}
    finding = one(list(flows.look(settings_of(None, ivr))), "ivr.prompts", "warn")
    assert finding.found == f"{closed} is closed to other users"
    fetched = ivr | {"prompts_url": "http://192.0.2.1:8080/ivr/prompts"}
    assert not [one for one in flows.look(settings_of(None, fetched)) if one.name == "ivr.prompts"]
